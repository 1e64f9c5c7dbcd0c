//! The settings that only this service has.

use chrono::TimeDelta;
use lettre::message::Mailbox;
use shared::config::{ConfigError, Env};
use std::str::FromStr;

const DAY_S: u32 = 86_400;

/// Read once, at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SMTP_URL`: who takes our mail.
    pub smtp_server: SmtpServer,
    /// `MAIL_FROM`: the sender of every mail.
    pub mail_from: Mailbox,
    /// `WAIT_MAX_S`: how long a mail waits for its owner or their address before it is given up.
    pub wait_max: TimeDelta,
}

/// A mail server, written as `smtp://host:port`. There is no TLS: the server is a relay on a trusted network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// 25 where the URL has none.
    pub port: u16,
}

impl Config {
    /// Reads the variables.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let sender = Mailbox::new(
            None,
            lettre::Address::new("orders", "platform.local").expect("a valid address"),
        );
        Ok(Self {
            smtp_server: env.required("SMTP_URL")?,
            mail_from: env.or("MAIL_FROM", sender)?,
            wait_max: TimeDelta::seconds(env.or("WAIT_MAX_S", DAY_S)?.into()),
        })
    }
}

impl FromStr for SmtpServer {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let authority = url
            .strip_prefix("smtp://")
            .ok_or("it has to be smtp://host:port")?
            .trim_end_matches('/');
        if authority.contains(['@', '/', '?']) {
            return Err("it has to be smtp://host:port, without credentials or a path");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| "its port is not a number")?),
            _ => (authority, 25),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            Err("its host is missing")
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
    fn reads_where_the_mail_server_is() {
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
