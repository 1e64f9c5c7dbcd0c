//! The templates, with their placeholders filled in.

use super::plan::Plan;
use crate::workspace::Workspace;

const SERVICE: &str = "xtask/templates/service/";
const REGISTRATIONS: &str = "xtask/templates/registrations/";

/// The files of the service: path and text. Paths have placeholders too.
pub(super) fn service(workspace: &Workspace, plan: &Plan) -> Result<Vec<(String, String)>, String> {
    let words = plan.words();
    let mut files = Vec::new();
    for template in workspace.files() {
        let Some(path) = template.strip_prefix(SERVICE) else {
            continue;
        };
        let text = read(workspace, &template)?;
        files.push((format!("{}/{}", plan.name, fill(path, &words)), fill(&text, &words)));
    }
    Ok(files)
}

/// The lines that one of the files which name services gets.
pub(super) fn registration(workspace: &Workspace, plan: &Plan, name: &str) -> Result<String, String> {
    let text = read(workspace, &format!("{REGISTRATIONS}{name}"))?;
    Ok(fill(&text, &plan.words()))
}

fn read(workspace: &Workspace, path: &str) -> Result<String, String> {
    workspace.text(path).ok_or_else(|| format!("{path}: missing"))
}

fn fill(text: &str, words: &[(&str, String)]) -> String {
    let replace = |text: String, (word, value): &(&str, String)| text.replace(&format!("__{word}__"), value);
    words.iter().fold(text.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn placeholders_may_stand_inside_other_words() {
        let words = [("entity", "box".to_owned()), ("Entity", "Box".to_owned())];
        assert_eq!(
            fill("0002___entity__ get__Entity__ __entity__", &words),
            "0002_box getBox box"
        );
    }
}
