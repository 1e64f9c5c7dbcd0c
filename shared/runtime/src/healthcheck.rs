//! The health check of a container that has neither shell nor curl: `<program> healthcheck` asks the process that runs with
//! the same settings, and ends with exit code 0 or 1.
//!
//! It is not made through `http-client`: one request to the own loopback needs no async runtime, no breaker and no retries.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// Limit for connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The health probe of a program with the configuration `C`.
#[derive(Debug, Clone, Copy)]
pub struct HealthCheck<C> {
    /// Returns the address on which the program listens; the probe connects to the same port on the loopback.
    pub address: fn(&C) -> SocketAddr,
    /// Path that answers 200 while all is well.
    pub path: &'static str,
}

#[expect(
    clippy::print_stderr,
    reason = "the container engine shows the output of a failed check"
)]
pub(crate) fn run<C>(health: &HealthCheck<C>, config: &C) -> ExitCode {
    match ask((health.address)(config).port(), health.path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", health.path);
            ExitCode::FAILURE
        }
    }
}

fn ask(port: u16, path: &str) -> io::Result<()> {
    const STATUS_LINE: usize = "HTTP/1.1 200".len();
    let mut connection = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut status_line = [0; STATUS_LINE];
    connection.read_exact(&mut status_line)?;
    if status_line.ends_with(b" 200") {
        Ok(())
    } else {
        let answer = String::from_utf8_lossy(&status_line);
        Err(io::Error::other(format!("the answer was {answer}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    /// Asks a server that gives this answer.
    fn ask_server(answer: &'static [u8]) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 64];
            let length = connection.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /readyz HTTP/1.0\r\n"));
            connection.write_all(answer).unwrap();
        });
        let outcome = ask(port, "/readyz");
        server.join().unwrap();
        outcome
    }

    #[test]
    fn only_the_status_200_is_healthy() {
        ask_server(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let error = ask_server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
        ask_server(b"").unwrap_err();
    }

    #[test]
    fn a_closed_port_is_not_healthy() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        ask(free.port(), "/readyz").unwrap_err();
    }
}
