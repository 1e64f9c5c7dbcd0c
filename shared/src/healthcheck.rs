//! A program's question to itself, for containers that have neither shell nor curl: `<program> healthcheck` asks the
//! process that runs with the same settings whether all is well, and ends with code 0 or 1.
//!
//! Not through [`crate::http_client`]: one request to its own loopback needs no runtime, no breaker and no retries.

use crate::config::Env;
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// For connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The exit code of the health check, if that is what this process was started for. `variable` holds the address on
/// which the program listens, and `path` is what answers 200 when all is well.
pub fn requested(env: &Env, variable: &'static str, path: &str) -> Option<ExitCode> {
    let requested = std::env::args()
        .nth(1)
        .is_some_and(|argument| argument == "healthcheck");
    requested.then(|| {
        let answer = env
            .required::<SocketAddr>(variable)
            .map_err(io::Error::other)
            .and_then(|address| ask(address.port(), path));
        match answer {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{path}: {error}");
                ExitCode::FAILURE
            }
        }
    })
}

fn ask(port: u16, path: &str) -> io::Result<()> {
    const BEGINNING: usize = "HTTP/1.1 200".len();
    let mut connection = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut beginning = [0; BEGINNING];
    connection.read_exact(&mut beginning)?;
    if beginning.ends_with(b" 200") {
        Ok(())
    } else {
        let answer = String::from_utf8_lossy(&beginning);
        Err(io::Error::other(format!("the answer was {answer}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    /// What `ask` makes of a server that says this.
    fn asked(answer: &'static [u8]) -> io::Result<()> {
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
    fn only_200_is_well() {
        asked(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let error = asked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
        asked(b"").unwrap_err();
    }

    #[test]
    fn nobody_there_is_not_well() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap();
        ask(free.port(), "/readyz").unwrap_err();
    }
}
