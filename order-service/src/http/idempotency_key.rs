//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), and the digest by which a repetition is told from
//! another request with the same key.

use crate::{domain::basket::Basket, error::Error};
use http::HeaderMap;
use sha2::{Digest, Sha256};

const HEADER: &str = "idempotency-key";
const LENGTH_MAX: usize = 255;

/// Reads the header. Its value is the key, quotes included.
pub(super) fn from_headers(headers: &HeaderMap) -> Result<String, Error> {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Error::BadIdempotencyKey);
    };
    let bytes = value.as_bytes();
    if !(1..=LENGTH_MAX).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(Error::BadIdempotencyKey);
    }
    Ok(bytes.iter().copied().map(char::from).collect())
}

/// Returns the digest of a request. Another spelling of it (spaces, order of fields) has the same digest.
pub(super) fn fingerprint(basket: &Basket) -> Result<Vec<u8>, Error> {
    let canonical = serde_json::to_vec(basket)?;
    Ok(Sha256::digest(canonical).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&str]) -> Result<String, Error> {
        let header = |value: &&str| {
            (
                HEADER.parse().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        };
        let mut headers = HeaderMap::new();
        for (name, value) in values.iter().map(header) {
            let _: bool = headers.append::<http::HeaderName>(name, value);
        }
        from_headers(&headers)
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        assert_eq!(read(&["a"]).unwrap(), "a");
        assert_eq!(read(&["\"8e03978e-40d5\""]).unwrap(), "\"8e03978e-40d5\"");
        assert!(read(&[&"x".repeat(255)]).is_ok());
    }

    #[test]
    fn every_other_key_is_refused() {
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a\tb"],
            &["é"],
            &["a", "a"],
            &[&"x".repeat(256)],
        ] {
            assert!(matches!(read(values), Err(Error::BadIdempotencyKey)), "{values:?}");
        }
    }
}
