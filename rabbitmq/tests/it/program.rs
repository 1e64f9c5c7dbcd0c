//! The program `topology`: output, exit codes, and the log of `watch`.

use crate::vhost::{DEADLINE, PASSWORD, Vhost, empty_body, environment, eventually, publish, ready_count};
use lapin::Channel;
use rabbitmq::{Broker, Passwords, TOPOLOGY, Topology};
use reqwest::{Method, Url};
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task,
};

struct Program {
    command: Command,
    _file: TopologyFile,
}

/// The test's topology as a file, for `TOPOLOGY_FILE`.
struct TopologyFile(PathBuf);

impl Drop for TopologyFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Builds the command with the environment that it has in production.
fn program(vhost: &mut Vhost, arguments: &[&str]) -> Program {
    program_of(vhost, TOPOLOGY, arguments)
}

/// The same with another topology file.
fn program_of(vhost: &mut Vhost, text: &str, arguments: &[&str]) -> Program {
    let prefix = vhost.name.replace("topology-", "t");
    let text = text.replace("[services.", &format!("[services.{prefix}-"));
    let name = format!("{}-{}.toml", vhost.name, uuid::Uuid::now_v7().simple());
    let file = TopologyFile(env::temp_dir().join(name));
    fs::write(&file.0, &text).unwrap();
    let (topology, _) = vhost.topology_with_users();

    let address = Url::parse(&environment("TEST_RABBITMQ_MANAGEMENT_URL")).unwrap();
    let mut plain = address.clone();
    plain.set_username("").unwrap();
    plain.set_password(None).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_topology"));
    command
        .args(arguments)
        .env("RABBITMQ_MANAGEMENT_URL", plain.as_str())
        .env("RABBITMQ_VHOST", &vhost.name);
    command.env("RABBITMQ_OPERATOR_USER", address.username());
    command
        .env("RABBITMQ_OPERATOR_PASSWORD", address.password().unwrap())
        .env("TOPOLOGY_FILE", &file.0);
    for user in topology.services.keys() {
        command.env(Passwords::variable(user), PASSWORD);
    }
    Program { command, _file: file }
}

fn output(mut program: Program) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program.command.output().unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[tokio::test]
async fn plan_apply_and_verify_print_one_line_per_difference() {
    let mut vhost = Vhost::new();
    let (code, planned, _) = output(program(&mut vhost, &["plan"]));
    assert_eq!(code, Some(0));
    assert!(
        planned.contains("would repair: queue \"payment-queue.retry.120000ms\": missing\n"),
        "{planned}"
    );

    let (code, applied, _) = output(program(&mut vhost, &["apply"]));
    assert_eq!(code, Some(0), "{applied}");
    assert_eq!(planned.lines().count(), applied.lines().count());
    assert_eq!(
        output(program(&mut vhost, &["apply"])),
        (Some(0), "nothing to do\n".into(), String::new())
    );
    assert_eq!(
        output(program(&mut vhost, &["plan"])),
        (Some(0), "nothing to do\n".into(), String::new())
    );
    assert_eq!(
        output(program(&mut vhost, &["verify"])),
        (Some(0), "no difference\n".into(), String::new())
    );

    vhost
        .manage(
            Method::DELETE,
            &["policies", &vhost.name, "payment-queue"],
            empty_body(),
        )
        .await;
    let expected = "difference: policy \"payment-queue\": missing\n";
    assert_eq!(
        output(program(&mut vhost, &["verify"])),
        (Some(1), expected.into(), String::new())
    );
    assert_eq!(
        output(program(&mut vhost, &["apply"])).1,
        "repaired: policy \"payment-queue\": missing\n"
    );
}

#[test]
fn a_missing_password_is_reported_before_anything_is_changed() {
    let mut vhost = Vhost::new();
    let mut apply = program(&mut vhost, &["apply"]);
    let variable = Passwords::variable(vhost.user("order-service"));
    apply.command.env_remove(&variable);
    let (code, _, error) = output(apply);
    assert_eq!(code, Some(1));
    assert!(error.contains(&variable) && error.lines().count() == 1, "{error}");
}

