//! Real databases, vhosts and services for tests.
