//! What a name was probably meant to be: for answers to names that are not known.

/// The known name that this one was probably meant to be: another spelling of it, or one
/// that shares a word with it. The first of equals.
#[must_use]
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let written = plain(name);
    let scored = known.iter().filter_map(|known| {
        let score = unlikeness(&written, &plain(known))?;
        Some((score, *known))
    });
    scored
        .min_by_key(|(score, _)| *score)
        .map(|(_, known)| known)
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn listed(names: &[&str], conjunction: &str) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("{} {conjunction} {last}", rest.join(", "))
        }
        _ => names.concat(),
    }
}

/// The end of the message about a name that is not known.
#[must_use]
pub(crate) fn instead(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("; did you mean {near}?"),
        None => match known {
            [] => "; this endpoint takes none".to_owned(),
            [only] => format!("; only {only} is known"),
            _ => format!("; known are {}", listed(known, "and")),
        },
    }
}

/// A name as a message shows it: quoted where it is not plain.
pub(crate) fn shown(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=MAX_SHOWN).contains(&name.len()) && name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Longest name that is shown whole, in characters.
const MAX_SHOWN: usize = 60;

/// A name as a message quotes it: what a stranger sends may be long.
pub(crate) fn quoted(name: &str) -> String {
    let mut text: String = name.chars().take(MAX_SHOWN).collect();
    if text.len() < name.len() {
        text.push('…');
    }
    format!("{text:?}")
}

/// Longest name that is compared, in characters; no name of ours is longer.
const MAX_COMPARED: usize = 40;

/// Small letters and digits, in words.
fn plain(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in name.chars().take(MAX_COMPARED) {
        if !character.is_alphanumeric() || character.is_uppercase() {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How unlike two names are; `None` if nobody takes one for the other.
fn unlikeness(name: &[String], known: &[String]) -> Option<usize> {
    /// More than the length of a name.
    const MANY: usize = 100;
    let (one, other) = (name.concat(), known.concat());
    let (short, long) = (one.chars().count(), other.chars().count());
    let (short, long) = (short.min(long), short.max(long));
    if short >= 3 && (one.contains(&other) || other.contains(&one)) {
        return Some(long - short);
    }
    let differing = differing_letters(&one, &other);
    if differing <= (short / 3).min(3) {
        return Some(MANY + differing);
    }
    let shared = name
        .iter()
        .filter(|word| word.len() > 3 && known.contains(word));
    let shared: usize = shared.map(|word| word.chars().count()).sum();
    (shared > 0).then(|| 2 * MANY + long - shared)
}

/// Letters that are missing, added, wrong, or swapped with their neighbour.
fn differing_letters(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b))
                .min(row[j + 1] + 1)
                .min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_for_the_nearest_one() {
        let order = [
            "product",
            "policy_slug",
            "buyer_email",
            "buyer_note",
            "redirect_url",
            "code",
            "rail",
        ];
        for (name, meant) in [
            ("policy", Some("policy_slug")),
            ("policySlug", Some("policy_slug")),
            ("policy-slug", Some("policy_slug")),
            ("polciy_slug", Some("policy_slug")),
            ("email", Some("buyer_email")),
            ("mail", Some("buyer_email")),
            ("customer_email", Some("buyer_email")),
            ("discount_code", Some("code")),
            ("coed", Some("code")),
            ("note", Some("buyer_note")),
            ("prodcut", Some("product")),
            ("product_slug", Some("product")),
            ("redirect", Some("redirect_url")),
            ("x", None),
            ("", None),
            ("quantity", None),
            ("\u{1f600}", None),
        ] {
            assert_eq!(nearest(name, &order), meant, "{name}");
        }
        assert_eq!(
            nearest("max_machine", &["max_machines"]),
            Some("max_machines")
        );
        assert_eq!(nearest("descripton", &["description"]), Some("description"));
        assert_eq!(nearest("expiry", &["expires_at"]), None);
        assert_eq!(nearest("code", &[]), None);
        let long = "code".repeat(10_000);
        assert_eq!(nearest(&long, &["code"]), Some("code"));
    }

    #[test]
    fn an_unknown_name_is_shown_cut() {
        assert_eq!(quoted("a\"b\u{0}"), "\"a\\\"b\\0\"");
        assert_eq!(quoted(&"ä".repeat(61)), format!("\"{}…\"", "ä".repeat(60)));
    }
}
