//! I9 for the transfers of an order: cancelled, shipped, delivered.

use crate::{
    check::verdict::{Finding, require},
    collect::evidence::rows::Evidence,
    history::Request,
};
use std::collections::HashSet;
use uuid::Uuid;

/// A transfer, the order, and the statuses that the order may have after it.
type Transfer = (&'static str, Uuid, &'static [&'static str]);

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let mut possible = HashSet::new();
    for call in &evidence.clients.calls {
        let Some((name, order, after)) = transfer(&call.request) else {
            continue;
        };
        if !call.was_refused() {
            possible.insert((name, order));
        }
        if call.succeeded_ms().is_some() {
            let status = evidence.orders.get(&order).map(|order| &*order.status);
            require!(
                finding,
                status.is_some_and(|status| after.contains(&status)),
                "a client got the answer that order {order} is {name}, and it is {status:?}"
            );
        }
    }
    for (id, order) in &evidence.orders {
        let names: &[&str] = match &*order.status {
            "cancelled" => &["cancelled"],
            "shipped" => &["shipped"],
            "delivered" => &["shipped", "delivered"],
            _ => &[],
        };
        for name in names {
            require!(
                finding,
                possible.contains(&(*name, *id)),
                "order {id} is {name}, and no client has requested it without being refused"
            );
        }
    }
}

fn transfer(request: &Request) -> Option<Transfer> {
    match request {
        Request::Cancel { order } => Some(("cancelled", *order, &["cancelled"])),
        Request::Ship { order } => Some(("shipped", *order, &["shipped", "delivered"])),
        Request::Deliver { order } => Some(("delivered", *order, &["delivered"])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
        history::Request,
    };

    #[test]
    fn a_confirmed_transfer_that_did_not_happen_is_found() {
        let back = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "confirmed".into();
        };
        assert_eq!(violations(check, back), 2);
    }

    #[test]
    fn a_transfer_without_a_request_is_found() {
        let unrequested = |evidence: &mut Evidence| {
            evidence
                .clients
                .calls
                .retain(|call| !matches!(call.request, Request::Cancel { .. }));
        };
        assert_eq!(violations(check, unrequested), 1);
    }
}
