//! Path hygiene: refuses every path that could mean one thing here and another at the service behind.
//!
//! The trap it closes: this gateway routes on the path as it was sent, while a URL library or a service may resolve
//! `%2e%2e`, `\` or `//` first. `/api/users/%2e%2e/%2e%2e/internal/status` would pass as a user's path and arrive as
//! `/internal/status`. So only characters that need no interpretation are let through, and what was matched is sent.

/// The refusal of a path or query; its text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The path does not begin with `/`.
    #[error("the path must begin with /")]
    NotAbsolute,
    /// `//` somewhere.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..` as a segment.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A character that is not allowed in a path, or not in those of the platform (`\`, `;`, controls, non-ASCII).
    #[error("the path has a character that is not allowed")]
    Character,
    /// A percent-encoding that is broken, or that hides a delimiter.
    #[error("the path has a percent-encoding that is not allowed")]
    Encoding,
    /// A control or non-ASCII character in the query.
    #[error("the query has a character that is not allowed")]
    Query,
}

/// Bytes that must not hide behind a percent-encoding: decoded, they would be delimiters.
const HIDDEN_DELIMITERS: &[u8] = b"/\\.%;?#";

/// Checks path and query of a request target.
pub fn check(path: &str, query: Option<&str>) -> Result<(), Fault> {
    let rest = path.strip_prefix('/').ok_or(Fault::NotAbsolute)?;
    check_bytes(path.as_bytes())?;
    // A single empty segment at the end (`/api/orders/`) is harmless: no route matches it.
    if rest.contains("//") || rest.starts_with('/') {
        return Err(Fault::EmptySegment);
    }
    if rest.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(Fault::DotSegment);
    }
    let clean = query.is_none_or(|query| query.bytes().all(|byte| byte.is_ascii_graphic()));
    if clean { Ok(()) } else { Err(Fault::Query) }
}

fn check_bytes(path: &[u8]) -> Result<(), Fault> {
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let decoded = hex(bytes.next())
                    .zip(hex(bytes.next()))
                    .map(|(high, low)| high * 16 + low);
                let decoded = decoded.ok_or(Fault::Encoding)?;
                if decoded.is_ascii_control() || HIDDEN_DELIMITERS.contains(&decoded) {
                    return Err(Fault::Encoding);
                }
            }
            _ if is_plain(byte) => {}
            _ => return Err(Fault::Character),
        }
    }
    Ok(())
}

/// RFC 3986 `pchar` and `/`, without `;`, whose meaning (path parameters) differs between servers.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,=:@".contains(&byte)
}

fn hex(byte: Option<u8>) -> Option<u8> {
    char::from(byte?)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_paths_are_accepted() {
        for path in [
            "/",
            "/api/orders",
            "/api/orders/",
            "/api/users/a%20b",
            "/api/users/%C3%A9",
            "/a.b/..c/x~(1)",
        ] {
            assert_eq!(check(path, Some("cursor=1&limit=2")), Ok(()), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "",
            "api",
            "//internal",
            "/api//users",
            "/api///",
            "/./x",
            "/x/..",
            "/api/users/%2e%2e/x",
            "/api/%2E",
            "/a%2fb",
            "/a%5Cb",
            "/a%00b",
            "/a%252e",
            "/a\\b",
            "/a;b",
            "/a%3bb",
            "/a%3fb",
            "/a%23b",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%0a",
            "/a%7f",
            "/é",
            "/a b",
            "/a\"b",
            "/a<b",
            "/a{b}",
            "/a|b",
            "/a^b",
            "/a`b",
        ] {
            assert!(check(path, None).is_err(), "{path}");
        }
        assert_eq!(check("/api", Some("a=\u{e9}")), Err(Fault::Query));
    }
}
