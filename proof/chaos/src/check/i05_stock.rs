//! I5: every piece is available, reserved or sold, and every sold piece was ordered.

use super::{
    expected_orders::ExpectedOrders,
    verdict::{Finding, require},
};
use crate::collect::evidence::{
    clients::Created,
    rows::{Evidence, Product},
};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I5", "stock: every piece is accounted for, and sold to one order");
    let sums = sums(evidence);
    let ordered = ordered(evidence);
    let created = evidence.clients.products();
    for (id, product) in &evidence.products {
        adds_up(&mut finding, *id, product, sums.get(id).copied().unwrap_or_default());
        let ordered = ordered.get(id).copied().unwrap_or_default();
        let sold = product.sold;
        require!(
            finding,
            sold == ordered,
            "product {id}: {sold} sold, and confirmed orders have {ordered}"
        );
        if let Some(Created { stock, .. }) = created.get(id) {
            let is_enough = ordered <= stock + product.restocked;
            require!(
                finding,
                product.initial == *stock && is_enough,
                "product {id} was created with {stock} pieces, {ordered} are ordered, and it is {product:?}"
            );
        }
    }
    for id in created.keys().chain(ordered.keys()).chain(sums.keys()) {
        let exists = evidence.products.contains_key(id);
        require!(finding, exists, "product {id} does not exist");
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
    require!(
        finding,
        initial + restocked == available + reserved + sold,
        "product {id} has lost or gained pieces: {product:?}"
    );
    require!(
        finding,
        available >= 0 && sold >= 0,
        "product {id} has gone below zero: {product:?}"
    );
    require!(
        finding,
        reserved == 0,
        "product {id} still has {reserved} pieces reserved"
    );
    require!(
        finding,
        *product == sum,
        "product {id} is {product:?}, and its movements add up to {sum:?}"
    );
}

/// The counters of each product, recomputed from its movements.
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

/// The pieces in confirmed orders, by product.
fn ordered(evidence: &Evidence) -> HashMap<Uuid, i64> {
    let expected = ExpectedOrders::of(evidence);
    let mut ordered = HashMap::new();
    for (id, _) in evidence.orders.iter().filter(|(_, order)| order.is_sold()) {
        for (product, quantity) in expected.pieces(*id) {
            *ordered.entry(product).or_default() += quantity;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
        history::Request,
    };

    #[test]
    fn lost_and_oversold_pieces_are_found() {
        let lost = |evidence: &mut Evidence| {
            evidence
                .products
                .values_mut()
                .for_each(|product| product.available -= 1);
        };
        assert!(violations(check, lost) >= 2);
        let oversold = |evidence: &mut Evidence| {
            for call in &mut evidence.clients.calls {
                if let Request::CreateProduct { stock, .. } = &mut call.request {
                    *stock = 1;
                }
            }
        };
        assert_eq!(violations(check, oversold), 1);
    }

    #[test]
    fn a_sale_without_an_order_and_a_forgotten_movement_are_found() {
        let unsold = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "failed".into();
        };
        // Two products are in it.
        assert_eq!(violations(check, unsold), 2);
        let forgotten = |evidence: &mut Evidence| {
            evidence.movements.pop();
        };
        assert_eq!(violations(check, forgotten), 1);
    }

    #[test]
    fn pieces_that_stay_reserved_are_found() {
        let held = |evidence: &mut Evidence| {
            for product in evidence.products.values_mut() {
                product.reserved += 1;
                product.available -= 1;
            }
        };
        assert!(violations(check, held) >= 2);
    }
}
