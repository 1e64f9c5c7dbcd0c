//! Modules are named after their purpose.

use super::{finding::Finding, source::is_rust};

const NAMES: [&str; 10] = [
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "types",
    "misc",
    "models",
    "prelude",
    "constants",
];

pub(super) fn check(path: &str) -> Option<Finding> {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let name = is_rust(path)
        .then_some(parts)?
        .into_iter()
        .find(|part| NAMES.contains(part))?;
    let advice = format!("`{name}` says nothing: name the module after what it is for");
    Some(Finding::new(path, 1, "module-name", advice))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn generic_names_are_refused() {
        assert!(check("shared/src/utils.rs").is_some());
        assert!(check("shared/src/common/clock.rs").is_some());
        assert!(check("shared/src/clock.rs").is_none());
        assert!(check("docs/types.md").is_none());
    }
}
