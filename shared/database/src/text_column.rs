//! Columns that hold the text form of an enum.

/// Makes an enum of `kernel::text_enum!` a column type: stored as `text`, read back through `FromStr`.
///
/// It stands in `store.rs`, so the domain that declares the enum knows no SQL library.
#[macro_export]
macro_rules! text_column {
    ($($Enum:ty),+ $(,)?) => {$(
        impl $crate::sqlx::Type<$crate::sqlx::Postgres> for $Enum {
            fn type_info() -> $crate::sqlx::postgres::PgTypeInfo {
                <str as $crate::sqlx::Type<$crate::sqlx::Postgres>>::type_info()
            }

            fn compatible(column: &$crate::sqlx::postgres::PgTypeInfo) -> bool {
                <str as $crate::sqlx::Type<$crate::sqlx::Postgres>>::compatible(column)
            }
        }

        impl<'r> $crate::sqlx::Decode<'r, $crate::sqlx::Postgres> for $Enum {
            fn decode(
                value: $crate::sqlx::postgres::PgValueRef<'r>,
            ) -> ::std::result::Result<Self, $crate::sqlx::error::BoxDynError> {
                let text = <&str as $crate::sqlx::Decode<'r, $crate::sqlx::Postgres>>::decode(value)?;
                Ok(text.parse::<Self>()?)
            }
        }

        impl $crate::sqlx::Encode<'_, $crate::sqlx::Postgres> for $Enum {
            fn encode_by_ref(
                &self,
                buffer: &mut $crate::sqlx::postgres::PgArgumentBuffer,
            ) -> ::std::result::Result<$crate::sqlx::encode::IsNull, $crate::sqlx::error::BoxDynError> {
                <&str as $crate::sqlx::Encode<'_, $crate::sqlx::Postgres>>::encode_by_ref(&self.as_str(), buffer)
            }
        }
    )+};
}
