//! Text that people carry by hand: from a mail, a PDF file, a chat, a sheet of paper.

use std::borrow::Cow;

/// The longest text that is cleaned, in bytes: twice the longest license key. A
/// longer one is returned as it is.
pub(crate) const MAX_PASTED_LEN: usize = 2 * crate::MAX_KEY_LEN;

/// What every license key begins with, before its first dash.
pub(crate) const KEY_PREFIX: &str = "LIC1";

/// Removes what copying and pasting adds to a key, a token, an id, a code or a hash:
/// text of ASCII letters, digits, `-` and `_`. The letters, digits and dashes of a
/// text that is already clean are never changed; letter case stays.
///
/// | found | becomes |
/// |---|---|
/// | white space and line breaks, anywhere | removed |
/// | format characters: zero-width, soft hyphen, byte order mark, direction marks, … | removed |
/// | `>` at the start of a line, `=` at the end of one, as mail programs write them | removed |
/// | quotation marks, brackets, `*`, `` ` `` and punctuation around it | removed |
/// | a label before it that ends in `:` or `=`, `Bearer `, or any words before `LIC1-` | removed |
/// | every Unicode dash, hyphen and minus sign | `-` |
/// | full-width, mathematical, circled … forms of the ASCII letters and digits, and ligatures | the ASCII letters and digits |
///
/// Letters of another script that only look like ASCII letters are kept, so that
/// the parser of the value refuses them.
///
/// ```
/// use keywright_license::clean_pasted;
///
/// assert_eq!(clean_pasted("Code: “SPRING\u{2011}2026”\r\n"), "SPRING-2026");
/// assert_eq!(clean_pasted("SPRING-2026"), "SPRING-2026");
/// ```
#[must_use]
pub fn clean_pasted(text: &str) -> Cow<'_, str> {
    if text.len() > MAX_PASTED_LEN {
        return Cow::Borrowed(text);
    }
    let text = text.trim();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let folded = fold(text);
    let value = without_label(&folded);
    let value = value.trim_matches(|c: char| c.is_whitespace() || is_wrapping(c));
    Cow::Owned(value.chars().filter(|c| !c.is_whitespace()).collect())
}

/// Folds characters one by one. White space stays: a label ends with it.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut starts_line = true;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\r' => {
                starts_line = true;
                folded.push(character);
            }
            _ if character.is_whitespace() => folded.push(character),
            '>' if starts_line => {}
            '=' if matches!(characters.peek(), Some('\n' | '\r')) => {}
            _ if is_format_character(character) => {}
            _ => {
                starts_line = false;
                match ligature(character) {
                    Some(letters) => folded.push_str(letters),
                    None => folded.push(plain(character)),
                }
            }
        }
    }
    folded
}

