//! `/livez`, `/readyz`, `/internal/status`.
