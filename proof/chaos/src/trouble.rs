//! What can go wrong with the harness itself, as opposed to the platform.

/// Why a run could not be done or judged.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The platform does not come up, or is not as expected.
    #[error("the platform: {0}")]
    Platform(String),
    /// A file or a process.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A request of the harness's own.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// A statement of the harness's own.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// The customers cannot come.
    #[error("the traffic: {0}")]
    Traffic(#[from] crate::traffic::TrafficError),
    /// The checker cannot see what it must judge.
    #[error("the checker: {0}")]
    Check(#[from] crate::checker::CheckError),
    /// Something unreadable.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}