/// True for characters without a picture: all of the general category Cf that may stand
/// in Latin text, variation selectors, and fillers that look like nothing. Copying text
/// from web pages and mails adds them, and nobody sees them.
#[must_use]
pub fn is_format_character(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The ASCII character that this one is a compatibility form of, or this one.
fn plain(c: char) -> char {
    /// Runs of consecutive characters: the first, how many, and what the first
    /// stands for.
    const RUNS: [(u32, u32, u8); 48] = [
        (0xff01, 94, b'!'),
        (0x24b6, 26, b'A'),
        (0x24d0, 26, b'a'),
        (0x1f130, 26, b'A'),
        (0x2460, 9, b'1'),
        (0x24ea, 1, b'0'),
        (0x2070, 1, b'0'),
        (0x2074, 6, b'4'),
        (0x2080, 10, b'0'),
        (0xb2, 2, b'2'),
        (0xb9, 1, b'1'),
        (0x1fbf0, 10, b'0'),
        (0x2102, 1, b'C'),
        (0x210a, 1, b'g'),
        (0x210b, 1, b'H'),
        (0x210c, 1, b'H'),
        (0x210d, 1, b'H'),
        (0x210e, 1, b'h'),
        (0x2110, 1, b'I'),
        (0x2111, 1, b'I'),
        (0x2112, 1, b'L'),
        (0x2113, 1, b'l'),
        (0x2115, 1, b'N'),
        (0x2119, 3, b'P'),
        (0x211c, 1, b'R'),
        (0x211d, 1, b'R'),
        (0x2124, 1, b'Z'),
        (0x2128, 1, b'Z'),
        (0x212a, 1, b'K'),
        (0x212c, 2, b'B'),
        (0x212f, 1, b'e'),
        (0x2130, 2, b'E'),
        (0x2133, 1, b'M'),
        (0x2134, 1, b'o'),
        (0x2139, 1, b'i'),
        (0x2145, 1, b'D'),
        (0x2146, 2, b'd'),
        (0x2148, 2, b'i'),
        (0x2160, 1, b'I'),
        (0x2164, 1, b'V'),
        (0x2169, 1, b'X'),
        (0x216c, 1, b'L'),
        (0x216d, 2, b'C'),
        (0x216f, 1, b'M'),
        (0x2170, 1, b'i'),
        (0x2174, 1, b'v'),
        (0x2179, 1, b'x'),
        (0x217c, 1, b'l'),
    ];
    if c.is_ascii() {
        return c;
    }
    if is_dash(c) {
        return '-';
    }
    let code = u32::from(c);
    let stands_for = match code {
        // Thirteen styles of A to Z and a to z, then five of 0 to 9.
        0x1d400..=0x1d6a3 => {
            let letter = (code - 0x1d400) % 52;
            let (first, index) = if letter < 26 {
                (b'A', letter)
            } else {
                (b'a', letter - 26)
            };
            Some(u32::from(first) + index)
        }
        0x1d7ce..=0x1d7ff => Some(u32::from(b'0') + (code - 0x1d7ce) % 10),
        _ => RUNS
            .iter()
            .find(|(first, count, _)| (*first..first + count).contains(&code))
            .map(|(first, _, stands_for)| u32::from(*stands_for) + code - first),
    };
    stands_for.and_then(char::from_u32).unwrap_or(c)
}

/// Everything of the general category Pd, minus signs, and what word processors and
/// keyboards for other scripts write for a hyphen.
fn is_dash(c: char) -> bool {
    matches!(c,
        '\u{2d7}' | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}' | '\u{2010}'..='\u{2015}'
        | '\u{2043}' | '\u{2053}' | '\u{207b}' | '\u{208b}' | '\u{2212}' | '\u{2500}'..='\u{2501}'
        | '\u{2796}' | '\u{2e17}' | '\u{2e1a}' | '\u{2e3a}'..='\u{2e3b}' | '\u{2e40}'
        | '\u{2e5d}' | '\u{301c}' | '\u{3030}' | '\u{30a0}' | '\u{30fc}'
        | '\u{fe31}'..='\u{fe32}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{ff70}'
        | '\u{10d6e}' | '\u{10ead}')
}

/// Letters that a PDF file joins.
fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return None,
    })
}

/// What is written around a value and is part of none.
fn is_wrapping(c: char) -> bool {
    matches!(c,
        '"' | '\'' | '`' | '\u{b4}' | '«' | '»' | '\u{2018}'..='\u{201f}' | '\u{2039}' | '\u{203a}'
        | '\u{2032}'..='\u{2036}' | '\u{300c}'..='\u{300f}' | '\u{301d}'..='\u{301f}'
        | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '|' | '\u{2022}' | '\u{b7}'
        | ',' | '.' | ';' | ':' | '\u{3002}' | '\u{2026}')
}

