//! Each published event has a schema and an example that fits it, as files of its publisher.

use super::finding::Finding;
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::BTreeSet;

const SCHEMA: &str = ".schema.json";
const EXAMPLE: &str = ".example.json";
const TOPOLOGY: &str = "rabbitmq/topology.toml";

pub(super) fn check(workspace: &Workspace, files: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.contains("/contracts/")) {
        if let Some(stem) = path.strip_suffix(SCHEMA) {
            let example = format!("{stem}{EXAMPLE}");
            let example = files.contains(&example).then_some(example);
            match read(workspace, path) {
                Ok(schema) => findings.extend(check_schema(workspace, path, &schema, example.as_deref())),
                Err(finding) => findings.push(finding),
            }
        } else if let Some(stem) = path.strip_suffix(EXAMPLE) {
            let schema = format!("{stem}{SCHEMA}");
            if !files.contains(&schema) {
                findings.push(finding(path, format!("has no schema: add {schema}")));
            }
        }
    }
    match workspace.text(TOPOLOGY).unwrap_or_default().parse() {
        Ok(topology) => findings.extend(check_published(&topology, files)),
        Err(error) => findings.push(finding(TOPOLOGY, error.to_string().replace('\n', " "))),
    }
    findings
}

fn finding(path: &str, advice: impl Into<String>) -> Finding {
    Finding::new(path, 1, "contract", advice)
}

fn read(workspace: &Workspace, path: &str) -> Result<Value, Finding> {
    let text = workspace.text(path).unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| Finding::new(path, error.line().max(1), "contract", error.to_string()))
}

fn check_schema(workspace: &Workspace, path: &str, schema: &Value, example: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_closed(schema) {
        let advice = "says additionalProperties: false: readers must bear what is added later, remove it";
        findings.push(finding(path, advice));
    }
    let validator = jsonschema::validator_for(schema);
    let instance = example.map(|example| (example, read(workspace, example)));
    match (instance, validator) {
        (None, _) => findings.push(finding(path, "has no example: add one that fits it")),
        (_, Err(error)) => findings.push(finding(path, format!("is no JSON Schema: {error}"))),
        (Some((_, Err(finding))), _) => findings.push(finding),
        (Some((example, Ok(instance))), Ok(validator)) => {
            let misfit = |error: jsonschema::ValidationError<'_>| {
                let place = error.instance_path();
                finding(example, format!("does not fit its schema at {place}: {error}"))
            };
            findings.extend(validator.iter_errors(&instance).map(misfit));
        }
    }
    findings
}

/// True if an object at any depth refuses fields: each object of an event may grow.
fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("additionalProperties") == Some(&Value::Bool(false)) || fields.values().any(is_closed)
        }
        Value::Array(items) => items.iter().any(is_closed),
        _ => false,
    }
}

/// The topology names every event; its publisher has a schema for each, and for no other.
fn check_published(topology: &toml::Table, files: &[String]) -> Vec<Finding> {
    let services = topology.get("services").and_then(toml::Value::as_table);
    let mut findings = Vec::new();
    for (service, settings) in services.into_iter().flatten() {
        let published = settings.get("publishes").and_then(toml::Value::as_array);
        let published = published.into_iter().flatten().filter_map(toml::Value::as_str);
        let published: BTreeSet<&str> = published.collect();
        let folder = format!("{service}/contracts/");
        let names = files
            .iter()
            .filter_map(|path| path.strip_prefix(&folder)?.strip_suffix(SCHEMA));
        let described: BTreeSet<&str> = names.filter_map(|name| Some(name.rsplit_once(".v")?.0)).collect();
        for event in published.difference(&described) {
            let path = format!("{folder}{event}.v1{SCHEMA}");
            findings.push(finding(
                &path,
                format!("missing: {service} publishes {event} ({TOPOLOGY})"),
            ));
        }
        for event in described.difference(&published) {
            let advice = format!("{service} does not publish {event}: remove the schema, or add it to {TOPOLOGY}");
            findings.push(finding(&folder, advice));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::tests_project::Project;

    const SCHEMA: &str = r#"{"type": "object", "required": ["type"], "properties": {"type": {"const": "a.done"}}}"#;
    const TOPOLOGY: &str = "[services.a-service]\npublishes = [\"a.done\"]\n";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("rabbitmq/topology.toml", TOPOLOGY)];
        all.extend(files);
        let project = Project::with(&all);
        check(&project.workspace, &project.workspace.files())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_schema_with_a_fitting_example_passes() {
        let example = r#"{"type": "a.done", "more": 1}"#;
        let files = [
            ("a-service/contracts/a.done.v1.schema.json", SCHEMA),
            ("a-service/contracts/a.done.v1.example.json", example),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn an_example_that_does_not_fit_is_named_with_its_place() {
        let example = r#"{"type": "a.failed"}"#;
        let files = [
            ("a-service/contracts/a.done.v1.schema.json", SCHEMA),
            ("a-service/contracts/a.done.v1.example.json", example),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with(
                "a-service/contracts/a.done.v1.example.json:1: contract: does not fit its schema at /type"
            )
        );
    }

    #[test]
    fn schema_and_example_need_each_other() {
        let found_schema = found(&[("a-service/contracts/a.done.v1.schema.json", SCHEMA)]);
        assert_eq!(found_schema.len(), 1, "{found_schema:?}");
        let lonely = found(&[("a-service/contracts/a.done.v1.example.json", "{}")]);
        assert_eq!(
            lonely.len(),
            2,
            "no schema for the example, none for the event: {lonely:?}"
        );
    }

    #[test]
    fn closed_schemas_broken_json_and_unknown_events_are_refused() {
        let closed = r#"{"properties": {"data": {"additionalProperties": false}}}"#;
        let files = [
            ("a-service/contracts/a.done.v1.schema.json", closed),
            ("a-service/contracts/a.done.v1.example.json", "{}"),
        ];
        assert!(found(&files)[0].contains("additionalProperties"));
        let broken = [("a-service/contracts/a.done.v1.schema.json", "{\n}}")];
        assert!(found(&broken)[0].starts_with("a-service/contracts/a.done.v1.schema.json:2:"));
        let other = [
            ("a-service/contracts/a.done.v1.schema.json", "{}"),
            ("a-service/contracts/a.done.v1.example.json", "{}"),
            ("a-service/contracts/a.lost.v1.schema.json", "{}"),
            ("a-service/contracts/a.lost.v1.example.json", "{}"),
        ];
        assert!(found(&other)[0].contains("does not publish a.lost"));
    }
}
