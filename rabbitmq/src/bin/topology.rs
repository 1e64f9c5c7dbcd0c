//! The program `topology`: `plan`, `apply`, `verify` and `watch`.

fn main() -> std::process::ExitCode {
    rabbitmq::cli::main()
}
