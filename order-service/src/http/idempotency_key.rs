//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), and the digest that tells whether two
//! requests with the same key are the same request.

use crate::{domain::basket::Wish, error::Error};
use http::HeaderMap;
use sha2::{Digest, Sha256};

const HEADER: &str = "idempotency-key";
const LENGTH_MAX: usize = 255;

/// Reads the header. It is taken as it stands, quotes included.
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

/// A digest of what is asked for: another spelling of the same request (spaces, order of fields) is the same request.
pub(super) fn fingerprint(wish: &Wish) -> Result<Vec<u8>, Error> {
    let canonical = serde_json::to_vec(wish)?;
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
    fn takes_1_to_255_visible_characters() {
        assert_eq!(read(&["a"]).unwrap(), "a");
        assert_eq!(read(&["\"8e03978e-40d5\""]).unwrap(), "\"8e03978e-40d5\"");
        assert!(read(&[&"x".repeat(255)]).is_ok());
    }

    #[test]
    fn refuses_everything_else() {
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
