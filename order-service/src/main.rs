//! The program `order-service`; the library describes it.

fn main() -> std::process::ExitCode {
    order_service::main()
}
