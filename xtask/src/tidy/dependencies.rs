//! Arrows between packages: services share no code but the libraries, and the proof sees the product from outside.

use super::finding::Finding;
use crate::workspace::{Package, is_service};

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let is_proof = |package: &Package| package.folder().starts_with("proof/");
    let mut findings = Vec::new();
    for package in packages {
        for other in packages.iter().filter(|other| package.depends_on(&other.name)) {
            let advice = if is_service(&other.name) {
                "call it, or consume its events; its contracts are files"
            } else if is_proof(package) && !is_proof(other) {
                "the proof sees the product from outside: use its ports, or move the code below proof/"
            } else {
                continue;
            };
            let path = format!("{}/Cargo.toml", package.folder());
            findings.push(Finding::new(
                &path,
                1,
                "dependency",
                format!("depends on `{}`: {advice}", other.name),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Package, check};
    use crate::workspace::Dependency;

    #[test]
    fn no_package_depends_on_a_service_and_the_proof_only_on_itself() {
        let package = |folder: &str, on: &str| Package {
            name: folder.rsplit('/').next().unwrap_or_default().to_owned(),
            manifest_path: format!("{folder}/Cargo.toml").into(),
            dependencies: vec![Dependency { name: on.to_owned() }],
            targets: Vec::new(),
        };
        let packages = [
            package("gateway", "web"),
            package("order-service", "gateway"),
            package("user-service", "serde"),
            package("rabbitmq", "user-service"),
            package("shared/web", "gateway"),
            package("shared/testkit", "fault-proxy"),
            package("proof/fault-proxy", "tokio"),
            package("proof/chaos", "fault-proxy"),
            package("proof/platform", "web"),
            package("proof/e2e", "user-service"),
        ];
        let found: Vec<String> = check(&packages).into_iter().map(|finding| finding.path).collect();
        let folders = ["order-service", "rabbitmq", "shared/web", "proof/platform", "proof/e2e"];
        assert_eq!(found, folders.map(|folder| format!("{folder}/Cargo.toml")));
    }
}
