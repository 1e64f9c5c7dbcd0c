//! `tracestate`: the list that other tracing systems keep beside a trace (W3C Trace Context Level 2 §3.3).

use crate::headers::TRACESTATE;
use http::{HeaderMap, HeaderValue};
use std::collections::HashSet;

const MEMBERS_MAX: usize = 32;

/// Returns the members of all `tracestate` fields as one; `None` if there are none, or if the list is invalid: it is then dropped
/// as a whole.
pub(super) fn combined(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut members = Vec::new();
    let mut keys = HashSet::new();
    for field in headers.get_all(TRACESTATE) {
        for member in field.to_str().ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) || !keys.insert(key) {
                return None;
            }
            members.push(member);
        }
    }
    let is_list = (1..=MEMBERS_MAX).contains(&members.len());
    is_list.then(|| HeaderValue::try_from(members.join(",")).ok()).flatten()
}

/// A key, or a tenant's key in a system: `key` or `tenant@system`.
fn is_key(key: &str) -> bool {
    let is_part = |part: &str, chars_max: usize| {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        part.len() <= chars_max && part.bytes().all(rest)
    };
    let begins_with_letter = |part: &str| part.starts_with(|first: char| first.is_ascii_lowercase());
    let begins = |part: &str| part.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    match key.split_once('@') {
        Some((tenant, system)) => {
            begins(tenant) && is_part(tenant, 241) && begins_with_letter(system) && is_part(system, 14)
        }
        None => begins(key) && is_part(key, 256),
    }
}

fn is_value(value: &str) -> bool {
    let is_plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(TRACESTATE, field.parse().unwrap());
        }
        combined(&headers).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn several_fields_are_one_list() {
        assert_eq!(of(&["a=1", "b=2"]).unwrap(), "a=1,b=2");
        assert_eq!(of(&["", "a=1, ,b=x y"]).unwrap(), "a=1,b=x y");
        assert_eq!(of(&["1a-*/_=!\"#~", "t@s=1"]).unwrap(), "1a-*/_=!\"#~,t@s=1");
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["", ""]), None);
    }

    #[test]
    fn an_invalid_list_is_dropped_as_a_whole() {
        for wrong in [
            "foo =1",
            "@foo=1",
            "foo@=1",
            "FOO=1",
            "foo=bar=baz",
            "foo",
            "foo=",
            "a=1,a=2",
            "t@s@u=1",
            "t@1s=1",
        ] {
            assert_eq!(of(&["b=2", wrong]), None, "{wrong}");
        }
        let many = |count| {
            (0..count)
                .map(|number| format!("k{number}=1"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert!(of(&[&many(32)]).is_some() && of(&[&many(33)]).is_none());
        let long = |chars| format!("{}=1", "z".repeat(chars));
        assert!(of(&[&long(256)]).is_some() && of(&[&long(257)]).is_none());
    }
}
