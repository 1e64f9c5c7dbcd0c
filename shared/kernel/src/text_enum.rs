//! Enums that are text outside: in JSON, in a column, in a log.

/// A text that is none of an enum's.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not one of: {expected}")]
pub struct UnknownText {
    /// The text that was read.
    pub text: String,
    /// Every text that the enum knows, separated by commas.
    pub expected: String,
}

/// Declares a fieldless enum together with its text forms: `as_str`, `ALL`, `Display`, `FromStr`, and serde by text.
///
/// It is the one mapping between an enum and its text. A service's `store.rs` adds the column type with
/// `database::text_column!`, so the domain knows no SQL library.
///
/// ```
/// kernel::text_enum! {
///     /// A seat's availability.
///     pub enum SeatState {
///         /// On sale.
///         Free = "free",
///         /// Paid for.
///         Sold = "sold",
///     }
/// }
/// assert_eq!("sold".parse::<SeatState>().ok(), Some(SeatState::Sold));
/// assert_eq!(SeatState::Free.as_str(), "free");
/// ```
#[macro_export]
macro_rules! text_enum {
    ($(#[$attribute:meta])* $visibility:vis enum $Name:ident {
        $($(#[$variant_attribute:meta])* $Variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $Name {
            $($(#[$variant_attribute])* $Variant),+
        }

        impl $Name {
            /// Every value, in the order of declaration.
            $visibility const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// Returns the text form.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $text),+
                }
            }
        }

        impl ::std::fmt::Display for $Name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $Name {
            type Err = $crate::UnknownText;
            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::UnknownText> {
                match text {
                    $($text => Ok(Self::$Variant),)+
                    _ => Err($crate::UnknownText {
                        text: text.to_owned(),
                        expected: [$($text),+].join(", "),
                    }),
                }
            }
        }

        impl ::serde::Serialize for $Name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $Name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    text_enum! {
        enum Side {
            Left = "left",
            Right = "on_the_right",
        }
    }

    #[test]
    fn text_and_value_map_both_ways() {
        for side in Side::ALL {
            assert_eq!(side.as_str().parse::<Side>().unwrap(), *side);
            let json = serde_json::to_string(side).unwrap();
            assert_eq!(json, format!("\"{side}\""));
            assert_eq!(serde_json::from_str::<Side>(&json).unwrap(), *side);
        }
    }

    #[test]
    fn an_unknown_text_is_refused_with_those_that_are_known() {
        let error = "up".parse::<Side>().unwrap_err().to_string();
        assert_eq!(error, "`up` is not one of: left, on_the_right");
        serde_json::from_str::<Side>("\"up\"").unwrap_err();
    }
}
