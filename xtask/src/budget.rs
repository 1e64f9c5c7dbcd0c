//! The size of the proof beside the size of the product: what is too large to be read is not trusted.

use crate::{
    output,
    tidy::{self, source::Source},
    workspace::{Workspace, is_service},
};

/// Prints the figures. Product and library count without their tests; harness and tools count with everything.
pub(crate) fn check(workspace: &Workspace) -> Vec<String> {
    let (sources, _) = tidy::sources(workspace, &workspace.files());
    let lines = Lines::of(&sources);
    output::print(&lines.to_string());
    lines.finding().into_iter().collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    product: usize,
    library: usize,
    proof: usize,
}

impl Lines {
    fn of(sources: &[Source]) -> Self {
        let mut lines = Self::default();
        for source in sources {
            let mut folders = source.path.split('/');
            match folders.next().unwrap_or_default() {
                "proof" | "xtask" => lines.proof += source.lines,
                "shared" => lines.library += source.code_lines(),
                service if is_service(service) && folders.next() == Some("src") => lines.product += source.code_lines(),
                _ => {}
            }
        }
        lines
    }

    fn finding(&self) -> Option<String> {
        let limit = self.product + self.library;
        let excess = self.proof.checked_sub(limit).filter(|excess| *excess > 0)?;
        Some(format!(
            "budget: harness and tools have {excess} lines more than product and library: share or delete"
        ))
    }
}

impl std::fmt::Display for Lines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            product,
            library,
            proof,
        } = self;
        let percent = 100 * proof / (*product).max(1);
        write!(
            formatter,
            "lines of Rust: product {product}, library {library}, harness and tools {proof} \
             ({percent} % of the product)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Source};

    #[test]
    fn tests_count_for_the_harness_and_not_for_the_product() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        let source = |path| Source::parse(path, text).unwrap();
        let paths = [
            "gateway/src/a.rs",
            "gateway/tests/it/a.rs",
            "shared/web/src/a.rs",
            "proof/e2e/tests/it/a.rs",
            "xtask/src/a.rs",
            "rabbitmq/src/a.rs",
        ];
        let lines = Lines::of(&paths.map(source));
        assert_eq!(
            lines,
            Lines {
                product: 1,
                library: 1,
                proof: 8
            }
        );
        assert!(lines.finding().is_some_and(|finding| finding.contains("6 lines more")));
        assert!(lines.to_string().ends_with("(800 % of the product)"));
        assert_eq!(Lines { product: 8, ..lines }.finding(), None);
    }
}
