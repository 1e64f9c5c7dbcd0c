//! One line for an error and its causes.

use std::error::Error;

/// Renders an error and everything that caused it on one line, for logs: `message: cause: cause of the cause`.
///
/// The JSON log format writes only an error's own message, so log lines pass `error = chain(&error)`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // A transparent error repeats the text of its cause.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    // Some of these texts end in a column, which takes no NUL; the replies of other systems may hold one.
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot read the file")]
        Wrapped(#[source] io::Error),
        #[error(transparent)]
        Transparent(#[from] io::Error),
    }

    #[test]
    fn each_cause_stands_in_the_chain_once() {
        let inner = || io::Error::other("disk full");
        assert_eq!(chain(&Outer::Wrapped(inner())), "cannot read the file: disk full");
        assert_eq!(chain(&Outer::Transparent(inner())), "disk full");
    }
}
