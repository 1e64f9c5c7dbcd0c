//! The expected contents and price of each order, from the client's request.

use crate::{
    collect::evidence::{
        clients::Created,
        rows::{Evidence, Key},
    },
    history::Request,
};
use platform_client::api::Item;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The requested orders, found by their idempotency keys.
pub(super) struct ExpectedOrders<'a> {
    evidence: &'a Evidence,
    prices: HashMap<Uuid, Created>,
    /// Requested items, keyed by order.
    items: HashMap<Uuid, &'a [Item]>,
}

impl<'a> ExpectedOrders<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let requested: HashMap<Uuid, &[Item]> = evidence
            .clients
            .calls
            .iter()
            .filter_map(|call| match &call.request {
                Request::Place { key, items, .. } => Some((*key, items.as_slice())),
                _ => None,
            })
            .collect();
        let of_key = |key: &'a Key| Some((key.order?, *requested.get(&key.text.parse().ok()?)?));
        Self {
            evidence,
            prices: evidence.clients.products(),
            items: evidence.keys.iter().filter_map(of_key).collect(),
        }
    }

    /// Number of pieces of each product. An order without a request in the history counts with its own lines.
    pub(super) fn pieces(&self, order: Uuid) -> BTreeMap<Uuid, i64> {
        match self.items.get(&order) {
            Some(items) => sum_by_product(items.iter().map(|item| (item.product, item.quantity.into()))),
            None => self.stored_pieces(order),
        }
    }

    fn stored_pieces(&self, order: Uuid) -> BTreeMap<Uuid, i64> {
        let lines = self.evidence.orders.get(&order).map_or(&[][..], |order| &order.lines);
        sum_by_product(lines.iter().map(|line| (line.product, line.quantity)))
    }

    /// Price of the order; `None` if a price is unknown.
    pub(super) fn total_minor(&self, order: Uuid) -> Option<i64> {
        let pieces = self.pieces(order);
        let costs = pieces
            .iter()
            .map(|(product, quantity)| Some(quantity * self.price_minor(order, *product)?));
        costs.sum()
    }

    /// The price at which the product was created. An older product counts with the price of the line.
    fn price_minor(&self, order: Uuid, product: Uuid) -> Option<i64> {
        if let Some(created) = self.prices.get(&product) {
            return Some(created.price_minor);
        }
        let lines = &self.evidence.orders.get(&order)?.lines;
        let line = lines.iter().find(|line| line.product == product)?;
        Some(line.unit_price_minor)
    }
}

/// Sum of the pieces, by product.
pub(super) fn sum_by_product(pieces: impl Iterator<Item = (Uuid, i64)>) -> BTreeMap<Uuid, i64> {
    let mut sum = BTreeMap::new();
    for (product, quantity) in pieces {
        *sum.entry(product).or_default() += quantity;
    }
    sum
}
