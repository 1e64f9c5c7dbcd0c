//! The ids that an order refers to.

kernel::id! {
    OrderId,
    UserId,
    ProductId,
}
