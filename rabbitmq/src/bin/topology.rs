//! `topology plan|apply|verify|watch`.

fn main() -> std::process::ExitCode {
    rabbitmq::cli::main()
}
