//! The program `gateway`; the library describes it.

fn main() -> std::process::ExitCode {
    gateway::start::main()
}
