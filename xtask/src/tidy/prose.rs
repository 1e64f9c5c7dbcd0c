//! English that is read once: comments whose subject is a component and whose first word is a noun or a verb.
//!
//! The limits hold for the whole tree, since a rule without any exception would forbid good sentences too. The
//! descriptions in an event's schema have no allowance: they are few, and other teams read them.

use super::finding::Finding;

const PERSONS: [&str; 13] = [
    "whoever",
    "nobody",
    "someone",
    "somebody",
    "anyone",
    "anybody",
    "everybody",
    "everyone",
    "for ever",
    "of one's own",
    "befit",
    "befits",
    "shall",
];
const HEADLESS: [&str; 9] = [
    "What", "Who", "Whom", "Whose", "Whether", "Whoever", "When", "How", "Where",
];
const PERSONS_PER_1000_LINES: usize = 1;
const HEADLESS_PER_1000_DOCS: usize = 30;
const EMPTY_MAX: usize = 5;
const EMPTY_CHARS_MAX: usize = 13;

/// Refuses the one promise about delivery that no system keeps, in every text of the project.
pub(super) fn promises(path: &str, text: &str) -> Vec<Finding> {
    let advice = "say what holds: delivered at least once, effect once, outside effects carry a key";
    let promise = ["exactly", "once"];
    let is_broken = |line: &str| {
        let line = line.to_lowercase();
        (line.contains(&promise.join(" ")) || line.contains(&promise.join("-"))) && !line.contains("never")
    };
    let lines = text.lines().enumerate().filter(|(_, line)| is_broken(line));
    lines
        .map(|(index, _)| Finding::new(path, index + 1, "promise", advice))
        .collect()
}

/// Applies the rules of comments to the descriptions in the JSON Schema of an event.
pub(super) fn descriptions(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(body) = line.trim().strip_prefix("\"description\": \"") else {
            continue;
        };
        let body = body.trim_end_matches(',').trim_end_matches('"');
        let advice = person_advice(body).into_iter().chain(headless_advice(body));
        let advice = advice.chain(empty_advice(body));
        findings.extend(advice.map(|advice| Finding::new(path, index + 1, "prose", advice)));
    }
    findings
}

/// The comments of all Rust files.
#[derive(Default)]
pub(super) struct Prose {
    lines: usize,
    docs: usize,
    persons: Vec<Finding>,
    headless: Vec<Finding>,
    empty: Vec<Finding>,
}

impl Prose {
    pub(super) fn read(&mut self, path: &str, text: &str) {
        let mut follows_doc = false;
        for (index, line) in text.lines().enumerate() {
            let Some((is_doc, body)) = comment(line) else {
                follows_doc = false;
                continue;
            };
            let finding = |advice: String| Finding::new(path, index + 1, "prose", advice);
            self.lines += 1;
            self.persons.extend(person_advice(body).into_iter().map(finding));
            if is_doc && !follows_doc {
                self.docs += 1;
                self.headless.extend(headless_advice(body).map(finding));
                self.empty.extend(empty_advice(body).map(finding));
            }
            follows_doc = is_doc;
        }
    }

    /// The places of each kind that has too many.
    pub(super) fn findings(self) -> Vec<Finding> {
        let (lines, docs) = (self.lines, self.docs);
        let kinds = [
            (self.persons, PERSONS_PER_1000_LINES * lines / 1000),
            (self.headless, HEADLESS_PER_1000_DOCS * docs / 1000),
            (self.empty, EMPTY_MAX),
        ];
        let too_many = kinds.into_iter().filter(|(found, limit)| found.len() > *limit);
        let with_figures = too_many.flat_map(|(mut found, limit)| {
            let figures = format!(" ({} in {lines} lines and {docs} docs, at most {limit})", found.len());
            for finding in &mut found {
                finding.advice.push_str(&figures);
            }
            found
        });
        with_figures.collect()
    }
}