#[tokio::test]
async fn every_command_refuses_a_broker_that_is_too_old() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let body = r#"{"rabbitmq_version":"3.9.29"}"#;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    let mut vhost = Vhost::new();
    for command in ["plan", "apply", "verify", "watch"] {
        let mut old = program(&mut vhost, &[command]);
        old.command.env("RABBITMQ_MANAGEMENT_URL", &address);
        let (code, _, error) = task::spawn_blocking(move || output(old)).await.unwrap();
        assert_eq!(code, Some(2), "{command}: {error}");
        assert!(
            error.starts_with("topology: RabbitMQ 3.9.29 is too old"),
            "{command}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{command}: {error}");
    }
    let broker = Broker::new(&address, "any").unwrap();
    assert!(broker.apply(&Topology::load().unwrap(), None).await.is_err());
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_reported_after_the_wait() {
    let mut vhost = Vhost::new();
    let mut verify = program(&mut vhost, &["--wait-s", "1", "verify"]);
    verify.command.env("RABBITMQ_MANAGEMENT_URL", "http://127.0.0.1:9");
    let (code, _, error) = output(verify);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("not ready within 1 s") && error.contains("http://127.0.0.1:9"),
        "{error}"
    );
}

/// A running `topology watch` and its log.
struct WatchProcess {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl WatchProcess {
    fn start(vhost: &mut Vhost, text: &str) -> (Self, Program) {
        let mut program = program_of(vhost, text, &["watch"]);
        let child = program
            .command
            .env("WATCH_INTERVAL_S", "1")
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        (Self { child, log }, program)
    }

    /// Reads the log until a line contains all parts.
    fn expect(&self, parts: &[&str]) {
        let started = Instant::now();
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
            serde_json::from_str::<serde_json::Value>(&line).expect("each line is JSON");
            if parts.iter().all(|part| line.contains(part)) {
                return;
            }
            seen.push(line);
        }
        panic!("no line with {parts:?} in {seen:#?}");
    }
}

impl Drop for WatchProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_logs_findings_and_their_resolution_and_stops_on_sigterm() {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.topology_with_users();
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    let (mut watch, _program) = WatchProcess::start(&mut vhost, TOPOLOGY);
    watch.expect(&["No difference and no alarm"]);

    let binding = [
        "bindings",
        vhost.name.as_str(),
        "e",
        "platform-events",
        "q",
        "payment-queue",
        "order.failed",
    ];
    vhost.manage(Method::DELETE, &binding, empty_body()).await;
    watch.expect(&["\"kind\":\"unreached\"", "order.failed", "payment-queue"]);
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    watch.expect(&["finding resolved: event", "order.failed"]);

    let (_connection, channel) = vhost.operator().await;
    publish(&channel, "order-queue.retry", "dead", "{}").await.unwrap();
    watch.expect(&["\"kind\":\"dead_letters\"", "1 dead letters wait"]);

    let terminated = Command::new("kill")
        .args(["-TERM", &watch.child.id().to_string()])
        .status()
        .unwrap();
    assert!(terminated.success());
    watch.expect(&["Topology watch stopped"]);
    assert!(watch.child.wait().unwrap().success());
}

/// The platform's topology with a bound of analytics-queue that 20 messages of 1,000 bytes reach.
fn small_bound() -> String {
    TOPOLOGY.replace("length_bytes_max = 4294967296", "length_bytes_max = 20000")
}

async fn place_orders(channel: &Channel, count: usize) {
    let body = "x".repeat(1_000);
    for _ in 0..count {
        let confirmed = publish(channel, "platform-events", "order.placed", &body).await;
        confirmed.expect("the broker takes an order's event");
    }
}

#[tokio::test]
async fn a_queue_that_is_full_drops_its_oldest_messages_and_stops_no_order() {
    let vhost = Vhost::new();
    let topology = Topology::parse(&small_bound()).unwrap();
    vhost.broker.apply(&topology, None).await.unwrap();
    let (_connection, channel) = vhost.operator().await;
    place_orders(&channel, 50).await;
    for queue in ["payment-queue", "inventory-queue", "notification-queue"] {
        assert_eq!(ready_count(&channel, queue).await, 50, "{queue}");
    }
    eventually("the surplus to be gone", || async {
        (ready_count(&channel, "analytics-queue").await == 20).then_some(())
    })
    .await;
    // What was dropped is nowhere else on the disk.
    assert_eq!(ready_count(&channel, "analytics-queue.dlq").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_warns_before_a_queue_is_full_and_counts_what_was_dropped() {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.with_users(&small_bound());
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    let (watch, _program) = WatchProcess::start(&mut vhost, &small_bound());
    watch.expect(&["No difference and no alarm"]);
    let (_connection, channel) = vhost.operator().await;
    place_orders(&channel, 15).await;
    watch.expect(&["\"kind\":\"filling\"", "analytics-queue", "start", "length_bytes_max"]);
    place_orders(&channel, 35).await;
    watch.expect(&[
        "\"kind\":\"dropped\"",
        "analytics-queue",
        "messages were dropped",
        "README",
    ]);
}
