//! Checked SQL: each service's queries are compiled against a scratch database that has exactly its migrations, and what
//! the compiler learns is what the repository must hold in `<service>/.sqlx`.
//!
//! `cargo sqlx prepare --check` of sqlx-cli does the same for one package with a database that exists already. It would
//! be a second tool to build, of some minutes, and it would still need a loop over the services, a database for each and
//! a comparison that names the query: `docs/adr/0010-own-sql-preparation.md` weighs both.

use crate::workspace::Workspace;
use database::Scratch;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

mod database;
mod touched;

/// Query data by file name.
type Queries = BTreeMap<String, String>;

/// Prepares the queries of `services`, or of all that have migrations. With `check` it compares with what is stored and
/// returns a line per difference; else it stores.
pub fn prepare(workspace: &Workspace, postgres: &str, services: &[String], check: bool) -> Result<Vec<String>, String> {
    let with_migrations = |service: &String| workspace.root().join(service).join("migrations").is_dir();
    if let Some(unknown) = services.iter().find(|service| !with_migrations(service)) {
        return Err(format!("{unknown}: has no folder `migrations`"));
    }
    let services = if services.is_empty() {
        workspace.services().into_iter().filter(with_migrations).collect()
    } else {
        services.to_vec()
    };
    let mut findings = Vec::new();
    for service in &services {
        let fresh = compile(workspace, postgres, service)?;
        let folder = workspace.root().join(service).join(".sqlx");
        let stored = read(&folder)?;
        if check {
            findings.extend(differences(service, &stored, &fresh));
        } else {
            store(&folder, &stored, &fresh)?;
        }
    }
    Ok(findings)
}

/// Compiles everything of one service, tests included, with a connection to a database; returns what that wrote.
fn compile(workspace: &Workspace, postgres: &str, service: &str) -> Result<Queries, String> {
    let database = Scratch::create(postgres, service)?;
    database.migrate(&workspace.root().join(service).join("migrations"))?;

    let folder = workspace.root().join("target/xtask/sqlx").join(service);
    empty(&folder)?;
    // The compiler does not know that a query depends on a database: only a newer file makes it look again.
    let _touched = touched::Touched::roots_of(workspace, service)?;
    let output = Command::new("cargo")
        .args(["check", "--quiet", "--all-targets", "--package", service])
        .current_dir(workspace.root())
        .env("DATABASE_URL", database.url())
        .env("SQLX_OFFLINE_DIR", &folder)
        .env_remove("SQLX_OFFLINE")
        .output()
        .map_err(|error| format!("cargo check: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!(
            "{service}: does not compile against its own migrations\n{errors}"
        ));
    }
    read(&folder)
}

fn empty(folder: &Path) -> Result<(), String> {
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(|error| described(folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| described(folder, &error))
}

/// No folder is a folder without queries.
fn read(folder: &Path) -> Result<Queries, String> {
    let mut queries = Queries::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).map_err(|error| described(&path, &error))?;
            queries.insert(name, text);
        }
    }
    Ok(queries)
}

fn differences(service: &str, stored: &Queries, fresh: &Queries) -> Vec<String> {
    let line = |name: &str, what: &str, text: &str| {
        format!(
            "{service}/.sqlx/{name}:1: checked-sql: {what}, run `cargo xtask sql {service}`: {}",
            query(text)
        )
    };
    let mut lines = Vec::new();
    for (name, text) in fresh {
        match stored.get(name) {
            None => lines.push(line(name, "missing", text)),
            Some(other) if other != text => lines.push(line(name, "differs from the database", text)),
            Some(_) => {}
        }
    }
    let stale = stored.iter().filter(|(name, _)| !fresh.contains_key(*name));
    lines.extend(stale.map(|(name, text)| line(name, "no longer used", text)));
    lines
}

/// The beginning of the query, on one line.
fn query(text: &str) -> String {
    let data: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let words: Vec<&str> = data["query"]
        .as_str()
        .unwrap_or("unreadable")
        .split_whitespace()
        .take(12)
        .collect();
    words.join(" ")
}

fn store(folder: &PathBuf, stored: &Queries, fresh: &Queries) -> Result<(), String> {
    if !fresh.is_empty() {
        fs::create_dir_all(folder).map_err(|error| described(folder, &error))?;
    }
    for (name, text) in fresh.iter().filter(|(name, text)| stored.get(*name) != Some(text)) {
        fs::write(folder.join(name), text).map_err(|error| described(folder, &error))?;
    }
    for name in stored.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name)).map_err(|error| described(folder, &error))?;
    }
    Ok(())
}

fn described(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{Queries, differences, read, store};

    fn queries(rows: &[(&str, &str)]) -> Queries {
        let data = |query: &str| format!("{{\"query\": \"{query}\"}}");
        rows.iter()
            .map(|(name, query)| ((*name).to_owned(), data(query)))
            .collect()
    }

    #[test]
    fn each_kind_of_difference_is_named_with_its_query() {
        let stored = queries(&[("a.json", "select 1"), ("b.json", "select  2"), ("c.json", "select 3")]);
        let fresh = queries(&[("a.json", "select 1"), ("b.json", "select 2"), ("d.json", "select 4")]);
        assert_eq!(
            differences("s", &stored, &fresh),
            [
                "s/.sqlx/b.json:1: checked-sql: differs from the database, run `cargo xtask sql s`: select 2",
                "s/.sqlx/d.json:1: checked-sql: missing, run `cargo xtask sql s`: select 4",
                "s/.sqlx/c.json:1: checked-sql: no longer used, run `cargo xtask sql s`: select 3",
            ]
        );
        assert!(differences("s", &stored, &stored).is_empty());
    }

    #[test]
    fn storing_leaves_what_is_fresh_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("xtask-sql-{}", std::process::id()));
        let stored = queries(&[("a.json", "select 1"), ("c.json", "select 3")]);
        let fresh = queries(&[("a.json", "select 2"), ("d.json", "select 4")]);
        store(&folder, &Queries::new(), &stored).unwrap();
        store(&folder, &read(&folder).unwrap(), &fresh).unwrap();
        assert_eq!(read(&folder).unwrap(), fresh);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap().is_empty(), "no folder, no queries");
    }
}