/// What follows a label; everything where there is no label.
fn without_label(text: &str) -> &str {
    let text = match key_start(text) {
        Some(start) => return &text[start..],
        None => text.trim_start(),
    };
    // What follows the last separator that has a letter or a digit behind it.
    let last = text.rfind(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
    let label = text[..last].rfind([':', '=']);
    let value = label.map_or(text, |at| &text[at + 1..]).trim_start();
    match value.split_at_checked("bearer".len()) {
        Some((word, rest))
            if word.eq_ignore_ascii_case("bearer") && rest.starts_with(char::is_whitespace) =>
        {
            rest
        }
        _ => value,
    }
}

/// Where the first license key begins: at `LIC1-` that no letter, digit or control
/// character precedes.
fn key_start(text: &str) -> Option<usize> {
    let starts_key = |rest: &str| {
        let dash = rest.split_at_checked(KEY_PREFIX.len());
        dash.is_some_and(|(prefix, rest)| {
            prefix.eq_ignore_ascii_case(KEY_PREFIX) && rest.trim_start().starts_with('-')
        })
    };
    let mut before = None;
    for (at, character) in text.char_indices() {
        if !before.is_some_and(char::is_alphanumeric) && starts_key(&text[at..]) {
            return Some(at);
        }
        if character.is_control() && !character.is_whitespace() {
            return None;
        }
        before = Some(character);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_at_the_last_separator_with_text_behind_it() {
        for (text, value) in [
            ("Code: A=B: SPRING:", "SPRING"),
            ("SPRING::", "SPRING"),
            ("a:b", "b"),
            (":::", ""),
        ] {
            assert_eq!(clean_pasted(text), value, "{text}");
        }
        let separators = ":".repeat(MAX_PASTED_LEN - 1) + "b";
        assert_eq!(clean_pasted(&separators), "b");
    }

    #[test]
    fn clean_text_is_not_copied() {
        for text in [
            "",
            "LIC1-AAAA-BBBB",
            "abc_DEF-1",
            "019b3c5e-0000-7000-8000-000000000000",
        ] {
            assert!(matches!(clean_pasted(text), Cow::Borrowed(same) if same == text));
            assert!(matches!(
                clean_pasted(&format!(" \u{a0}\t{text}\r\n")),
                Cow::Borrowed(same) if same == text
            ));
        }
    }

    #[test]
    fn what_pasting_adds_is_removed() {
        for (pasted, clean) in [
            ("\u{feff}abc", "abc"),
            ("a\u{200b}b\u{ad}c\u{202c}\u{2060}", "abc"),
            ("a b\r\nc\u{3000}d\u{2028}e", "abcde"),
            ("> abc\r\n> def\r\n>> ghi", "abcdefghi"),
            ("abc=\r\ndef=\nghi", "abcdefghi"),
            ("\"abc\"", "abc"),
            ("„abc“", "abc"),
            ("« abc »", "abc"),
            ("`abc`", "abc"),
            ("**abc**", "abc"),
            ("<abc>,", "abc"),
            ("(abc).", "abc"),
            ("Order: abc", "abc"),
            ("Your order:\n\n  abc\n", "abc"),
            ("token=abc", "abc"),
            ("\"order_id\": \"abc\",", "abc"),
            ("Schlüssel\u{ff1a}abc", "abc"),
            ("Authorization: Bearer abc", "abc"),
            ("bearer abc", "abc"),
            ("bearerabc", "bearerabc"),
            ("Your key LIC1-A-B", "LIC1-A-B"),
            ("Key: lic1 \u{2013} A \u{2014} B", "lic1-A-B"),
            ("1. LIC1-A-B", "LIC1-A-B"),
            (
                "a\u{2010}b\u{2011}c\u{2012}d\u{2013}e\u{2014}f\u{2015}g\u{2212}h\u{ff0d}i",
                "a-b-c-d-e-f-g-h-i",
            ),
            ("\u{ff21}\u{ff22}\u{ff41}\u{ff10}\u{ff19}", "ABa09"),
            ("\u{1d400}\u{1d433}\u{1d434}\u{1d7ce}\u{1d7ff}", "AzA09"),
            ("\u{24b6}\u{24e9}\u{2460}\u{24ea}", "Az10"),
            ("e\u{fb03}cient", "efficient"),
        ] {
            assert_eq!(clean_pasted(pasted), clean, "{pasted:?}");
        }
    }

    #[test]
    fn what_is_part_of_the_text_stays() {
        for text in [
            "abc=",
            "a=",
            "LIC1-A-B LIC1-C-D",
            "\u{391}BC",
            "a\u{0}b",
            "a/b",
            "LIC1-A:B",
        ] {
            let kept: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            assert_eq!(clean_pasted(text), kept, "{text:?}");
        }
        let long = "a ".repeat(MAX_PASTED_LEN);
        assert_eq!(clean_pasted(&long), long);
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        for text in [
            "Key: 'LIC1\u{2013}A\u{2013}B'",
            "= a",
            "a:b:c",
            "((abc))",
            "x: bearer y",
        ] {
            let once = clean_pasted(text).into_owned();
            assert_eq!(clean_pasted(&once), once, "{text:?}");
        }
    }
}
