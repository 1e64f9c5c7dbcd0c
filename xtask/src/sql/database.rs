//! A database that lives as long as one compilation.

use std::{fs, path::Path, process::Command};

pub(super) struct Scratch {
    administrator: String,
    url: String,
    name: String,
}

impl Scratch {
    /// Creates it as `administrator`. Its name tells which run left it behind, should that ever happen.
    pub(super) fn create(administrator: &str, service: &str) -> Result<Self, String> {
        let name = format!("checked_sql_{}_{}", service.replace('-', "_"), std::process::id());
        let url = with_database(administrator, &name)?;
        psql(administrator, &["--command", &format!("create database {name}")])?;
        Ok(Self {
            administrator: administrator.to_owned(),
            url,
            name,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Applies the migrations in the order of their names, each in one transaction, as a service does at its start.
    pub(super) fn migrate(&self, folder: &Path) -> Result<(), String> {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
        files.sort();
        for file in files {
            let path = file.to_string_lossy();
            psql(&self.url, &["--single-transaction", "--file", &path]).map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A database that stays behind is found by its name; the outcome of the compilation matters more.
        psql(
            &self.administrator,
            &["--command", &format!("drop database {} with (force)", self.name)],
        )
        .ok();
    }
}

fn psql(url: &str, arguments: &[&str]) -> Result<(), String> {
    let quietly = ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url];
    let output = Command::new("psql").args(quietly).args(arguments).output();
    let output = output.map_err(|error| format!("psql cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "psql: {}",
        String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ")
    ))
}

/// The same address with another database.
fn with_database(url: &str, name: &str) -> Result<String, String> {
    let wrong = || "the PostgreSQL address must look like postgres://user:password@host:port/postgres".to_owned();
    let (base, parameters) = url
        .split_once('?')
        .map_or((url, String::new()), |(base, rest)| (base, format!("?{rest}")));
    let authority = base
        .strip_prefix("postgres://")
        .or(base.strip_prefix("postgresql://"))
        .ok_or_else(wrong)?;
    let host = authority
        .split('/')
        .next()
        .filter(|host| !host.is_empty())
        .ok_or_else(wrong)?;
    Ok(format!("postgres://{host}/{name}{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_the_address_changes() {
        let changed = |url| with_database(url, "new");
        assert_eq!(
            changed("postgres://a:b@h:1/postgres").unwrap(),
            "postgres://a:b@h:1/new"
        );
        assert_eq!(changed("postgresql://a:b@h:1").unwrap(), "postgres://a:b@h:1/new");
        assert_eq!(
            changed("postgres://h/x?sslmode=disable").unwrap(),
            "postgres://h/new?sslmode=disable"
        );
        assert!(changed("mysql://h/x").is_err());
    }
}
