//! What each order must contain and cost, from what the client asked for.

use super::evidence::{Evidence, clients::Created};
use crate::history::{Item, Request};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The orders that clients asked for, found by the keys that they asked with.
pub(super) struct Wishes<'a> {
    evidence: &'a Evidence,
    prices: HashMap<Uuid, Created>,
    /// By order.
    items: HashMap<Uuid, &'a [Item]>,
}

impl<'a> Wishes<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let asked: HashMap<Uuid, &[Item]> = evidence
            .clients
            .calls
            .iter()
            .filter_map(|call| match &call.request {
                Request::Place { key, items, .. } => Some((*key, items.as_slice())),
                _ => None,
            })
            .collect();
        let of_key = |key: &'a super::evidence::Key| Some((key.order?, *asked.get(&key.text.parse().ok()?)?));
        Self {
            evidence,
            prices: evidence.clients.products(),
            items: evidence.keys.iter().filter_map(of_key).collect(),
        }
    }

    /// How many pieces of each product. An order that is not in the history is taken at its word.
    pub(super) fn pieces(&self, order: Uuid) -> BTreeMap<Uuid, i64> {
        match self.items.get(&order) {
            Some(items) => added_up(items.iter().map(|item| (item.product, item.quantity.into()))),
            None => self.stored_pieces(order),
        }
    }

    fn stored_pieces(&self, order: Uuid) -> BTreeMap<Uuid, i64> {
        let lines = self.evidence.orders.get(&order).map_or(&[][..], |order| &order.lines);
        added_up(lines.iter().map(|line| (line.product, line.quantity)))
    }

    /// What they cost together; `None` where nobody knows a price.
    pub(super) fn total_minor(&self, order: Uuid) -> Option<i64> {
        let pieces = self.pieces(order);
        let costs = pieces
            .iter()
            .map(|(product, quantity)| Some(quantity * self.price_minor(order, *product)?));
        costs.sum()
    }

    /// The price at which the product was created. One that was there before is believed to have the price of the line.
    fn price_minor(&self, order: Uuid, product: Uuid) -> Option<i64> {
        if let Some(created) = self.prices.get(&product) {
            return Some(created.price_minor);
        }
        let lines = &self.evidence.orders.get(&order)?.lines;
        let line = lines.iter().find(|line| line.product == product)?;
        Some(line.unit_price_minor)
    }
}

/// One entry for each product.
pub(super) fn added_up(pieces: impl Iterator<Item = (Uuid, i64)>) -> BTreeMap<Uuid, i64> {
    let mut sum = BTreeMap::new();
    for (product, quantity) in pieces {
        *sum.entry(product).or_default() += quantity;
    }
    sum
}
