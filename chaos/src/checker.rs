//! Says what must be true at the end and is not.
