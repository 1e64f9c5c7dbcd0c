//! `deploy/lib/platform.bash`: the description in the words of the scripts.

use std::collections::BTreeSet;

use super::description::{Platform, Port, Support};
use super::process::{Process, processes};
use super::region::MARKER;
use super::setting::{Piece, is_adjustable, render};

pub(super) const FILE: &str = "deploy/lib/platform.bash";

/// The whole file.
pub(super) fn file(platform: &Platform, retry_delays_ms: &[u64]) -> String {
    let all = processes(platform);
    let parts = [
        header(),
        names(platform),
        ports(&all),
        support(platform),
        settings(&all, retry_delays_ms),
        vec![String::new(), "# By process.".to_owned()],
        maps(platform, &all),
        own_settings(&all),
    ];
    parts.concat().join("\n") + "\n"
}

fn header() -> Vec<String> {
    vec![
        MARKER.to_owned(),
        "# The processes of the platform, as the scripts of both modes need them.".to_owned(),
        "# shellcheck shell=bash disable=SC2034  # each mode uses a part of it".to_owned(),
        String::new(),
    ]
}

fn names(platform: &Platform) -> Vec<String> {
    let local = platform.servers.iter().filter(|server| server.local);
    vec![
        "# Names, in the order of start.".to_owned(),
        list("SERVERS", platform.servers.iter().map(|server| server.name.as_str())),
        list("SUPPORT", platform.support.iter().map(|support| support.name.as_str())),
        list(
            "SERVICES",
            platform.services.iter().map(|service| service.name.as_str()),
        ),
        String::new(),
        "# Servers and ports of local mode only.".to_owned(),
        list("LOCAL_SERVERS", local.map(|server| server.name.as_str())),
    ]
}

fn ports(all: &[Process<'_>]) -> Vec<String> {
    let ports: Vec<&Port> = all.iter().flat_map(|process| &process.ports).collect();
    let local = ports.iter().filter(|port| port.local);
    let default = |port: &&Port| format!("    {}={}", port.variable, port.number);
    let mut lines = vec![
        list("LOCAL_PORTS", local.map(|port| port.variable.as_str())),
        String::new(),
        "# The variable and the default of each port.".to_owned(),
        "PLATFORM_PORTS=(".to_owned(),
    ];
    lines.extend(ports.iter().map(default));
    lines.push(")".to_owned());
    lines
}

fn support(platform: &Platform) -> Vec<String> {
    let packages = platform.support.iter().map(|support| support.package.as_str());
    let packages = packages.filter(|package| platform.service(package).is_none());
    let programs = platform.support.iter().map(Support::program);
    vec![
        String::new(),
        "# The programs of the support processes, and the packages that build them beside those of the services."
            .to_owned(),
        list("SUPPORT_PACKAGES", packages),
        list("SUPPORT_PROGRAMS", programs),
    ]
}

fn settings(all: &[Process<'_>], retry_delays_ms: &[u64]) -> Vec<String> {
    let adjustable: BTreeSet<String> = all
        .iter()
        .flat_map(|process| process.settings)
        .filter(|(_, value)| is_adjustable(value))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let delays: Vec<String> = retry_delays_ms.iter().map(u64::to_string).collect();
    vec![
        String::new(),
        "# Settings that a variable of the same name replaces, with their defaults.".to_owned(),
        list("ADJUSTABLE_SETTINGS", adjustable.iter().map(String::as_str)),
        String::new(),
        "# The delays of the retry queues, from rabbitmq/topology.toml.".to_owned(),
        format!("RETRY_DELAYS_MS={}", delays.join(",")),
    ]
}

fn maps(platform: &Platform, all: &[Process<'_>]) -> Vec<String> {
    let ports = |process: &Process<'_>| words(process.ports.iter().map(|port| port.variable.as_str()));
    let commands = platform.support.iter().map(|support| {
        let command = [&[support.program().to_owned()], support.arguments.as_slice()].concat();
        (support.name.as_str(), command.join(" "))
    });
    let of = |value: fn(&Process<'_>) -> String| all.iter().map(move |process| (process.name, value(process)));
    [
        map("PORTS_OF", all.iter().map(|process| (process.name, ports(process)))),
        map("COMMAND_OF", commands),
        map("NEEDS_OF", of(|process| process.needs.join(" "))),
        map("CALLS_OF", of(|process| process.calls.join(" "))),
        map("SIGNING_KEYS_OF", of(|process| process.signing_keys.join(" "))),
        map("SECRETS_OF", of(|process| process.secrets.join(" "))),
        map("REDIS_ACCESS_OF", of(redis_access)),
    ]
    .concat()
}

/// Key patterns as they stand, commands as Redis allows them: `~session:* +get`.
fn redis_access(process: &Process<'_>) -> String {
    let Some(access) = process.redis else {
        return String::new();
    };
    let commands = access.commands.iter().map(|command| format!("+{command}"));
    access
        .keys
        .iter()
        .cloned()
        .chain(commands)
        .collect::<Vec<_>>()
        .join(" ")
}

fn own_settings(all: &[Process<'_>]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "# own_settings PROCESS: its settings in local mode, beside those that follow from its needs and calls."
            .to_owned(),
        "own_settings() {".to_owned(),
        "    case $1 in".to_owned(),
    ];
    for process in all.iter().filter(|process| !process.settings.is_empty()) {
        lines.push(format!("        {})", process.name));
        lines.push("            printf '%s\\n' \\".to_owned());
        let settings = process.settings.iter();
        let written: Vec<String> = settings
            .map(|(name, value)| format!("                \"{name}={}\"", local(process.name, name, value)))
            .collect();
        lines.push(written.join(" \\\n"));
        lines.push("            ;;".to_owned());
    }
    lines.extend(["    esac".to_owned(), "}".to_owned()]);
    lines
}

/// A value as local mode fills it in.
fn local(process: &str, name: &str, value: &str) -> String {
    if is_adjustable(value) {
        return format!("${{{name}:-{value}}}");
    }
    render(value, |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Address(port) | Piece::Listen(port) => format!("127.0.0.1:${port}"),
        Piece::Data => format!("$RUN_DIR/data/{process}"),
        Piece::Variable(variable) => format!("${variable}"),
    })
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn list<'a>(name: &str, items: impl Iterator<Item = &'a str>) -> String {
    format!("{name}=({})", words(items))
}

/// An associative array; processes without a value are left out.
fn map<'a>(name: &str, values: impl Iterator<Item = (&'a str, String)>) -> Vec<String> {
    let entries = values
        .filter(|(_, value)| !value.is_empty())
        .map(|(process, value)| format!("    [{process}]=\"{value}\""));
    std::iter::once(format!("declare -A {name}=("))
        .chain(entries)
        .chain([")".to_owned()])
        .collect()
}
