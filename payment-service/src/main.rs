//! The program `payment-service`; the library describes it.

fn main() -> std::process::ExitCode {
    payment_service::main()
}
