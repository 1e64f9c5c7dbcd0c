//! The program `product-service`; the library describes it.

fn main() -> std::process::ExitCode {
    product_service::main()
}
