//! W3C Trace Context: a client's trace goes on with a new span, or a new trace begins.

mod state;

use crate::headers::{TRACEPARENT, TRACESTATE};
use http::{HeaderMap, HeaderValue};
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Sampled, and random trace id; other bits must go out as zero (W3C Trace Context Level 2 §3.2.2.5).
const KNOWN_FLAGS: u8 = 0b11;

/// `traceparent` (and `tracestate`) as they came, read before the request is stripped of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits, and the flags that this version knows, of a valid `traceparent`.
    parent: Option<(String, u8)>,
    state: Option<HeaderValue>,
}

impl Trace {
    /// Reads what a client sent; anything invalid counts as absent.
    pub fn of_request(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values
            .next()
            .and_then(|value| value.to_str().ok())
            .filter(|_| values.next().is_none());
        let parent = value.and_then(parse);
        let state = parent.as_ref().and_then(|_| state::combined(headers));
        Self { parent, state }
    }

    /// Writes the trace for the service: the client's trace id or a new one, with a span id of ours.
    pub fn inject(self, headers: &mut HeaderMap) {
        headers.remove(TRACESTATE);
        let span_id = random();
        let traceparent = match self.parent {
            Some((trace_id, flags)) => format!("00-{trace_id}-{span_id:016x}-{flags:02x}"),
            None => format!("00-{:016x}{:016x}-{span_id:016x}-01", random(), random()),
        };
        headers.insert(
            TRACEPARENT,
            HeaderValue::from_str(&traceparent).expect("hexadecimal digits and dashes"),
        );
        if let Some(state) = self.state {
            headers.insert(TRACESTATE, state);
        }
    }
}

/// `version-traceid-spanid-flags`; later versions may append more (W3C Trace Context §3.2.2).
fn parse(value: &str) -> Option<(String, u8)> {
    let mut parts = value.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_id = |id: &str, length: usize| is_hex(id, length) && id.bytes().any(|digit| digit != b'0');
    let is_whole = version != "00" || parts.next().is_none();
    let is_valid =
        is_hex(version, 2) && version != "ff" && is_id(trace_id, 32) && is_id(span_id, 16) && is_hex(flags, 2);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (is_valid && is_whole).then(|| (trace_id.to_owned(), flags & KNOWN_FLAGS))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Returns a number for an id: the next count under a hash whose key was drawn at the start of the process. It asks the system for
/// no randomness of its own, which an id that protects nothing is not worth. Zero, which no id may be, is as good as impossible.
fn random() -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn passed_on(traceparent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, traceparent.parse().unwrap());
        let trace = Trace::of_request(&headers);
        trace.inject(&mut headers);
        headers[TRACEPARENT].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_valid_traceparent_is_continued_with_a_new_span() {
        let passed_on = passed_on(&format!("00-{TRACE_ID}-00f067aa0ba902b7-01"));
        assert!(
            passed_on.starts_with(&format!("00-{TRACE_ID}-")) && passed_on.ends_with("-01"),
            "{passed_on}"
        );
        assert!(!passed_on.contains("00f067aa0ba902b7"));
        assert!(parse(&passed_on).is_some());
    }

    #[test]
    fn flags_that_are_not_known_go_out_as_zero() {
        for version in ["00", "cc"] {
            let passed_on = passed_on(&format!("{version}-{TRACE_ID}-00f067aa0ba902b7-ff"));
            assert!(
                passed_on.starts_with("00-") && passed_on.ends_with("-03"),
                "{passed_on}"
            );
        }
    }

    #[test]
    fn an_invalid_traceparent_is_replaced() {
        for wrong in [
            "",
            "x",
            "00-0-0-0",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            let passed_on = passed_on(wrong);
            assert!(
                parse(&passed_on).is_some() && !passed_on.contains(TRACE_ID),
                "{passed_on}"
            );
        }
    }
}
