//! I5: every piece that came in is on the shelf or sold, and every piece sold was ordered.

use super::{
    Finding,
    evidence::{Evidence, Product},
    wishes::Wishes,
};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I5", "stock: every piece is somewhere, and sold to one order");
    let sums = sums(evidence);
    let sold = sold(evidence);
    let created = evidence.clients.products();
    let nothing = Product {
        initial: 0,
        restocked: 0,
        available: 0,
        reserved: 0,
        sold: 0,
    };
    for (id, product) in &evidence.products {
        let Product {
            initial,
            restocked,
            available,
            reserved,
            sold: gone,
        } = *product;
        finding.expect(initial + restocked == available + reserved + gone, || {
            format!("product {id} has lost or gained pieces: {product:?}")
        });
        finding.expect(available >= 0 && reserved >= 0 && gone >= 0, || {
            format!("product {id}: {product:?}")
        });
        finding.expect(reserved == 0, || {
            format!("product {id} still has {reserved} pieces reserved")
        });
        let sum = sums.get(id).copied().unwrap_or(nothing);
        finding.expect(is_same(product, &sum), || {
            format!("product {id} is {product:?}, and its movements add up to {sum:?}")
        });
        let ordered = sold.get(id).copied().unwrap_or_default();
        finding.expect(gone == ordered, || {
            format!("product {id}: {gone} sold, and confirmed orders have {ordered}")
        });
        if let Some(created) = created.get(id) {
            finding.expect(initial == created.stock && ordered <= created.stock + restocked, || {
                format!(
                    "product {id} was created with {} pieces, and is {product:?}; {ordered} are ordered",
                    created.stock
                )
            });
        }
    }
    for id in created.keys().chain(sold.keys()).chain(sums.keys()) {
        finding.expect(evidence.products.contains_key(id), || {
            format!("product {id} does not exist")
        });
    }
    finding
}

fn is_same(one: &Product, other: &Product) -> bool {
    let numbers = |product: &Product| {
        let Product {
            initial,
            restocked,
            available,
            reserved,
            sold,
        } = *product;
        [initial, restocked, available, reserved, sold]
    };
    numbers(one) == numbers(other)
}

/// What the movements add up to.
fn sums(evidence: &Evidence) -> HashMap<Uuid, Product> {
    let mut sums: HashMap<Uuid, Product> = HashMap::new();
    for movement in &evidence.movements {
        let quantity = movement.quantity;
        let sum = sums.entry(movement.product).or_insert(Product {
            initial: 0,
            restocked: 0,
            available: 0,
            reserved: 0,
            sold: 0,
        });
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
fn sold(evidence: &Evidence) -> HashMap<Uuid, i64> {
    let wishes = Wishes::of(evidence);
    let mut sold = HashMap::new();
    for (id, _) in evidence.orders.iter().filter(|(_, order)| order.is_sold()) {
        for (product, quantity) in wishes.pieces(*id) {
            *sold.entry(product).or_default() += quantity;
        }
    }
    sold
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
                .for_each(|product| product.available -= 1)
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
