//! See [`chaos`].

fn main() -> std::process::ExitCode {
    chaos::cli::main()
}
