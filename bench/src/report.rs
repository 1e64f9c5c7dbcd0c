//! What a benchmark prints.

/// The result of a benchmark, or what kept it from ending.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the benchmark's result")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a rate beside its floor.
pub(crate) fn rate(name: &str, per_s: f64, floor_per_s: f64) {
    line(&format!("{name:<44} {per_s:>9.0}/s {:>6.2}", per_s / floor_per_s));
}

/// Returns the median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
