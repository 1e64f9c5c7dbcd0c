//! The entries of a service in the files that name services by hand.

use super::{plan::Plan, template};
use crate::workspace::Workspace;

const MEMBERS: &str = "Cargo.toml";
const PLATFORM: &str = "platform.toml";
const TOPOLOGY: &str = "rabbitmq/topology.toml";
const ROUTES: &str = "gateway/routes.toml";
const OPENAPI: &str = "gateway/src/docs/openapi.json";

/// The files with their new entries: path and text.
pub(super) fn register(workspace: &Workspace, plan: &Plan) -> Result<Vec<(String, String)>, String> {
    let block = |name: &str| template::registration(workspace, plan, name);
    let change = |path: &str, edit: &dyn Fn(&str) -> Option<String>| {
        let text = workspace.text(path).ok_or_else(|| format!("{path}: missing"))?;
        let edited = edit(&text).ok_or_else(|| format!("{path}: has no place like those of the other services"))?;
        Ok::<_, String>((path.to_owned(), edited))
    };
    let member = format!("    \"{}\",\n", plan.name);
    let (entry, service, route) = (block("platform.toml")?, block("topology.toml")?, block("routes.toml")?);
    let (path, schema) = (block("openapi-path.txt")?, block("openapi-schema.txt")?);
    Ok(vec![
        change(MEMBERS, &|text| after_last(text, "-service\",", &member))?,
        change(PLATFORM, &|text| after_block(text, "[[service]]", &entry))?,
        change(TOPOLOGY, &|text| topology(text, plan, &service))?,
        change(ROUTES, &|text| after_block(text, "[[route]]", &route))?,
        change(OPENAPI, &|text| openapi(text, &path, &schema))?,
    ])
}

/// The service after the last one; the consumed event reaches its queue, the published event the queues bound to `#`.
fn topology(text: &str, plan: &Plan, service: &str) -> Option<String> {
    let text = after_block(text, "[services.", service)?;
    let entry = text.find(&format!("\n\"{}\" = [", plan.consumes))?;
    let end = entry + text[entry..].find(']')?;
    let (before, after) = text.split_at(end);
    let queues: Vec<String> = plan.reaches.iter().map(|queue| format!("\"{queue}\"")).collect();
    Some(format!(
        "{before}, \"{}\"{after}\n\"{}\" = [{}]\n",
        plan.queue,
        plan.publishes,
        queues.join(", ")
    ))
}

/// The path before those of the documentation, the schema after the last one.
fn openapi(text: &str, path: &str, schema: &str) -> Option<String> {
    let (before, after) = text.split_once("    \"/api/docs\": {\n")?;
    let text = format!("{before}{path}    \"/api/docs\": {{\n{after}");
    let schemas = text.find("\n    \"schemas\": {\n")?;
    let end = schemas + text[schemas..].find("\n    }")?;
    let (before, after) = text.split_at(end);
    Some(format!("{before},\n{}{after}", schema.trim_end()))
}

/// The text with `addition` after the last line that ends so.
fn after_last(text: &str, line_end: &str, addition: &str) -> Option<String> {
    let line_end = format!("{line_end}\n");
    let at = text.rfind(&line_end)? + line_end.len();
    Some(format!("{}{addition}{}", &text[..at], &text[at..]))
}

/// The text with `addition` as a block of its own after the last block that begins so. Empty lines part blocks.
fn after_block(text: &str, begin: &str, addition: &str) -> Option<String> {
    let start = text.rfind(&format!("\n{begin}"))? + 1;
    let end = text[start..]
        .find("\n\n")
        .map_or(text.len(), |length| start + length + 1);
    Some(format!("{}\n{addition}{}", &text[..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::{after_block, after_last, openapi};

    #[test]
    fn a_block_follows_the_last_of_its_kind() {
        let text = "# Services.\n\n[[service]]\nname = \"a\"\n\n[[service]]\nname = \"b\"\n\n# Support.\n[[support]]\n";
        let changed = after_block(text, "[[service]]", "[[service]]\nname = \"c\"\n").unwrap();
        let expected = text.replace("\"b\"\n", "\"b\"\n\n[[service]]\nname = \"c\"\n");
        assert_eq!(changed, expected);
        assert_eq!(after_block("\n[a]\n", "[a]", "[b]\n").unwrap(), "\n[a]\n\n[b]\n");
        assert_eq!(after_block(text, "[[server]]", ""), None);
    }

    #[test]
    fn a_line_follows_the_last_that_ends_so() {
        assert_eq!(after_last("a,\nb,\nc\n", ",", "d,\n").unwrap(), "a,\nb,\nd,\nc\n");
        assert_eq!(after_last("a\n", ",", "d,\n"), None);
    }

    #[test]
    fn the_document_stays_json_and_keeps_its_lines() {
        let text = "{\n  \"paths\": {\n    \"/api/docs\": {\n    }\n  },\n  \"components\": {\n    \"schemas\": {\n      \
                    \"A\": {\n      }\n    },\n    \"parameters\": {\n    }\n  }\n}\n";
        let changed = openapi(text, "    \"/api/b\": {\n    },\n", "      \"B\": {\n      }\n").unwrap();
        let document: serde_json::Value = serde_json::from_str(&changed).unwrap();
        assert!(document["paths"]["/api/b"].is_object());
        assert!(document["components"]["schemas"]["B"].is_object());
        assert!(text.lines().all(|line| changed.contains(line)));
    }
}
