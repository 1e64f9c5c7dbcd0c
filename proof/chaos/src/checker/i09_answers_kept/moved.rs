//! Cancelling, shipping and delivering.

use crate::{
    checker::{Finding, evidence::Evidence},
    history::Request,
};
use std::collections::HashSet;
use uuid::Uuid;

/// A step, the order, and the statuses that an order has after it.
type Step = (&'static str, Uuid, &'static [&'static str]);

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let mut perhaps = HashSet::new();
    for call in &evidence.clients.calls {
        let Some((step, order, after)) = step(&call.request) else {
            continue;
        };
        if !call.was_refused() {
            perhaps.insert((step, order));
        }
        if call.succeeded_ms().is_some() {
            let status = evidence.orders.get(&order).map(|order| &*order.status);
            finding.expect(status.is_some_and(|status| after.contains(&status)), || {
                format!("a client was told that order {order} is {step}, and it is {status:?}")
            });
        }
    }
    for (id, order) in &evidence.orders {
        let steps: &[&str] = match &*order.status {
            "cancelled" => &["cancelled"],
            "shipped" => &["shipped"],
            "delivered" => &["shipped", "delivered"],
            _ => &[],
        };
        for step in steps {
            finding.expect(perhaps.contains(&(*step, *id)), || {
                format!("order {id} is {step}, and no client asked for it without being refused")
            });
        }
    }
}

fn step(request: &Request) -> Option<Step> {
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
        checker::{evidence::Evidence, sample},
        history::Request,
    };

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    #[test]
    fn a_step_that_was_answered_is_taken() {
        let back = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "confirmed".into();
        };
        assert_eq!(doctored(back), 2);
    }

    #[test]
    fn nobody_else_takes_a_step() {
        let unasked = |evidence: &mut Evidence| {
            evidence
                .clients
                .calls
                .retain(|call| !matches!(call.request, Request::Cancel { .. }));
        };
        assert_eq!(doctored(unasked), 1);
    }
}
