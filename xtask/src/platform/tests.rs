//! A small platform: what is generated from it, and which mistakes are found.

use super::Sources;

const PLATFORM: &str = r#"
[gateway]
port = 3000
operators_port = 3001
needs = ["redis"]
signing_keys = ["identity-signing"]
redis = { keys = ["~bucket:*"], commands = ["get"] }

[[service]]
name = "seat-service"
port = 4001
queue = "seat-queue"
needs = ["postgres", "rabbitmq"]
settings = { HOLD_S = "60", PRINTER_URL = "http://{address:PRINTER_PORT}" }

[[service]]
name = "ticket-service"
port = 4002
needs = ["postgres", "rabbitmq"]
calls = ["seat-service"]

[[support]]
name = "ticket-printer"
package = "ticket-printer"
ports = [{ variable = "PRINTER_PORT", port = 4010 }]
settings = { LISTEN_ADDR = "{listen:PRINTER_PORT}", FOLDER = "{data}/printed" }

[[server]]
name = "postgres"
ports = [{ variable = "POSTGRES_PORT", port = 15432 }]
"#;
const TOPOLOGY: &str = r#"
retry_delays_ms = [10, 20]
[services.seat-service]
queue = "seat-queue"
[services.ticket-service]
"#;
const ROUTES: &str = "[[route]]\nupstream = 'ticket-service'\n[[route]]\nupstream = 'gateway'\n";
const MANIFEST: &str = "[workspace]\nmembers = ['gateway', 'seat-service', 'services/ticket-service']\n";
const COMPOSE: &str = include_str!("../../../compose.yaml");
const OVERLAY: &str = include_str!("../../../deploy/compose/inner-ports.yaml");

fn sources(platform: &str, topology: &str, routes: &str, manifest: &str) -> Sources {
    Sources::parse(platform.to_owned(), topology, routes, manifest.to_owned()).unwrap()
}

/// The generated file of this path.
fn generated(path: &str) -> String {
    let read = |path: &str| Ok(if path == super::compose::FILE { COMPOSE } else { OVERLAY }.to_owned());
    let files = sources(PLATFORM, TOPOLOGY, ROUTES, MANIFEST).files(&read).unwrap();
    files.into_iter().find(|(name, _)| *name == path).unwrap().1
}

fn wrong(platform: &str) -> Vec<String> {
    sources(platform, TOPOLOGY, ROUTES, MANIFEST).check().unwrap()
}

#[track_caller]
fn assert_all_in(text: &str, expected: &[&str]) {
    for part in expected {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn scripts_learn_names_ports_and_settings() {
    let expected = [
        "SERVICES=(seat-service ticket-service)\n",
        "    SEAT_SERVICE_PORT=4001\n",
        "    [ticket-service]=\"seat-service\"\n",
        "    [gateway]=\"ticket-service\"\n",
        "    [gateway]=\"~bucket:* +get\"\n",
        "\"HOLD_S=${HOLD_S:-60}\"",
        "\"PRINTER_URL=http://127.0.0.1:$PRINTER_PORT\"",
        "\"FOLDER=$RUN_DIR/data/ticket-printer/printed\"",
        "ADJUSTABLE_SETTINGS=(HOLD_S=60)\n",
        "RETRY_DELAYS_MS=10,20\n",
    ];
    assert_all_in(&generated(super::bash::FILE), &expected);
}

#[test]
fn containers_get_a_block_for_each_service() {
    let compose = generated(super::compose::FILE);
    let expected = [
        "  seat-service:\n    <<: *program\n    image: order-platform/seat-service\n    networks: [app, data]\n",
        "      PRINTER_URL: http://ticket-printer:4010\n",
        "      HOLD_S: ${HOLD_S:-60}\n",
        "      SEAT_SERVICE_URL: http://seat-service:4001\n",
        "      FOLDER: /data/printed\n",
        "  SEAT_SERVICE_RABBITMQ_PASSWORD: ${SEAT_SERVICE_RABBITMQ_PASSWORD:?run make up}\n",
        "      TICKET_SERVICE_URL: http://ticket-service:4002\n",
        "      ticket-service: {condition: service_healthy}\n",
        "  RETRY_DELAYS_MS: \"10,20\"\n",
    ];
    assert_all_in(&compose, &expected);
    assert!(!compose.contains("order-service"), "the old blocks are gone");
    let overlay = generated(super::compose::INNER_PORTS);
    assert_all_in(
        &overlay,
        &["  seat-service: {ports: [\"127.0.0.1:${SEAT_SERVICE_PORT:-4001}:4001\"]}\n"],
    );
}

#[test]
fn a_sound_description_has_no_findings() {
    assert_eq!(wrong(PLATFORM), Vec::<String>::new());
}

#[test]
fn each_mistake_is_named_at_the_line_of_its_entry() {
    let mistakes = [
        (
            "port = 4002",
            "port = 14001",
            "platform.toml:17: platform: the last four digits of port 14001",
        ),
        (
            "calls = [\"seat-service\"]",
            "calls = [\"x\"]",
            "`x`, which it calls, is no service",
        ),
        (
            "name = \"ticket-printer\"",
            "name = \"seat-service\"",
            "two processes are called",
        ),
        (
            "name = \"ticket-service\"",
            "name = \"tickets\"",
            "must end in -service",
        ),
        (
            "{address:PRINTER_PORT}",
            "{address:POSTGRES_PORT}",
            "no port of a program",
        ),
        ("{data}", "{folder}", "no placeholder"),
        ("HOLD_S = \"60\"", "HOLD_S = \"$(id)\"", "may not stand in a value"),
        ("needs = [\"redis\"]", "needs = []", "or neither"),
        (
            "queue = \"seat-queue\"",
            "queue = \"other\"",
            "the queue of seat-service is other here",
        ),
    ];
    for (right, mistake, expected) in mistakes {
        let found = wrong(&PLATFORM.replacen(right, mistake, 1));
        assert!(
            found.iter().any(|finding| finding.contains(expected)),
            "{mistake}: {found:#?}"
        );
    }
}

#[test]
fn other_files_name_the_same_services() {
    let check = |topology: &str, routes: &str, manifest: &str| {
        let found = sources(PLATFORM, topology, routes, manifest).check().unwrap();
        found.join("\n")
    };
    let topology = TOPOLOGY.replace("ticket-service", "other-service");
    let found = check(&topology, ROUTES, MANIFEST);
    assert_all_in(
        &found,
        &[
            "has no [services.ticket-service]",
            "other-service of rabbitmq/topology.toml is no service",
        ],
    );
    let found = check(TOPOLOGY, &ROUTES.replace("ticket-service", "evil-service"), MANIFEST);
    assert_all_in(&found, &["`evil-service`, which it calls, is no service"]);
    let found = check(TOPOLOGY, ROUTES, &MANIFEST.replace("seat-service", "cinema-service"));
    assert_all_in(&found, &["seat-service is no member", "cinema-service is a member"]);
}

#[test]
fn hand_written_lines_repeat_neither_names_nor_ports() {
    let platform = sources(PLATFORM, TOPOLOGY, ROUTES, MANIFEST).platform;
    let text = "ports: [\"${POSTGRES_PORT:-15433}:5432\"]\n# generated from platform.toml: cargo xtask platform [x]\nseat-service\n# end\nseat-service\n";
    let lines = |found: Vec<(usize, String)>| found.into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines(super::agreement::with_ports(&platform, text)), [1]);
    assert_eq!(lines(super::agreement::without_names(&platform, text)), [5]);
}
