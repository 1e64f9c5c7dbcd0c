//! The faults of a link.

use std::time::Duration;

/// The state of a link. One holds at a time; [`LinkFault::None`] heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkFault {
    /// Bytes pass unchanged and undelayed.
    #[default]
    None,
    /// Added to each direction; chunks overlap on the way, as on a long line.
    Latency(Duration),
    /// Each chunk of an answer takes this long, one after the other, as from an overloaded server.
    SlowAnswers(Duration),
    /// A new connection reaches the server only after this time; open ones are untouched.
    SlowConnect(Duration),
    /// Open connections are reset, and new ones as soon as they are accepted.
    Cut,
    /// A black hole: open connections stay open, new ones are accepted, and no byte passes in either direction.
    HalfOpen,
    /// Requests arrive; answers are dropped.
    AnswersLost,
    /// Requests are dropped; answers arrive.
    RequestsLost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

impl LinkFault {
    pub(crate) fn drops(self, direction: Direction) -> bool {
        match self {
            Self::HalfOpen => true,
            Self::AnswersLost => direction == Direction::ToClient,
            Self::RequestsLost => direction == Direction::ToServer,
            Self::None | Self::Latency(_) | Self::SlowAnswers(_) | Self::SlowConnect(_) | Self::Cut => false,
        }
    }

    pub(crate) fn drops_any(self) -> bool {
        self.drops(Direction::ToServer) || self.drops(Direction::ToClient)
    }
}
