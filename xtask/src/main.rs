//! `cargo xtask tidy`, `cargo xtask sql`.

fn main() -> std::process::ExitCode {
    xtask::main()
}
