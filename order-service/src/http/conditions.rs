//! Conditional requests: `If-Match` and `If-None-Match` (RFC 9110 §13.1).

use crate::error::Error;
use http::{
    HeaderMap,
    header::{HeaderName, IF_MATCH, IF_NONE_MATCH},
};

/// Fails if `If-Match` does not allow the change; an absent header allows it. Compares strongly.
pub(super) fn may_change(headers: &HeaderMap, etag: &str) -> Result<(), Error> {
    match tags(headers, &IF_MATCH, "If-Match")? {
        None => Ok(()),
        Some(tags) if tags.iter().any(|tag| tag == "*" || tag == etag) => Ok(()),
        Some(_) => Err(Error::Changed),
    }
}

/// Returns true if the client already has this version, by `If-None-Match`. Compares weakly.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> Result<bool, Error> {
    let tags = tags(headers, &IF_NONE_MATCH, "If-None-Match")?.unwrap_or_default();
    Ok(tags
        .iter()
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag))
}

/// Returns the tags of a header, with their quotes; `None` if it is absent. No tag of this service holds a comma, so a comma
/// separates two.
fn tags(headers: &HeaderMap, header: &HeaderName, name: &'static str) -> Result<Option<Vec<String>>, Error> {
    let mut tags = Vec::new();
    for value in headers.get_all(header) {
        let text = value.to_str().map_err(|_| Error::BadCondition(name))?;
        for tag in text.split(',').map(str::trim) {
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
            if tag != "*" && !quoted {
                return Err(Error::BadCondition(name));
            }
            tags.push(tag.to_owned());
        }
    }
    Ok(headers.contains_key(header).then_some(tags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn if_none_match_compares_weakly() {
        for (value, known) in [
            ("\"3\"", true),
            ("W/\"3\"", true),
            ("\"1\", \"3\"", true),
            ("*", true),
            ("\"2\"", false),
        ] {
            assert_eq!(
                is_known(&with(IF_NONE_MATCH, value), "\"3\"").unwrap(),
                known,
                "{value}"
            );
        }
        assert!(!is_known(&HeaderMap::new(), "\"3\"").unwrap());
    }

    #[test]
    fn if_match_compares_strongly() {
        for (value, allowed) in [
            ("\"3\"", true),
            ("\"1\",\"3\"", true),
            ("*", true),
            ("W/\"3\"", false),
            ("\"2\"", false),
        ] {
            assert_eq!(may_change(&with(IF_MATCH, value), "\"3\"").is_ok(), allowed, "{value}");
        }
        assert!(may_change(&HeaderMap::new(), "\"3\"").is_ok());
    }

    #[test]
    fn malformed_tags_are_refused() {
        for value in ["3", "\"3", "", "\"3\",,"] {
            assert!(
                matches!(
                    may_change(&with(IF_MATCH, value), "\"3\""),
                    Err(Error::BadCondition("If-Match"))
                ),
                "{value}"
            );
        }
    }
}
