//! The places in a mail that text enters, each with its own encoder: a line, a mailbox, and
//! what a stranger wrote.

/// The longest line of a header that text of the vendor's makes, in characters.
const MAX_LINE_CHARS: usize = 200;

/// The text on one line: line breaks and other control characters become spaces, so that
/// no text can begin another header.
#[must_use]
pub fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| match c {
            '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    let line: Vec<&str> = spaced.split_whitespace().collect();
    line.join(" ").chars().take(MAX_LINE_CHARS).collect()
}

/// A name and an address as RFC 5322 writes them: `Ana <ana@example.com>`, with the name in
/// quotation marks where it has characters that mean something there.
#[must_use]
pub fn mailbox(name: &str, address: &str) -> String {
    let name = one_line(name);
    let is_plain =
        |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
    if name.is_empty() {
        return address.to_owned();
    }
    if name.chars().all(is_plain) {
        return format!("{name} <{address}>");
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\" <{address}>")
}

/// Text of a stranger, so that no program makes a link of it: on one line, with the
/// characters of addresses in brackets. For mails to the operator, and never in a subject.
#[must_use]
pub fn unlinked(text: &str) -> String {
    let mut shown = String::new();
    for c in one_line(text).chars() {
        match c {
            '.' | ':' | '/' | '\\' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => {
                shown.push('[');
                shown.push(c);
                shown.push(']');
            }
            '@' | '\u{ff20}' => shown.push_str("[at]"),
            c => shown.push(c),
        }
    }
    shown
}

/// A time for people, with its zone: `2027-01-01 00:30 UTC`.
#[must_use]
pub fn utc_minute(unix_seconds: i64) -> String {
    let text = crate::dates::rfc3339(unix_seconds);
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let minute = time.get(..5).unwrap_or_default();
    format!("{day} {minute} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_another_line() {
        for (text, line) in [
            ("Ana\r\nBcc: x@evil.example", "Ana Bcc: x@evil.example"),
            ("a\u{2028}b\u{85}c\0d\te", "a b c d e"),
            (" Q&A \"Pro\" <Ana's> ", "Q&A \"Pro\" <Ana's>"),
        ] {
            assert_eq!(one_line(text), line);
        }
        assert_eq!(one_line(&"é".repeat(1_000)).chars().count(), MAX_LINE_CHARS);
    }

    #[test]
    fn a_name_is_one_mailbox() {
        let of = |name| mailbox(name, "shop@x.example");
        for (name, shown) in [
            ("", "shop@x.example"),
            ("Ana", "Ana <shop@x.example>"),
            ("Müller & Söhne", "Müller & Söhne <shop@x.example>"),
            (
                "Ana, b@evil.example",
                "\"Ana, b@evil.example\" <shop@x.example>",
            ),
            (
                "a\" <b@evil.example>, \"",
                "\"a\\\" <b@evil.example>, \\\"\" <shop@x.example>",
            ),
            ("a\\", "\"a\\\\\" <shop@x.example>"),
            ("A\r\nBcc: x@e", "\"A Bcc: x@e\" <shop@x.example>"),
        ] {
            assert_eq!(of(name), shown);
        }
    }

    #[test]
    fn a_strangers_text_is_no_link() {
        for (text, shown) in [
            (
                "Renew at www.evil.example/pay",
                "Renew at www[.]evil[.]example[/]pay",
            ),
            ("https://evil.example", "https[:][/][/]evil[.]example"),
            ("ana@evil.example\r\nx", "ana[at]evil[.]example x"),
            ("evil\u{3002}example", "evil[\u{3002}]example"),
        ] {
            assert_eq!(unlinked(text), shown);
        }
    }

    #[test]
    fn a_time_names_its_zone() {
        assert_eq!(utc_minute(1_798_763_400), "2027-01-01 00:30 UTC");
    }
}
