//! `Host`: well formed, one reading with the request line, and a host that is ours.

use crate::error::Error;
use http::{
    HeaderMap, Uri, Version, header,
    uri::{Authority, Scheme},
};
use std::net::Ipv6Addr;

/// The hosts that the gateway answers for; all of them if it was given none.
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Takes names without a port; case does not matter.
    pub fn new(names: Vec<String>) -> Self {
        let names = names.into_iter().map(|name| name.trim().to_ascii_lowercase());
        Self(names.filter(|name| !name.is_empty()).collect())
    }

    /// Checks a request, as RFC 9112 §3.2 asks: 400 for a `Host` that is missing, repeated, malformed, or not the one that the
    /// target names; 421 for one that is not ours.
    pub fn check(&self, version: Version, target: &Uri, headers: &HeaderMap) -> Result<(), Error> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        let host = host.map(|host| host.to_str().unwrap_or_default());
        let named = target.authority().map(Authority::as_str);
        // A target in absolute form must name the same host; in HTTP/2 it names the host alone.
        let is_other = match (named, host) {
            (Some(named), Some(host)) => named != host,
            (Some(_), None) => version < Version::HTTP_2,
            (None, host) => host.is_none() && version >= Version::HTTP_11,
        };
        let is_web = target
            .scheme()
            .is_none_or(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        if is_other || second.is_some() || !is_web {
            return Err(Error::Host);
        }
        let Some(host) = host.or(named) else {
            return Ok(());
        };
        let name = name_of(host).ok_or(Error::Host)?;
        if self.0.is_empty() || self.0.contains(&name.to_ascii_lowercase()) {
            Ok(())
        } else {
            Err(Error::ForeignHost)
        }
    }
}

/// Returns the host without its port; `None` unless both are well formed (RFC 3986 §3.2.2, and no user information).
fn name_of(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(literal) => {
            let (address, rest) = literal.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (&host[..address.len() + 2], rest)
        }
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.is_empty() || is_number(port));
    let is_name = name.starts_with('[') || name.bytes().all(is_plain) && !name.is_empty();
    (is_port && is_name).then_some(name)
}

fn is_number(port: &str) -> bool {
    port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// Characters of a registered name. Percent-encoding is legal there, and in no name that anything resolves.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &str, target: &str, host: &[&str]) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        for host in host {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let names = hosts.split(',').map(str::to_owned).collect();
        Hosts::new(names).check(Version::HTTP_11, &target.parse().unwrap(), &headers)
    }

    #[test]
    fn well_formed_hosts_are_accepted() {
        for host in [
            "x",
            "shop.example:3000",
            "127.0.0.1:80",
            "[::1]",
            "[2001:db8::1]:443",
            "x:",
        ] {
            assert!(check("", "/", &[host]).is_ok(), "{host}");
        }
        assert!(check("", "http://x:80/", &["x:80"]).is_ok());
    }

    #[test]
    fn malformed_hosts_and_those_with_another_reading_are_refused() {
        for host in [
            "", "a b", "x/../y", "x@y", "[::1", "x:80:80", "<script>", "x:99999", "x:8o", "[::1]x", "%41",
        ] {
            assert!(matches!(check("", "/", &[host]), Err(Error::Host)), "{host}");
        }
        assert!(matches!(check("", "/", &[]), Err(Error::Host)));
        assert!(matches!(check("", "/", &["x", "x"]), Err(Error::Host)));
        assert!(matches!(check("", "http://y/", &["x"]), Err(Error::Host)));
        assert!(matches!(check("", "ftp://x/", &["x"]), Err(Error::Host)));
    }

    #[test]
    fn a_host_that_is_not_ours_is_misdirected() {
        let ours = "shop.example,[::1]";
        assert!(check(ours, "/", &["SHOP.example:3000"]).is_ok());
        assert!(check(ours, "/", &["[::1]:3000"]).is_ok());
        assert!(matches!(check(ours, "/", &["evil"]), Err(Error::ForeignHost)));
    }
}
