//! Parsing of the topology file.

use crate::{error::Error, topology::Topology, validation};

#[cfg(test)]
mod tests;

/// Text of the platform's topology file, compiled in.
pub const TOPOLOGY: &str = include_str!("../topology.toml");

impl Topology {
    /// Parses the compiled-in topology file.
    pub fn load() -> Result<Self, Error> {
        Self::parse(TOPOLOGY)
    }

    /// Parses and validates the text of a topology file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let topology: Self =
            toml::from_str(text).map_err(|error| Error::Syntax(error.to_string().trim().replace('\n', " ")))?;
        validation::validate(&topology)?;
        Ok(topology)
    }
}
