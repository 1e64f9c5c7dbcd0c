//! `ResilientHttpClient`: the only way out over HTTP.
