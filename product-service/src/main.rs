//! Starts product-service.

fn main() -> std::process::ExitCode {
    runtime::serve(
        runtime::program!(),
        &product_service::MIGRATOR,
        product_service::assemble,
    )
}
