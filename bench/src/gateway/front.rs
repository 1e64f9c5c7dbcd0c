//! A process in front of the upstream: the gateway that was built beside this program, or nginx.

use super::upstream::free_port;
use crate::report::Outcome;
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

const SIGNING_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/tests/it/keys/gateway.pem");
const SERVICES: [&str; 6] = ["ANALYTICS", "NOTIFICATION", "ORDER", "PAYMENT", "PRODUCT", "USER"];
/// No customer of the benchmark is refused for the rate; the bucket is asked all the same.
const UNLIMITED: &str = "1000000";
/// Microseconds of one tick of `/proc/<pid>/stat` (`USER_HZ`, the same on all Linux machines of today).
const TICK_US: f64 = 10_000.0;

/// The process. It is killed when this is dropped.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    process: Child,
    folder: PathBuf,
}

impl Front {
    /// Starts the gateway. Its access log goes to a file, or nowhere.
    pub(crate) async fn gateway(upstream: SocketAddr, access_log: bool) -> Outcome<Self> {
        let program = std::env::current_exe()?.with_file_name("gateway");
        let (address, folder) = (free_port()?, folder("gateway")?);
        let operators = SocketAddr::from(([127, 0, 0, 1], address.port() + 1));
        let mut command = Command::new(program);
        command
            .env("LISTEN_ADDR", address.to_string())
            .env("OPERATORS_ADDR", operators.to_string())
            .env("REDIS_URL", testkit::variable("TEST_REDIS_URL"))
            .env("IDENTITY_SIGNING_KEY_FILE", SIGNING_KEY)
            .env("RATE_PER_S", UNLIMITED)
            .env("RATE_BURST", UNLIMITED)
            .env("LOG", if access_log { "info" } else { "warn" });
        for service in SERVICES {
            command.env(format!("{service}_SERVICE_URL"), format!("http://{upstream}"));
        }
        Self::start(command, address, folder).await
    }

    /// Starts nginx, with connections to the upstream that stay open.
    pub(crate) async fn nginx(upstream: SocketAddr, access_log: bool) -> Outcome<Self> {
        let (address, folder) = (free_port()?, folder("nginx")?);
        let log = if access_log { "access.log" } else { "off" };
        let config = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr;
             events {{ worker_connections 1024; }}
             http {{
                 access_log {log}; keepalive_requests 1000000000;
                 client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp;
                 scgi_temp_path temp;
                 upstream service {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
                 server {{
                     listen {address};
                     location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
                 }}
             }}"
        );
        fs::write(folder.join("nginx.conf"), config)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf"]);
        Self::start(command, address, folder).await
    }

    /// Returns the processor time that the process has used until now, in microseconds.
    pub(crate) fn processor_time_us(&self) -> Outcome<f64> {
        let id = self.process.id().ok_or("the process has ended")?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The second field is the name, in brackets; user and system time are the 14th and the 15th.
        let (_, rest) = stat.rsplit_once(") ").ok_or("unknown format")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
        Ok(f64::from(ticks) * TICK_US)
    }

    async fn start(mut command: Command, address: SocketAddr, folder: PathBuf) -> Outcome<Self> {
        let log = File::create(folder.join("output.log"))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Self {
                    address,
                    process,
                    folder,
                });
            }
        }
        Err(format!("it did not start, see {}", folder.display()).into())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // What is left of it stays in the folder for temporary files.
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn folder(name: &str) -> Outcome<PathBuf> {
    let folder = Path::new(&std::env::temp_dir()).join(format!("bench-{name}-{}", kernel::id::new()));
    fs::create_dir(&folder)?;
    Ok(folder)
}
