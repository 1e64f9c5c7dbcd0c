//! The regions of compose.yaml and of the overlay that publishes the inner ports.

use super::description::{Platform, Support};
use super::process::{self, Process, of_gateway, of_service, of_support, short_variable, variable};
use super::setting::{Piece, is_adjustable, render};

pub(super) const FILE: &str = "compose.yaml";
pub(super) const INNER_PORTS: &str = "deploy/compose/inner-ports.yaml";

/// The regions of compose.yaml, by name.
pub(super) fn regions(platform: &Platform, retry_delays_ms: &[u64]) -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("retry delays", retry_delays(retry_delays_ms)),
        ("broker passwords", broker_passwords(platform)),
        ("support", support(platform)),
        ("services", services(platform)),
        ("gateway", gateway(platform)),
        ("volumes", volumes(platform)),
        ("signing keys", signing_keys(platform)),
    ]
}

/// The region of the overlay: the ports of what this workspace builds.
pub(super) fn inner_ports(platform: &Platform) -> Vec<String> {
    let support = platform.support.iter().map(of_support);
    let services = platform.services.iter().map(of_service);
    let published = |process: &Process<'_>| {
        let ports = process.ports.iter();
        let ports: Vec<String> = ports
            .map(|port| format!("\"127.0.0.1:${{{}:-{}}}:{}\"", port.variable, port.number, port.number))
            .collect();
        (!ports.is_empty()).then(|| format!("  {}: {{ports: [{}]}}", process.name, ports.join(", ")))
    };
    support
        .chain(services)
        .filter_map(|process| published(&process))
        .collect()
}

fn retry_delays(delays_ms: &[u64]) -> Vec<String> {
    let delays: Vec<String> = delays_ms.iter().map(u64::to_string).collect();
    vec![format!("  RETRY_DELAYS_MS: \"{}\"", delays.join(","))]
}

fn broker_passwords(platform: &Platform) -> Vec<String> {
    let services = platform.services.iter().map(of_service);
    services
        .filter(|service| service.needs("rabbitmq"))
        .map(|service| {
            let password = format!("{}_RABBITMQ_PASSWORD", variable(service.name));
            format!("  {password}: {}", made(&password))
        })
        .collect()
}

/// The support programs with ports of their own.
fn support(platform: &Platform) -> Vec<String> {
    let served = platform.support.iter().filter(|support| !support.ports.is_empty());
    spaced(served.map(|support| support_block(platform, support)))
}

fn support_block(platform: &Platform, support: &Support) -> Vec<String> {
    let mut lines = head(&support.name, support.program(), &["app"]);
    if let Some(volume) = &support.volume {
        lines.push(format!("    volumes: [\"{volume}:/data\"]"));
    }
    if !support.arguments.is_empty() {
        lines.push(format!("    command: [{}]", support.arguments.join(", ")));
    }
    lines.push("    environment:".to_owned());
    lines.push("      LOG: ${LOG:-info}".to_owned());
    lines.extend(own_settings(platform, &of_support(support)));
    lines
}

fn services(platform: &Platform) -> Vec<String> {
    spaced(
        platform
            .services
            .iter()
            .map(|service| service_block(platform, &of_service(service))),
    )
}

fn service_block(platform: &Platform, service: &Process<'_>) -> Vec<String> {
    let mut lines = head(service.name, service.name, &networks(service));
    lines.push(format!("    secrets: [{}]", secrets(service, &["identity-jwks"])));
    lines.push("    environment:".to_owned());
    lines.push("      <<: *service-environment".to_owned());
    lines.push(format!("      LISTEN_ADDR: 0.0.0.0:{}", service.ports[0].number));
    lines.extend(servers(service));
    lines.extend(key_files(service));
    lines.extend(
        service
            .secrets
            .iter()
            .map(|secret| format!("      {secret}: {}", made(secret))),
    );
    lines.extend(urls(platform, service));
    lines.extend(own_settings(platform, service));
    lines.push("    depends_on:".to_owned());
    lines.extend(needs(service));
    lines
}

/// The gateway's block from its ports on; the lines before them are hand-written.
fn gateway(platform: &Platform) -> Vec<String> {
    let gateway = of_gateway(&platform.gateway);
    let (public, operators) = (platform.gateway.port, platform.gateway.operators_port);
    let mut lines = vec![
        "    ports:".to_owned(),
        format!("      - \"${{GATEWAY_PORT:-{public}}}:{public}\""),
        format!("      - \"127.0.0.1:${{OPERATORS_PORT:-{operators}}}:{operators}\""),
        format!("    secrets: [{}]", secrets(&gateway, &[])),
        "    environment:".to_owned(),
        "      LOG: ${LOG:-info}".to_owned(),
        format!("      LISTEN_ADDR: 0.0.0.0:{public}"),
        format!("      OPERATORS_ADDR: 0.0.0.0:{operators}"),
    ];
    lines.extend(servers(&gateway));
    lines.extend(key_files(&gateway));
    lines.extend(urls(platform, &gateway));
    lines.extend(own_settings(platform, &gateway));
    lines.push("    depends_on:".to_owned());
    lines.extend(needs(&gateway));
    let healthy = |service: &str| format!("      {service}: {{condition: service_healthy}}");
    lines.extend(platform.services.iter().map(|service| healthy(&service.name)));
    lines
}

