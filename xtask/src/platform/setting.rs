//! The value of a setting: plain text, or text with placeholders that each mode fills in its own way.

/// A piece of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `{address:SMTP_PORT}`: host and port of the process that owns this port.
    Address(&'a str),
    /// `{listen:SMTP_PORT}`: the address to bind.
    Listen(&'a str),
    /// `{data}`: the process's own folder.
    Data,
    /// `{ADMIN_EMAIL}`: a variable of the scripts.
    Variable(&'a str),
}

/// Splits a value into pieces; the error says what is wrong with it.
pub(super) fn pieces(value: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').ok_or("a placeholder has no end")?;
        found.extend(text(before)?);
        found.push(placeholder(inside)?);
        rest = after;
    }
    found.extend(text(rest)?);
    Ok(found)
}

/// True for a plain value, which `make up` replaces by the variable of the same name.
pub(super) fn is_adjustable(value: &str) -> bool {
    !value.contains('{')
}

/// The value with each piece written by `write`. The value has passed the rules.
pub(super) fn render(value: &str, write: impl Fn(Piece<'_>) -> String) -> String {
    pieces(value).unwrap_or_default().into_iter().map(write).collect()
}

/// Text that needs quoting neither in a shell's double quotes nor in YAML.
fn text(text: &str) -> Result<Option<Piece<'_>>, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@._:/,+=%-".contains(letter);
    match text.chars().find(|&letter| !is_plain(letter)) {
        Some(letter) => Err(format!("`{letter}` may not stand in a value")),
        None => Ok((!text.is_empty()).then_some(Piece::Text(text))),
    }
}

fn placeholder(inside: &str) -> Result<Piece<'_>, String> {
    let is_variable =
        |name: &str| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    match inside.split_once(':') {
        Some(("address", port)) if is_variable(port) => Ok(Piece::Address(port)),
        Some(("listen", port)) if is_variable(port) => Ok(Piece::Listen(port)),
        None if inside == "data" => Ok(Piece::Data),
        None if is_variable(inside) => Ok(Piece::Variable(inside)),
        _ => Err(format!("`{{{inside}}}` is no placeholder")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn splits_a_value_into_text_and_placeholders() {
        assert_eq!(pieces("900"), Ok(vec![Piece::Text("900")]));
        let url = pieces("http://{address:PROVIDER_PORT}/v1");
        let expected = vec![
            Piece::Text("http://"),
            Piece::Address("PROVIDER_PORT"),
            Piece::Text("/v1"),
        ];
        assert_eq!(url, Ok(expected));
        assert_eq!(pieces("{data}/mail"), Ok(vec![Piece::Data, Piece::Text("/mail")]));
    }

    #[test]
    fn refuses_what_a_shell_or_yaml_would_read_in_another_way() {
        for wrong in ["$HOME", "a b", "a\"b", "`id`", "{unknown:X}", "{data", "a}b", "a#b"] {
            assert!(pieces(wrong).is_err(), "{wrong}");
        }
    }
}
