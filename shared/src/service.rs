//! From `main` to a running service.