/// The text of a comment that has its line to itself, and whether rustdoc shows it. An empty line of it is none.
fn comment(line: &str) -> Option<(bool, &str)> {
    let text = line.trim_start().strip_prefix("//")?;
    let doc = text.strip_prefix('/').or_else(|| text.strip_prefix('!'));
    let body = doc.unwrap_or(text).trim();
    (!body.is_empty()).then_some((doc.is_some(), body))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn occurrences(text: &str, word: &str) -> usize {
    let is_whole = |at: usize| {
        let ends = [text[..at].chars().next_back(), text[at + word.len()..].chars().next()];
        !ends.into_iter().flatten().any(is_word)
    };
    text.match_indices(word).filter(|(at, _)| is_whole(*at)).count()
}

fn person_advice(body: &str) -> Vec<String> {
    let body = body.to_lowercase();
    let words = PERSONS
        .into_iter()
        .flat_map(|word| std::iter::repeat_n(word, occurrences(&body, word)));
    words
        .map(|word| format!("`{word}`: make the component the subject, and use the field's term"))
        .collect()
}

fn headless_advice(body: &str) -> Option<String> {
    headless(body).map(|first| format!("`{first}` opens a headless clause: begin with a noun or a verb"))
}

fn empty_advice(body: &str) -> Option<String> {
    says_nothing(body).then(|| format!("{body:?} says nothing: give the unit, the range or the reason, or delete it"))
}

/// The first word, where it leaves the sentence without a main clause. A question is one.
fn headless(body: &str) -> Option<&str> {
    let first = body
        .split(|c| !is_word(c))
        .next()
        .filter(|first| HEADLESS.contains(first));
    first.filter(|_| !body.ends_with('?'))
}

/// One or two short words, such as `When.` or `The user.`.
fn says_nothing(body: &str) -> bool {
    let Some(words) = body
        .strip_suffix('.')
        .filter(|_| body.chars().count() <= EMPTY_CHARS_MAX)
    else {
        return false;
    };
    let (first, second) = words.split_once(' ').unwrap_or((words, "x"));
    let first = first.strip_suffix("'s").unwrap_or(first);
    [first, second]
        .iter()
        .all(|word| !word.is_empty() && word.chars().all(is_word))
}

#[cfg(test)]
mod tests {
    use super::{Prose, descriptions, occurrences, promises, says_nothing};

    fn found(text: &str) -> Vec<String> {
        let mut prose = Prose::default();
        prose.read("a/src/lib.rs", text);
        prose.findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_kind_is_listed_with_its_places_and_figures() {
        let text = "//! The relay.\n\nfn a() {} // nobody looks here\n    // Everybody waits, whoever asks.\n";
        let persons = found(text);
        assert_eq!(persons.len(), 2, "{persons:?}");
        assert!(
            persons[0].starts_with("a/src/lib.rs:4: prose: `whoever`"),
            "{persons:?}"
        );
        assert!(
            persons[0].ends_with("(2 in 2 lines and 1 docs, at most 0)"),
            "{persons:?}"
        );
        let headless =
            found("/// Whether it is open.\n/// What follows is no opening.\nfn a() {}\n/// Why not?\nfn b() {}\n");
        assert_eq!(headless.len(), 1, "{headless:?}");
        assert!(
            headless[0].starts_with("a/src/lib.rs:1: prose: `Whether`"),
            "{headless:?}"
        );
        assert_eq!(found(&"/// When.\nwhen: u8,\n".repeat(5)).len(), 5, "only as headless");
        assert_eq!(found(&"/// The id.\nid: u8,\n".repeat(5)), [""; 0]);
        assert_eq!(found(&"/// The id.\nid: u8,\n".repeat(6)).len(), 6);
    }

    #[test]
    fn few_in_a_thousand_pass() {
        let lines = |count| "// The relay waits.\n".repeat(count);
        assert_eq!(found(&(lines(999) + "// Nobody waits.\n")), [""; 0]);
        assert_eq!(found(&(lines(998) + "// Nobody waits.\n")).len(), 1);
    }

    #[test]
    fn words_are_whole_and_short_docs_may_say_something() {
        assert_eq!(occurrences("shallow marshall shall, shall", "shall"), 2);
        assert!(says_nothing("Its id.") && says_nothing("User's id.") && says_nothing("When."));
        assert!(!says_nothing("Bytes, at most 4.") && !says_nothing("In ms, UTC.") && !says_nothing("The id"));
    }

    #[test]
    fn each_fault_of_a_description_in_a_schema_is_found() {
        let lines = ["Id of the order.", "Someone registered.", "Whose it is.", "Why."];
        let schema = lines.map(|body| format!("  \"description\": \"{body}\",\n")).concat();
        let found = descriptions("a.schema.json", &schema);
        let found: Vec<_> = found
            .iter()
            .map(|finding| (finding.line, &finding.advice[..7]))
            .collect();
        assert_eq!(found, [(2, "`someon"), (3, "`Whose`"), (4, "\"Why.\" ")]);
    }

    #[test]
    fn a_promise_is_refused_unless_it_is_the_rule_itself() {
        let promise = ["exactly", "once"].join(" ");
        let found = promises("docs/a.md", &format!("fine\nprocessed {promise}\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(promises("docs/a.md", &format!("Never write {promise}.")).is_empty());
        assert!(promises("docs/a.md", "working at least once").is_empty());
    }
}
