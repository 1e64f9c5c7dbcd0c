//! The operators' secret.

/// The operator token of every service under test.
pub const OPERATOR_TOKEN: &str = "operator-token-of-tests";
