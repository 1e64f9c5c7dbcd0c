//! Regions of hand-written files: the lines between a marker and `# end` are generated.

/// The words of a marker; the region's name follows in brackets.
pub(super) const MARKER: &str = "# generated from platform.toml: cargo xtask platform";
const END: &str = "# end";

/// The text with the region's lines replaced.
pub(super) fn replace(text: &str, region: &str, lines: &[String]) -> Result<String, String> {
    let marker = format!("{MARKER} [{region}]");
    let mut replaced = Vec::new();
    let mut rest = text.lines();
    for line in rest.by_ref() {
        replaced.push(line);
        if line.trim() == marker {
            break;
        }
    }
    replaced.extend(lines.iter().map(String::as_str));
    let is_edge = |line: &&str| line.trim() == END || line.trim().starts_with(MARKER);
    let end = rest.by_ref().find(is_edge).filter(|line| line.trim() == END);
    replaced.push(end.ok_or_else(|| format!("needs the lines `{marker}` and `{END}`"))?);
    replaced.extend(rest);
    Ok(replaced.join("\n") + "\n")
}

/// The lines outside of every region, with their numbers.
pub(super) fn hand_written(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut generated = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim().starts_with(MARKER) {
            generated = true;
        } else if line.trim() == END {
            generated = false;
        }
        (!generated).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::{hand_written, replace};

    const TEXT: &str = "a\n  # generated from platform.toml: cargo xtask platform [one]\n  old\n  # end\nz\n";

    #[test]
    fn replaces_the_lines_of_one_region() {
        let replaced = replace(TEXT, "one", &["  new".to_owned(), "  lines".to_owned()]).unwrap();
        assert_eq!(replaced, TEXT.replace("  old", "  new\n  lines"));
        assert_eq!(replace(&replaced, "one", &["  old".to_owned()]).unwrap(), TEXT);
    }

    #[test]
    fn a_missing_marker_or_end_is_an_error() {
        assert!(replace(TEXT, "two", &[]).is_err());
        assert!(replace(&TEXT.replace("# end", ""), "one", &[]).is_err());
    }

    #[test]
    fn tells_hand_written_lines_from_generated_ones() {
        let lines: Vec<usize> = hand_written(TEXT).map(|(number, _)| number).collect();
        assert_eq!(lines, [1, 4, 5]);
    }
}
