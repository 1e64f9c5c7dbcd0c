//! Services share no code but `shared`.

use super::Finding;
use crate::workspace::{Package, is_service};

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| is_service(&dependency.name))
        {
            let path = format!("{}/Cargo.toml", package.name);
            let advice = format!(
                "depends on `{}`: call it, or consume its events; its contracts are files",
                dependency.name
            );
            findings.push(Finding::new(&path, 1, "dependency", advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Package, check};
    use crate::workspace::Dependency;

    #[test]
    fn nobody_depends_on_a_service() {
        let package = |name: &str, on: &str| Package {
            name: name.to_owned(),
            dependencies: vec![Dependency { name: on.to_owned() }],
            targets: Vec::new(),
        };
        let packages = [
            package("order-service", "shared"),
            package("e2e", "user-service"),
            package("shared", "gateway"),
        ];
        let found: Vec<String> = check(&packages).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["e2e/Cargo.toml", "shared/Cargo.toml"]);
    }
}
