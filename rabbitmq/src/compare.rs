//! Comparison of the desired with the actual state.

use crate::{
    difference::{Difference, Scope},
    state::State,
};

mod access;
mod objects;

/// Lists all differences: vhost, exchanges, queues, bindings, policies, then users and permissions.
pub(crate) fn compare(desired: &State, actual: &State, scope: &Scope<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    objects::compare_vhost(actual, scope, &mut found);
    // Without permission the operator cannot read the objects of the vhost: they are compared after the repair.
    if actual.operator_has_access || !actual.vhost_exists {
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
