//! Typed identifiers.

kernel::id! {
    OrderId,
    ProductId,
}
