//! I5: every piece that came in is on the shelf or sold, and every piece sold was ordered.

use super::{
    Finding,
    evidence::{Evidence, Product, clients::Created},
    wishes::Wishes,
};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I5", "stock: every piece is somewhere, and sold to one order");
    let sums = sums(evidence);
    let ordered = ordered(evidence);
    let created = evidence.clients.products();
    for (id, product) in &evidence.products {
        adds_up(&mut finding, *id, product, sums.get(id).copied().unwrap_or_default());
        let ordered = ordered.get(id).copied().unwrap_or_default();
        finding.expect(product.sold == ordered, || {
            let sold = product.sold;
            format!("product {id}: {sold} sold, and confirmed orders have {ordered}")
        });
        if let Some(Created { stock, .. }) = created.get(id) {
            let is_enough = ordered <= stock + product.restocked;
            finding.expect(product.initial == *stock && is_enough, || {
                format!("product {id} was created with {stock} pieces, {ordered} are ordered, and it is {product:?}")
            });
        }
    }
    for id in created.keys().chain(ordered.keys()).chain(sums.keys()) {
        let exists = evidence.products.contains_key(id);
        finding.expect(exists, || format!("product {id} does not exist"));
    }
    finding
}

/// One product by itself.
fn adds_up(finding: &mut Finding, id: Uuid, product: &Product, sum: Product) {
    let Product {
        initial,
        restocked,
        available,
        reserved,
        sold,
    } = *product;
    finding.expect(initial + restocked == available + reserved + sold, || {
        format!("product {id} has lost or gained pieces: {product:?}")
    });
    finding.expect(available >= 0 && sold >= 0, || {
        format!("product {id} has gone below zero: {product:?}")
    });
    finding.expect(reserved == 0, || {
        format!("product {id} still has {reserved} pieces reserved")
    });
    finding.expect(*product == sum, || {
        format!("product {id} is {product:?}, and its movements add up to {sum:?}")
    });
}

/// What the movements add up to.
fn sums(evidence: &Evidence) -> HashMap<Uuid, Product> {
    let mut sums: HashMap<Uuid, Product> = HashMap::new();
    for movement in &evidence.movements {
        let quantity = movement.quantity;
        let sum = sums.entry(movement.product).or_default();
        match &*movement.kind {
            "initial" => {
                sum.initial += quantity;
                sum.available += quantity;
            }
            "restock" => {
                sum.restocked += quantity;
                sum.available += quantity;
            }
            "reserve" => {
                sum.available -= quantity;
                sum.reserved += quantity;
            }
            "sell" => {
                sum.reserved -= quantity;
                sum.sold += quantity;
            }
            "release" => {
                sum.reserved -= quantity;
                sum.available += quantity;
            }
            "return" => {
                sum.sold -= quantity;
                sum.available += quantity;
            }
            _ => {}
        }
    }
    sums
}

/// What confirmed orders want, by product.
fn ordered(evidence: &Evidence) -> HashMap<Uuid, i64> {
    let wishes = Wishes::of(evidence);
    let mut ordered = HashMap::new();
    for (id, _) in evidence.orders.iter().filter(|(_, order)| order.is_sold()) {
        for (product, quantity) in wishes.pieces(*id) {
            *ordered.entry(product).or_default() += quantity;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::{evidence::Evidence, sample};
    use crate::history::Request;

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    #[test]
    fn consistent_stock_is_found_so() {
        let finding = check(&sample::consistent());
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
    }

    #[test]
    fn lost_and_oversold_pieces_are_found() {
        let lost = |evidence: &mut Evidence| {
            evidence
                .products
                .values_mut()
                .for_each(|product| product.available -= 1);
        };
        assert!(doctored(lost) >= 2);
        let oversold = |evidence: &mut Evidence| {
            for call in &mut evidence.clients.calls {
                if let Request::CreateProduct { stock, .. } = &mut call.request {
                    *stock = 1;
                }
            }
        };
        assert_eq!(doctored(oversold), 1);
    }

    #[test]
    fn a_sale_without_an_order_and_a_forgotten_movement_are_found() {
        let unsold = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "failed".into();
        };
        // Two products were in it.
        assert_eq!(doctored(unsold), 2);
        let forgotten = |evidence: &mut Evidence| {
            evidence.movements.pop();
        };
        assert_eq!(doctored(forgotten), 1);
    }

    #[test]
    fn nothing_stays_reserved() {
        let held = |evidence: &mut Evidence| {
            for product in evidence.products.values_mut() {
                product.reserved += 1;
                product.available -= 1;
            }
        };
        assert!(doctored(held) >= 2);
    }
}
