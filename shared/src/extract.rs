//! axum's extractors, with refusals that are problems and say what to do.