fn volumes(platform: &Platform) -> Vec<String> {
    let volumes = platform.support.iter().filter_map(|support| support.volume.as_ref());
    volumes.map(|volume| format!("  {volume}:")).collect()
}

fn signing_keys(platform: &Platform) -> Vec<String> {
    let all = process::processes(platform);
    let mut lines: Vec<String> = all
        .iter()
        .flat_map(|process| process.signing_keys)
        .map(|key| format!("  {key}-key: {{file: \"${{RUN_DIR:-.run}}/keys/{key}.pem\"}}"))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The blocks with an empty line between two.
fn spaced(blocks: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    blocks.collect::<Vec<_>>().join(&String::new())
}

fn head(name: &str, program: &str, networks: &[&str]) -> Vec<String> {
    vec![
        format!("  {name}:"),
        "    <<: *program".to_owned(),
        format!("    image: order-platform/{program}"),
        format!("    networks: [{}]", networks.join(", ")),
    ]
}

/// A process is on the networks of the servers that it needs, and on no other.
fn networks(process: &Process<'_>) -> Vec<&'static str> {
    let data = process.needs("postgres") || process.needs("rabbitmq");
    let chosen = [("app", true), ("data", data), ("cache", process.needs("redis"))];
    chosen
        .into_iter()
        .filter(|(_, needed)| *needed)
        .map(|(network, _)| network)
        .collect()
}

fn secrets(process: &Process<'_>, common: &[&str]) -> String {
    let own = process.signing_keys.iter().map(|key| format!("{key}-key"));
    common
        .iter()
        .map(|&name| name.to_owned())
        .chain(own)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The addresses of the servers that it needs, with its own user and password.
fn servers(process: &Process<'_>) -> Vec<String> {
    let (name, upper) = (process.name, variable(process.name));
    let role = name.replace('-', "_");
    let database = made(&format!("{upper}_DATABASE_PASSWORD"));
    let broker = made(&format!("{upper}_RABBITMQ_PASSWORD"));
    let redis = made(&format!("{}_REDIS_PASSWORD", short_variable(name)));
    let urls = [
        (
            "postgres",
            format!("DATABASE_URL: postgres://{role}:{database}@postgres:5432/{role}"),
        ),
        (
            "rabbitmq",
            format!("RABBITMQ_URL: amqp://{name}:{broker}@rabbitmq:5672/platform"),
        ),
        ("redis", format!("REDIS_URL: redis://{name}:{redis}@redis:6379/0")),
    ];
    let needed = urls.into_iter().filter(|(server, _)| process.needs(server));
    needed.map(|(_, line)| format!("      {line}")).collect()
}

fn key_files(process: &Process<'_>) -> Vec<String> {
    let file = |key: &String| format!("      {}_KEY_FILE: /run/secrets/{key}-key", variable(key));
    process.signing_keys.iter().map(file).collect()
}

fn urls(platform: &Platform, process: &Process<'_>) -> Vec<String> {
    let called = process.calls.iter().filter_map(|name| platform.service(name));
    called
        .map(|service| {
            format!(
                "      {}_URL: http://{}:{}",
                variable(&service.name),
                service.name,
                service.port
            )
        })
        .collect()
}

/// The databases and the broker's topology are complete before a process that needs them starts.
fn needs(process: &Process<'_>) -> Vec<String> {
    let conditions = [
        ("postgres", "databases: {condition: service_completed_successfully}"),
        (
            "rabbitmq",
            "topology-apply: {condition: service_completed_successfully}",
        ),
        ("redis", "redis: {condition: service_healthy}"),
    ];
    let needed = conditions.into_iter().filter(|(server, _)| process.needs(server));
    needed.map(|(_, line)| format!("      {line}")).collect()
}

fn own_settings(platform: &Platform, process: &Process<'_>) -> Vec<String> {
    let settings = process.settings.iter();
    settings
        .map(|(name, value)| format!("      {name}: {}", contained(platform, name, value)))
        .collect()
}

/// A value as a container is given it.
fn contained(platform: &Platform, name: &str, value: &str) -> String {
    if is_adjustable(value) {
        return format!("${{{name}:-{value}}}");
    }
    render(value, |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Address(port) => {
            process::owner(platform, port).map_or_else(String::new, |(owner, port)| format!("{owner}:{port}"))
        }
        Piece::Listen(port) => {
            process::owner(platform, port).map_or_else(String::new, |(_, port)| format!("0.0.0.0:{port}"))
        }
        Piece::Data => "/data".to_owned(),
        Piece::Variable(variable) => made(variable),
    })
}

/// A variable that only `make up` can fill.
fn made(variable: &str) -> String {
    format!("${{{variable}:?run make up}}")
}
