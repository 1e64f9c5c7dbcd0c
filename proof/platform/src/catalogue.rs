//! Products of the seeded catalogue (`product-service/migrations`).

use uuid::Uuid;

/// Espresso cup: plenty in stock.
pub const ESPRESSO_CUP: Uuid = Uuid::from_u128(0x01900000_0000_7000_8000_000000000001);
/// House blend: a million in stock.
pub const HOUSE_BLEND: Uuid = Uuid::from_u128(0x01900000_0000_7000_8000_000000000004);
/// Wooden tamper: sold out.
pub const SOLD_OUT: Uuid = Uuid::from_u128(0x01900000_0000_7000_8000_000000000012);
