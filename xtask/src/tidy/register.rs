//! Names that stand both in the code and in the table of a document.

use super::finding::Finding;
use std::collections::BTreeMap;

/// The path and line of each place where a name stands.
pub(super) type Places<'a> = BTreeMap<String, Vec<(&'a str, usize)>>;

/// The names in one column of the table, counted from 1; each stands alone in backquotes.
pub(super) fn listed<'a>(path: &'a str, text: &str, column: usize) -> Places<'a> {
    let mut places = Places::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let name = line.split('|').nth(column).unwrap_or_default().trim();
        if let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            places.entry(name.to_owned()).or_default().push((path, index + 1));
        }
    }
    places
}

/// A finding for each place after a name's first.
pub(super) fn repeated(places: &Places<'_>, rule: &'static str, advice: &str) -> Vec<Finding> {
    let repeated = places.iter().map(|(name, places)| (name, &places[1..]));
    findings(repeated, rule, advice)
}

/// A finding for each place of a name that `others` lack.
pub(super) fn missing(places: &Places<'_>, others: &Places<'_>, rule: &'static str, advice: &str) -> Vec<Finding> {
    let missing = places.iter().filter(|(name, _)| !others.contains_key(*name));
    findings(missing.map(|(name, places)| (name, places.as_slice())), rule, advice)
}

fn findings<'a>(
    names: impl Iterator<Item = (&'a String, &'a [(&'a str, usize)])>,
    rule: &'static str,
    advice: &str,
) -> Vec<Finding> {
    let found = names.flat_map(|(name, places)| {
        let finding = move |(path, line): &(&str, usize)| Finding::new(path, *line, rule, format!("`{name}` {advice}"));
        places.iter().map(finding)
    });
    found.collect()
}
