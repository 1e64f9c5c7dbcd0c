//! The user service as a process.

fn main() -> std::process::ExitCode {
    shared::service::main(
        "user-service",
        &user_service::MIGRATOR,
        user_service::config::Config::from_env,
        user_service::assemble,
    )
}
