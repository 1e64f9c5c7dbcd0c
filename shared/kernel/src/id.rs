//! Identifiers: UUID version 7, whose order is the order of their creation (RFC 9562 §5.7), and a type for each kind.

use uuid::Uuid;

/// Creates an identifier.
#[expect(clippy::disallowed_methods, reason = "the one place that creates identifiers")]
pub fn new() -> Uuid {
    Uuid::now_v7()
}

/// Declares typed identifiers: newtypes of [`Uuid`] that cannot be passed for one another.
///
/// On the wire and in `Display` an id is its UUID. `sqlx::query_as!` converts a `uuid` column through `From<Uuid>`, and
/// [`uuid()`](Self#method.uuid) gives the value to bind.
///
/// ```
/// kernel::id! {
///     /// A seat in the house.
///     SeatId,
///     TicketId,
/// }
/// let seat = SeatId::new();
/// assert_eq!(seat.to_string().parse::<SeatId>()?, seat);
/// # Ok::<_, uuid::Error>(())
/// ```
#[macro_export]
macro_rules! id {
    ($($(#[$attribute:meta])* $Name:ident),+ $(,)?) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $Name(::uuid::Uuid);

        impl $Name {
            /// Creates an identifier, later in order than those before.
            pub fn new() -> Self {
                Self($crate::id::new())
            }

            /// Wraps a UUID that is already known.
            pub const fn from_uuid(id: ::uuid::Uuid) -> Self {
                Self(id)
            }

            /// Returns the bare UUID, to bind in SQL.
            pub const fn uuid(self) -> ::uuid::Uuid {
                self.0
            }
        }

        impl ::std::convert::From<::uuid::Uuid> for $Name {
            fn from(id: ::uuid::Uuid) -> Self {
                Self(id)
            }
        }

        impl ::std::convert::From<$Name> for ::uuid::Uuid {
            fn from(id: $Name) -> Self {
                id.0
            }
        }

        impl ::std::str::FromStr for $Name {
            type Err = ::uuid::Error;
            fn from_str(text: &str) -> ::std::result::Result<Self, ::uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl ::std::fmt::Display for $Name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    id!(SeatId);

    #[test]
    fn an_id_is_its_uuid_on_the_wire() {
        let seat = SeatId::new();
        let json = serde_json::to_string(&seat).unwrap();
        assert_eq!(json, format!("\"{}\"", seat.uuid()));
        assert_eq!(serde_json::from_str::<SeatId>(&json).unwrap(), seat);
        serde_json::from_str::<SeatId>("\"seat 7\"").unwrap_err();
    }

    #[test]
    fn ids_ascend_in_the_order_of_their_creation() {
        let ids: Vec<SeatId> = (0..1_000).map(|_| SeatId::new()).collect();
        assert!(ids.is_sorted());
    }
}
