//! The gateway's process.

fn main() -> std::process::ExitCode {
    gateway::start::main()
}
