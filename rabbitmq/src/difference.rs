//! One difference between the topology and the broker, and its repair.

use crate::{management::Request, password::Passwords};
use std::fmt;

/// One deviation of the broker from the topology. Displays as one line that names the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    object: String,
    problem: String,
    pub(crate) repair: Repair,
}

/// The way in which a [`Difference`] can be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// `topology apply` repairs it.
    Apply,
    /// An operator has to decide; the line says what to do.
    Manual,
    /// Nothing to resolve: an object that the topology does not own, reported and left alone.
    Note,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Repair {
    Send {
        stage: Stage,
        request: Request,
        /// User whose open connections must be closed, since they keep the permissions that they began with.
        user: Option<String>,
    },
    /// Deletes a retry queue whose delay left the topology, once it is empty, together with its policy.
    DeleteWhenEmpty {
        queue: String,
    },
    Manual,
    Note,
}

/// The order in which repairs are made. A policy precedes its queue, so that no queue ever exists without dead-lettering; a
/// user's topic permission precedes its write permission, so that it can never write keys that are not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Vhost,
    Operator,
    Exchange,
    Policy,
    Queue,
    Binding,
    Removal,
    User,
    TopicPermission,
    Permission,
}

/// Parameters of a comparison besides the two states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) vhost: &'a str,
    pub(crate) operator: &'a str,
    /// `None`: users are not compared.
    pub(crate) passwords: Option<&'a Passwords>,
}

impl Difference {
    pub(crate) fn new(object: String, problem: impl Into<String>, repair: Repair) -> Self {
        Self {
            object,
            problem: problem.into(),
            repair,
        }
    }

    /// Classifies the repair.
    pub fn remedy(&self) -> Remedy {
        match self.repair {
            Repair::Send { .. } | Repair::DeleteWhenEmpty { .. } => Remedy::Apply,
            Repair::Manual => Remedy::Manual,
            Repair::Note => Remedy::Note,
        }
    }

    /// The object that differs, as in `queue "order-queue"`.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The deviation, as in `missing`.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.object, self.problem)
    }
}

impl Repair {
    pub(crate) fn send(stage: Stage, request: Request) -> Self {
        Self::Send {
            stage,
            request,
            user: None,
        }
    }

    pub(crate) fn send_for(user: &str, stage: Stage, request: Request) -> Self {
        Self::Send {
            stage,
            request,
            user: Some(user.to_owned()),
        }
    }
}
