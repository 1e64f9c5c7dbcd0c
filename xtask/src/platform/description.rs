//! The shape of `platform.toml`. Its comments explain each key.

use std::collections::BTreeMap;

use serde::Deserialize;

pub(super) const FILE: &str = "platform.toml";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Platform {
    pub(super) gateway: Gateway,
    #[serde(rename = "service")]
    pub(super) services: Vec<Service>,
    pub(super) support: Vec<Support>,
    #[serde(rename = "server")]
    pub(super) servers: Vec<Server>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    pub(super) port: u16,
    pub(super) operators_port: u16,
    pub(super) needs: Vec<String>,
    pub(super) redis: Option<RedisAccess>,
    #[serde(default)]
    pub(super) signing_keys: Vec<String>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
    /// The upstreams of gateway/routes.toml.
    #[serde(skip)]
    pub(super) calls: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) queue: Option<String>,
    pub(super) needs: Vec<String>,
    #[serde(default)]
    pub(super) calls: Vec<String>,
    pub(super) redis: Option<RedisAccess>,
    #[serde(default)]
    pub(super) signing_keys: Vec<String>,
    #[serde(default)]
    pub(super) secrets: Vec<String>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
}

/// Rights of one Redis user, in the words of Redis's access control lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedisAccess {
    pub(super) keys: Vec<String>,
    pub(super) commands: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Support {
    pub(super) name: String,
    pub(super) package: String,
    pub(super) program: Option<String>,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
    #[serde(default)]
    pub(super) ports: Vec<Port>,
    pub(super) volume: Option<String>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) name: String,
    #[serde(default)]
    pub(super) local: bool,
    pub(super) ports: Vec<Port>,
}

/// A port by the variable that holds its number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Port {
    pub(super) variable: String,
    #[serde(rename = "port")]
    pub(super) number: u16,
    #[serde(default)]
    pub(super) local: bool,
}

impl Platform {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("{FILE}: {}", error.to_string().trim()))
    }

    /// The service of this name.
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl Support {
    /// The binary that runs.
    pub(super) fn program(&self) -> &str {
        self.program.as_deref().unwrap_or(&self.name)
    }
}
