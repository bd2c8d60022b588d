//! E-mail addresses: how they are cleaned, recorded and compared.

use keywright_license::is_format_character;
use std::fmt;
use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};

/// Longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

/// An e-mail address in the form in which it is recorded: as it was typed if it is ASCII,
/// otherwise composed (NFC), in small letters, and with its host written out
/// (`münchen.example`, not `xn--…`). So `SQLite`'s `lower`, which knows ASCII only, makes the
/// form in which addresses are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// Why a text is no e-mail address; the text follows the member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// There is no `@`.
    #[error("must be an e-mail address such as ana@example.com; the @ is missing")]
    NoAt,
    /// There is more than one.
    #[error("must be one e-mail address such as ana@example.com; this has more than one @")]
    SeveralAts,
    /// Nothing before the `@`, or what no name has.
    #[error("must be an e-mail address such as ana@example.com; check the part before the @")]
    Name,
    /// No host after the `@`.
    #[error("must be an e-mail address such as ana@example.com; check the part after the @")]
    Host,
    /// Longer than [`MAX_EMAIL_BYTES`].
    #[error("must be an e-mail address of at most {MAX_EMAIL_BYTES} bytes")]
    Long,
}

impl EmailAddress {
    /// Reads an address as people paste it: with spaces, quotation marks, brackets or
    /// punctuation around it, invisible characters in it, `mailto:` or a name before it,
    /// full-width characters or Unicode hyphens. One `@` with something on both sides
    /// catches a slip; only a delivered mail proves an address.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        // Cleaning makes a text shorter, by a few words at most.
        if text.len() > 4 * MAX_EMAIL_BYTES {
            return Err(EmailError::Long);
        }
        let visible: String = text
            .chars()
            .filter(|c| !is_format_character(*c))
            .map(plain)
            .collect();
        let (name, host) = sides(address_of(&visible))?;
        let name = if name.is_ascii() {
            name.to_owned()
        } else {
            small(name)
        };
        let host = host_of(host).ok_or(EmailError::Host)?;
        let is_name =
            |c: char| !c.is_whitespace() && !c.is_control() && !r#"<>()[]:;,"\"#.contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(EmailError::Name);
        }
        let address = format!("{name}@{host}");
        if address.len() > MAX_EMAIL_BYTES {
            return Err(EmailError::Long);
        }
        Ok(Self(address))
    }

    /// The address as it is recorded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for a mail program: with its host in ASCII (`xn--…`).
    #[must_use]
    pub fn for_mail(&self) -> String {
        let (name, host) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let labels = host.split('.').map(|label| {
            if label.is_ascii() {
                label.to_owned()
            } else {
                format!("xn--{}", to_punycode(label))
            }
        });
        format!("{name}@{}", labels.collect::<Vec<_>>().join("."))
    }

    /// The form in which addresses are compared.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

/// The form in which two texts are compared that were taken for e-mail addresses: what was
/// recorded before there was a check need not be one.
#[must_use]
pub fn folded(text: &str) -> String {
    match EmailAddress::parse(text) {
        Ok(address) => address.folded(),
        Err(_) => small(text.trim()),
    }
}

/// The ASCII character that this one stands for in an address, or this one.
fn plain(c: char) -> char {
    match c {
        // Full-width forms; U+3002 and U+FF61 are dots to every browser.
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(c) - 0xff01 + u32::from('!')).unwrap_or(c)
        }
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => c,
    }
}

/// The address in `Ana <ana@example.com>`, `mailto:ana@example.com` or `"ana@example.com".`
fn address_of(text: &str) -> &str {
    let text = match text.rsplit_once('<') {
        Some((_, inside)) if text.contains('>') => inside.split('>').next().unwrap_or_default(),
        _ => text,
    };
    let label = text.find('@').and_then(|at| text[..at].rfind(':'));
    let (text, is_link) = match label {
        Some(colon) => (
            &text[colon + 1..],
            text[..colon]
                .trim()
                .to_ascii_lowercase()
                .ends_with("mailto"),
        ),
        None => (text, false),
    };
    let text = match text.split_once('?') {
        Some((address, _)) if is_link => address,
        _ => text,
    };
    let is_around = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '`' | '«' | '»' | '\u{2018}'
                    ..='\u{201f}'
                        | '\u{2039}'
                        | '\u{203a}'
                        | '('
                        | ')'
                        | '['
                        | ']'
                        | '{'
                        | '}'
                        | '<'
                        | '>'
                        | ','
                        | ';'
            )
    };
    text.trim_start_matches(is_around)
        .trim_end_matches(|c| is_around(c) || matches!(c, '.' | ':'))
}

fn sides(address: &str) -> Result<(&str, &str), EmailError> {
    let (name, host) = address.split_once('@').ok_or(EmailError::NoAt)?;
    if host.contains('@') {
        return Err(EmailError::SeveralAts);
    }
    Ok((name, host))
}

