//! The configuration of this service.

use chrono::TimeDelta;
use lettre::message::Mailbox;
use std::str::FromStr;

/// The settings of this service alone.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Mail server as `smtp://host:port`, without TLS and credentials; the port is 25 where the URL has none.
    #[arg(long = "smtp-url", env = "SMTP_URL")]
    pub smtp_server: SmtpServer,
    /// Sender of every mail.
    #[arg(long, env = "MAIL_FROM", default_value = "orders@platform.local")]
    pub mail_from: Mailbox,
    /// Seconds that a mail waits for its order's owner and their address; after that it has failed.
    #[arg(long, env = "WAIT_MAX_S", default_value_t = 86_400)]
    pub wait_max_s: u32,
}

/// A mail server. The connection has no TLS: the server is a relay in a trusted network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Host name or IP address.
    pub host: String,
    pub port: u16,
}

impl Config {
    pub(crate) fn wait_max(&self) -> TimeDelta {
        TimeDelta::seconds(self.wait_max_s.into())
    }
}

impl FromStr for SmtpServer {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let authority = url
            .strip_prefix("smtp://")
            .ok_or("expected smtp://host:port")?
            .trim_end_matches('/');
        if authority.contains(['@', '/', '?']) {
            return Err("expected smtp://host:port, without credentials or a path");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| "the port is not a number")?),
            _ => (authority, 25),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            Err("the host is missing")
        } else {
            Ok(Self {
                host: host.to_owned(),
                port,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_a_plain_smtp_url() {
        let server = |url: &str| url.parse::<SmtpServer>().map(|server| (server.host, server.port));
        assert_eq!(server("smtp://127.0.0.1:11025"), Ok(("127.0.0.1".to_owned(), 11025)));
        assert_eq!(server("smtp://mail/"), Ok(("mail".to_owned(), 25)));
        assert_eq!(server("smtp://[::1]:2525"), Ok(("::1".to_owned(), 2525)));
        assert_eq!(server("smtp://[::1]"), Ok(("::1".to_owned(), 25)));
        for wrong in [
            "127.0.0.1:25",
            "smtp://",
            "smtp://:25",
            "smtp://host:port",
            "smtp://me:secret@host:25",
        ] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }
}
