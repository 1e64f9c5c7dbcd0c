//! `cargo xtask new-service` in a copy of the tree: the service is complete, and its own tests see its event arrive.

#![cfg(test)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use xtask::{
    Workspace,
    new_service::{Options, create},
    tidy,
};

const NAME: &str = "shipping-service";
/// The copy has a fixed place, so that a second run replaces the artifacts of the first.
const COPY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/new-service");

fn options() -> Options {
    Options {
        name: NAME.to_owned(),
        consumes: "order.confirmed".to_owned(),
        publishes: "shipment.dispatched".to_owned(),
        port: None,
    }
}

/// Copies the files that git knows or would add.
fn copy_of_the_tree() -> Workspace {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let copy = Path::new(COPY);
    if copy.exists() {
        fs::remove_dir_all(copy).unwrap();
    }
    let listed = run(Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root));
    let listed = String::from_utf8(listed.stdout).unwrap();
    for path in listed.split_terminator('\0').filter(|path| root.join(path).is_file()) {
        fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
        fs::copy(root.join(path), copy.join(path)).unwrap();
    }
    Workspace::at(copy)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

fn contents(workspace: &Workspace) -> BTreeMap<String, Option<String>> {
    let files = workspace.files().into_iter();
    files.map(|path| (path.clone(), workspace.text(&path))).collect()
}

fn assert_refused(workspace: &Workspace, options: &Options, hint: &str) {
    let before = contents(workspace);
    let refusal = create(workspace, options).unwrap_err();
    assert!(refusal.contains(hint), "{hint}? {refusal}");
    assert_eq!(contents(workspace), before, "{refusal}");
}

fn assert_mistakes_are_refused(workspace: &Workspace) {
    let with = |change: fn(&mut Options)| {
        let mut wrong = options();
        change(&mut wrong);
        wrong
    };
    for (wrong, hint) in [
        (
            with(|wrong| wrong.name = "order-service".to_owned()),
            "`order-service` is taken",
        ),
        (with(|wrong| wrong.name = "shipping".to_owned()), "end in -service"),
        (
            with(|wrong| wrong.name = "inventory-service".to_owned()),
            "belongs to product-service",
        ),
        (
            with(|wrong| wrong.consumes = "order.lost".to_owned()),
            "there are order.placed, order",
        ),
        (
            with(|wrong| wrong.publishes = "shipment".to_owned()),
            "<entity>.<past_tense>",
        ),
        (
            with(|wrong| wrong.publishes = "order.placed".to_owned()),
            "published by order-service already",
        ),
        (
            with(|wrong| wrong.publishes = "order.packed".to_owned()),
            "an entity of the new service's own",
        ),
        (
            with(|wrong| wrong.publishes = "product.packed".to_owned()),
            "/api/products is a route already",
        ),
        (with(|wrong| wrong.port = Some(24002)), "order-service"),
    ] {
        assert_refused(workspace, &wrong, hint);
    }
}

fn assert_no_placeholder_is_left(workspace: &Workspace) {
    let files = contents(workspace);
    let generated = files.iter().filter(|(path, _)| path.starts_with(NAME));
    for (path, text) in generated {
        let text = text.as_deref().unwrap();
        assert!(!path.contains("__") && !text.contains("__"), "{path}: {text}");
    }
    let document = files["gateway/src/docs/openapi.json"].as_deref().unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert!(document["paths"]["/api/shipments/{id}"]["get"].is_object());
}

fn assert_the_rules_are_kept(workspace: &Workspace) {
    let findings = tidy::check(workspace).into_iter().map(|finding| finding.to_string());
    let findings: Vec<String> = findings.filter(|finding| finding.contains("shipping")).collect();
    assert_eq!(findings, [""; 0]);
}

/// Runs the service's own tests, which need the servers of `TEST_POSTGRES_URL` and its fellows.
///
/// A test target of a name of its own can be selected among all members. Dependencies then have the features that they have
/// in a run of all tests, and are not compiled again.
fn run_its_tests(workspace: &Workspace, target: &Path) {
    let tests = workspace.root().join(NAME).join("tests");
    fs::rename(tests.join("it"), tests.join("generated")).unwrap();
    let output = run(Command::new("cargo")
        .args(["test", "--workspace", "--test", "generated", "--locked", "--offline"])
        .current_dir(workspace.root())
        .env("CARGO_TARGET_DIR", target));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("an_event_creates_a_row_and_publishes_the_next_event ... ok"),
        "{printed}"
    );
}

fn assert_the_readme_lists_the_variables(workspace: &Workspace, target: &Path) {
    let table = run(Command::new(target.join("debug").join(NAME)).arg("settings"));
    let table = String::from_utf8(table.stdout).unwrap();
    let readme = workspace.text(&format!("{NAME}/README.md")).unwrap();
    assert!(readme.contains(table.trim()), "{table}");
}

#[test]
fn a_new_service_is_complete_and_its_event_arrives() {
    let workspace = copy_of_the_tree();
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    assert_mistakes_are_refused(&workspace);

    assert_eq!(create(&workspace, &options()), Ok(Vec::new()));
    assert_no_placeholder_is_left(&workspace);
    assert_the_rules_are_kept(&workspace);

    let made = contents(&workspace);
    assert_eq!(create(&workspace, &options()), Ok(Vec::new()));
    assert_eq!(contents(&workspace), made, "a second run changes nothing");
    let mut other = options();
    other.publishes = "parcel.dispatched".to_owned();
    assert_refused(&workspace, &other, "`shipping-service` is taken");

    run_its_tests(&workspace, &target);
    assert_the_readme_lists_the_variables(&workspace, &target);
}