/// A host with its labels written out, in small letters where they are not ASCII; `None`
/// for what is none.
fn host_of(host: &str) -> Option<String> {
    let labels = host.split('.').map(|typed| {
        let label = small(typed);
        let written_out = label.strip_prefix("xn--").and_then(punycode);
        let label = match written_out {
            Some(text) => small(&text),
            None if typed.is_ascii() => typed.to_owned(),
            None => label,
        };
        let ends_well = !label.starts_with('-') && !label.ends_with('-');
        let is_host = |c: char| match c {
            _ if c.is_ascii() => c.is_ascii_alphanumeric() || c == '-',
            _ => !c.is_whitespace() && !c.is_control(),
        };
        (!label.is_empty() && ends_well && label.chars().all(is_host)).then_some(label)
    });
    labels
        .collect::<Option<Vec<_>>>()
        .map(|labels| labels.join("."))
}

/// Composed (NFC), in small letters.
fn small(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    composed(&composed(text).to_lowercase())
}

/// Unicode normalization form C. The tables of the compatibility forms, which are larger,
/// stay out of the modules.
fn composed(text: &str) -> String {
    let mut decomposed: Vec<(char, u8)> = Vec::with_capacity(text.len());
    for character in text.chars() {
        decompose_canonical(character, |part| {
            decomposed.push((part, canonical_combining_class(part)));
        });
    }
    for marks in decomposed.chunk_by_mut(|one, next| one.1 != 0 && next.1 != 0) {
        marks.sort_by_key(|(_, class)| *class);
    }
    let mut composed: Vec<char> = Vec::with_capacity(decomposed.len());
    let mut starter: Option<usize> = None;
    let mut last_class = None;
    for (character, class) in decomposed {
        let is_blocked = last_class.is_some_and(|last| last >= class);
        if let Some(at) = starter.filter(|_| !is_blocked)
            && let Some(both) = compose(composed[at], character)
        {
            composed[at] = both;
            continue;
        }
        last_class = Some(class);
        if class == 0 {
            starter = Some(composed.len());
            last_class = None;
        }
        composed.push(character);
    }
    composed.into_iter().collect()
}

/// The `xn--` form of a label, without those four characters (RFC 3492).
fn to_punycode(label: &str) -> String {
    const BASE: u32 = 36;
    let mut coded: String = label.chars().filter(char::is_ascii).collect();
    let mut done = u32::try_from(coded.len()).unwrap_or(u32::MAX);
    if done > 0 {
        coded.push('-');
    }
    let digit = |value: u32| {
        let letter = u8::try_from(value).unwrap_or_default();
        char::from(if value < 26 {
            b'a' + letter
        } else {
            b'0' + (letter - 26)
        })
    };
    let (mut code, mut delta, mut bias, mut is_first) = (0x80_u32, 0_u32, 72_u32, true);
    while let Some(next) = label.chars().map(u32::from).filter(|c| *c >= code).min() {
        delta = delta.saturating_add((next - code).saturating_mul(done + 1));
        code = next;
        for c in label.chars().map(u32::from) {
            if c < code {
                delta = delta.saturating_add(1);
            }
            if c != code {
                continue;
            }
            let mut rest = delta;
            for step in (BASE..).step_by(36) {
                let threshold = step.saturating_sub(bias).clamp(1, 26);
                if rest < threshold {
                    break;
                }
                let over = rest - threshold;
                coded.push(digit(threshold + over % (BASE - threshold)));
                rest = over / (BASE - threshold);
            }
            coded.push(digit(rest));
            bias = adapted(delta, done + 1, is_first);
            (delta, is_first) = (0, false);
            done += 1;
        }
        delta = delta.saturating_add(1);
        code += 1;
    }
    coded
}

/// The bias after a character (RFC 3492, section 6.1).
fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = delta / if is_first { 700 } else { 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

/// Writes out a label without its `xn--` (RFC 3492); `None` for what is not punycode of a
/// text that needs it.
fn punycode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    const FIRST: u32 = 0x80;
    let (plain, digits) = label.rsplit_once('-').unwrap_or(("", label));
    let mut text: Vec<char> = plain.chars().collect();
    let (mut code, mut at, mut bias) = (FIRST, 0_u32, 72_u32);
    let mut digits = digits.bytes().peekable();
    digits.peek()?;
    while digits.peek().is_some() {
        let before = at;
        let mut weight = 1_u32;
        for step in (BASE..).step_by(36) {
            let digit = match digits.next()? {
                letter @ b'a'..=b'z' => u32::from(letter - b'a'),
                number @ b'0'..=b'9' => u32::from(number - b'0') + 26,
                _ => return None,
            };
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = step.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
        }
        let count = u32::try_from(text.len()).ok()? + 1;
        bias = adapted(at - before, count, before == 0);
        code = code.checked_add(at / count)?;
        at %= count;
        text.insert(usize::try_from(at).ok()?, char::from_u32(code)?);
        at += 1;
    }
    Some(text.into_iter().collect())
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
