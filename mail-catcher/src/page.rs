//! HTML pages. Every text that comes from a mail is escaped.

use crate::store::{Mail, Summary};
use std::fmt::Write;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #8884}\
pre{white-space:pre-wrap;background:#8881;padding:1rem}dt{font-weight:600}dd{margin:0 0 .5rem}:root{color-scheme:light dark}";

/// Renders the list of mails, newest first. The page reloads itself every 5 s, so that a new mail appears.
pub(crate) fn index(mails: &[Summary]) -> String {
    let mut rows = String::new();
    for mail in mails {
        let (id, to, subject) = (escape(&mail.id), escape(&mail.to), escape(&mail.subject));
        let time = mail.received_at.format("%Y-%m-%d %H:%M:%S UTC");
        write!(rows, "<tr><td>{to}<td><a href=\"/mails/{id}\">{subject}</a><td>{time}")
            .expect("writing to a string cannot fail");
    }
    let empty = if mails.is_empty() { "<p>No mail yet." } else { "" };
    let body = format!("<h1>Mails</h1><table><tr><th>To<th>Subject<th>Received{rows}</table>{empty}");
    document("Mails", "<meta http-equiv=\"refresh\" content=\"5\">", &body)
}

/// Renders one mail with its text.
pub(crate) fn mail(mail: &Mail) -> String {
    let summary = &mail.summary;
    let subject = escape(&summary.subject);
    let body = format!(
        "<p><a href=\"/\">All mails</a><h1>{subject}</h1><dl><dt>To<dd>{}<dt>From<dd>{}<dt>Message-ID<dd>{}<dt>Received\
         <dd>{}</dl><pre>{}</pre>",
        escape(&summary.to),
        escape(&summary.from),
        escape(&summary.message_id),
        summary.received_at.to_rfc3339(),
        escape(&mail.body),
    );
    document(&subject, "", &body)
}

fn document(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">{head}<title>{title}</title><style>{STYLE}</style>{body}</html>"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_mail_is_escaped() {
        let summary = Summary {
            id: "1".to_owned(),
            to: "a@example.com".to_owned(),
            from: "\"><img>".to_owned(),
            subject: "<script>alert('1')</script>".to_owned(),
            message_id: String::new(),
            received_at: chrono::DateTime::default(),
        };
        let list = index(std::slice::from_ref(&summary));
        let shown = mail(&Mail {
            summary,
            body: "<b>&amp;</b>".to_owned(),
        });
        assert!(!list.contains("<script>"), "{list}");
        assert!(list.contains("&lt;script&gt;alert(&#39;1&#39;)"), "{list}");
        assert!(
            !shown.contains("<script>") && !shown.contains("<img>") && !shown.contains("<b>"),
            "{shown}"
        );
        assert!(shown.contains("&lt;b&gt;&amp;amp;&lt;/b&gt;"), "{shown}");
    }
}
