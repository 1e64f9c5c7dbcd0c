//! What differs between the topology and the broker, and what would repair it.

use std::fmt;

use crate::management::Request;
use crate::password::Passwords;
use crate::state::State;

mod access;
mod objects;

/// One thing that is not as the topology says. Displays as one line that names the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    object: String,
    problem: String,
    pub(crate) repair: Repair,
}

/// Who can do something about a [`Difference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// `topology apply` repairs it.
    Apply,
    /// A person has to decide; the line says what to do.
    ByHand,
    /// Not ours, and left alone: worth knowing, no fault.
    Note,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Repair {
    Send {
        stage: Stage,
        request: Request,
        /// Whose open connections hold on to what they were allowed before.
        user: Option<String>,
    },
    /// A retry queue whose delay left the topology, with its policy.
    DeleteWhenEmpty {
        queue: String,
    },
    ByHand,
    Note,
}

/// Repairs are made in this order. A queue finds its policy waiting, so it never lives without dead-lettering; a user
/// is narrowed to its keys before it may write at all.
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

/// What the comparison has to know besides the two states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) vhost: &'a str,
    pub(crate) operator: &'a str,
    /// `None`: users are not compared.
    pub(crate) passwords: Option<&'a Passwords>,
}

impl Difference {
    /// Who can do something about it.
    pub fn remedy(&self) -> Remedy {
        match self.repair {
            Repair::Send { .. } | Repair::DeleteWhenEmpty { .. } => Remedy::Apply,
            Repair::ByHand => Remedy::ByHand,
            Repair::Note => Remedy::Note,
        }
    }

    /// The object, as in `queue "order-queue"`.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// What is not right about it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    fn new(object: String, problem: impl Into<String>, repair: Repair) -> Self {
        Self {
            object,
            problem: problem.into(),
            repair,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.object, self.problem)
    }
}

impl Repair {
    fn send(stage: Stage, request: Request) -> Self {
        Self::Send {
            stage,
            request,
            user: None,
        }
    }

    fn send_for(user: &str, stage: Stage, request: Request) -> Self {
        Self::Send {
            stage,
            request,
            user: Some(user.to_owned()),
        }
    }
}

/// All differences, in the order in which a reader looks for them.
pub(crate) fn compare(desired: &State, actual: &State, scope: &Scope<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    objects::compare_vhost(actual, scope, &mut found);
    // The operator cannot see the inside of a vhost that it may not use: what is there is compared after the repair.
    if actual.operator_may_use_it || !actual.vhost_exists {
        objects::compare_exchanges(desired, actual, scope, &mut found);
        objects::compare_queues(desired, actual, scope, &mut found);
        objects::compare_bindings(desired, actual, scope, &mut found);
        objects::compare_policies(desired, actual, scope, &mut found);
        if let Some(passwords) = scope.passwords {
            access::compare_users(desired, actual, passwords, &mut found);
            access::compare_permissions(desired, actual, scope, &mut found);
            access::compare_topic_permissions(desired, actual, scope, &mut found);
        }
    }
    found
}
