//! The grammar of names in a manifest.

/// Checks a variable's name: words of lower-case ASCII letters and digits,
/// each starting with a letter, joined by single underscores.
pub(crate) fn variable(name: &str) -> Result<(), String> {
    words(name, '_')?;
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("must be lower case".to_owned());
    }
    Ok(())
}

/// Checks a component's name: words of ASCII letters and digits, each
/// starting with a letter and of one case, joined by single hyphens.
pub(crate) fn component(name: &str) -> Result<(), String> {
    words(name, '-')
}

/// Checks the words between `joint`.
fn words(name: &str, joint: char) -> Result<(), String> {
    for word in name.split(joint) {
        let letters = || word.bytes().filter(u8::is_ascii_alphabetic);
        if !word
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        {
            return Err(format!(
                "must be words joined by `{joint}`, each starting with a letter"
            ));
        }
        if !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("may hold ASCII letters, digits and `{joint}` only"));
        }
        if letters().any(|byte| byte.is_ascii_uppercase())
            && letters().any(|byte| byte.is_ascii_lowercase())
        {
            return Err("each word must be of one case".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{component, variable};

    #[test]
    fn variables_are_snake_case() {
        for name in ["a", "btcpay_url", "key2"] {
            assert_eq!(variable(name), Ok(()), "{name}");
        }
        for name in ["", "_a", "a_", "a__b", "A", "a-b", "2a", "a.b", "ä", "a_2"] {
            assert!(variable(name).is_err(), "{name}");
        }
    }

    #[test]
    fn components_are_kebab_case() {
        for name in ["sign", "sign-2x", "SIGN", "a-B"] {
            // `2x` starts with a digit.
            assert_eq!(component(name).is_ok(), name != "sign-2x", "{name}");
        }
        for name in ["", "-a", "a--b", "sIgn", "a_b"] {
            assert!(component(name).is_err(), "{name}");
        }
    }
}
