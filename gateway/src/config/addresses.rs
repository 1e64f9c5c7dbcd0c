//! Settings that hold addresses: a service's replicas, and the proxies in front of the gateway.

use http_client::BaseUrl;
use std::{net::IpAddr, str::FromStr};

/// One process of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// `http://host:port`.
    pub base_url: BaseUrl,
    /// Share of the requests, relative to the other replicas.
    pub weight: usize,
}

/// The replicas of one service, as in `http://a:4002,http://b:4002;weight=3`. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas(pub Vec<Replica>);

/// The fault of an address list.
#[derive(Debug, thiserror::Error)]
pub enum AddressFault {
    /// The list has no entries.
    #[error("it names no address")]
    Empty,
    /// Not `http://host:port`.
    #[error("`{0}` is not of the form http://host:port")]
    Url(String),
    /// The part behind the address is not `;weight=1` to `;weight=100`.
    #[error("`{0}` must be weight=N with N from 1 to 100")]
    Weight(String),
    /// Not an IP address.
    #[error("`{0}` is not an IP address")]
    Ip(String),
}

impl FromStr for Replicas {
    type Err = AddressFault;

    fn from_str(text: &str) -> Result<Self, AddressFault> {
        let replicas = entries(text).map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if replicas.is_empty() {
            Err(AddressFault::Empty)
        } else {
            Ok(Self(replicas))
        }
    }
}

impl FromStr for Replica {
    type Err = AddressFault;

    fn from_str(text: &str) -> Result<Self, AddressFault> {
        let (address, option) = text
            .split_once(';')
            .map_or((text, None), |(address, option)| (address, Some(option)));
        let address = address.trim();
        let uri: http::Uri = address.parse().map_err(|_| AddressFault::Url(address.to_owned()))?;
        // A path here would be a second place that decides about `/internal`.
        let is_base = uri.scheme() == Some(&http::uri::Scheme::HTTP) && uri.path() == "/" && uri.query().is_none();
        if !is_base {
            return Err(AddressFault::Url(address.to_owned()));
        }
        let weight = option.map_or(Ok(1), parse_weight)?;
        let base_url = address.parse().map_err(|_| AddressFault::Url(address.to_owned()))?;
        Ok(Self { base_url, weight })
    }
}

fn parse_weight(option: &str) -> Result<usize, AddressFault> {
    let number = option
        .trim()
        .strip_prefix("weight=")
        .and_then(|number| number.parse().ok());
    number
        .filter(|weight| (1..=100).contains(weight))
        .ok_or_else(|| AddressFault::Weight(option.to_owned()))
}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpAddr>);

impl FromStr for TrustedProxies {
    type Err = AddressFault;

    fn from_str(text: &str) -> Result<Self, AddressFault> {
        let parse = |entry: &str| entry.parse().map_err(|_| AddressFault::Ip(entry.to_owned()));
        Ok(Self(entries(text).map(parse).collect::<Result<_, _>>()?))
    }
}

impl TrustedProxies {
    /// Returns true if the address is a proxy's.
    pub fn contains(&self, peer: IpAddr) -> bool {
        self.0.contains(&peer.to_canonical())
    }

    /// Returns the client behind a connection: its peer, or, if the peer is one of these proxies, the last forwarded address that
    /// is not a proxy's. Addresses further left may be forged by the client.
    pub fn client_ip(&self, peer: IpAddr, forwarded_for: &http::HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.0.contains(&peer) {
            return peer;
        }
        let values: Vec<&str> = forwarded_for
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(','));
        let addresses = hops
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical());
        addresses
            .into_iter()
            .find(|address| !self.0.contains(address))
            .unwrap_or(peer)
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_read_with_their_weights() {
        let replicas: Replicas = "http://a:1, http://b:2/;weight=3".parse().unwrap();
        let expected = [("http://a:1", 1), ("http://b:2", 3)];
        let read = replicas
            .0
            .iter()
            .map(|replica| (replica.base_url.to_string(), replica.weight));
        assert!(read.eq(expected.map(|(url, weight)| (url.to_owned(), weight))));
        for wrong in [
            "",
            ",",
            "a:1",
            "https://a",
            "http://a/path",
            "http://a?x",
            "http://a;weight=0",
            "http://a;w=1",
        ] {
            assert!(wrong.parse::<Replicas>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right_up_to_an_untrusted_address() {
        let mut headers = http::HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 1.1.1.1".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let trusted: TrustedProxies = "10.0.0.1,10.0.0.2".parse().unwrap();
        let client =
            |peer: &str, trusted: &TrustedProxies| trusted.client_ip(peer.parse().unwrap(), &headers).to_string();
        assert_eq!(client("10.0.0.1", &trusted), "1.1.1.1");
        assert_eq!(client("10.0.0.9", &trusted), "10.0.0.9");
        assert_eq!(client("10.0.0.1", &TrustedProxies::default()), "10.0.0.1");
    }
}
