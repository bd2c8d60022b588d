//! A business that sells: what it may say of itself, and where its buyers go
//! after paying.

/// Longest name of a business, in characters.
pub const MAX_NAME_CHARS: usize = 80;
/// Longest URL, and longest name that stands in contracts, in bytes.
pub const MAX_TEXT_BYTES: usize = 2_000;
/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

/// What stands for the order in [`Redirect`].
const PLACE: &str = "{invoice_id}";

/// Why a business cannot say something of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The name is empty, too long, or has control characters.
    #[error("1 to {MAX_NAME_CHARS} characters of plain text")]
    Name,
    /// The legal name is too long or has control characters.
    #[error("plain text of at most {MAX_TEXT_BYTES} bytes")]
    Text,
    /// The colour is not `#rrggbb`.
    #[error("a colour such as #0a7cff")]
    Color,
    /// Not a web address.
    #[error("an http or https URL of at most {MAX_TEXT_BYTES} bytes, without spaces")]
    Url,
    /// Not an e-mail address.
    #[error("an e-mail address of at most {MAX_EMAIL_BYTES} bytes")]
    Email,
    /// A template with another placeholder than ours.
    #[error("an http or https URL, in which {PLACE} stands for the order and no other brace is")]
    Redirect,
}

/// Checks the name that buyers see.
///
/// # Errors
/// [`Refused::Name`].
pub fn check_name(name: &str) -> Result<(), Refused> {
    let count = name.chars().count();
    let fits = (1..=MAX_NAME_CHARS).contains(&count) && !name.trim().is_empty();
    if fits && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refused::Name)
    }
}

/// Checks the name that stands in contracts.
///
/// # Errors
/// [`Refused::Text`].
pub fn check_legal_name(name: &str) -> Result<(), Refused> {
    let fits = !name.trim().is_empty() && name.len() <= MAX_TEXT_BYTES;
    if fits && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refused::Text)
    }
}

/// Checks a colour: `#` and six hex digits, as `<input type="color">` gives it.
///
/// # Errors
/// [`Refused::Color`].
pub fn check_color(color: &str) -> Result<(), Refused> {
    let digits = color.strip_prefix('#').ok_or(Refused::Color)?;
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(Refused::Color)
    }
}

/// Checks a web address: `http` or `https`, a host, no spaces.
///
/// # Errors
/// [`Refused::Url`].
pub fn check_url(url: &str) -> Result<(), Refused> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or(Refused::Url)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    // A user name before the host misleads people.
    if plain && !host.is_empty() && !host.contains('@') && url.len() <= MAX_TEXT_BYTES {
        Ok(())
    } else {
        Err(Refused::Url)
    }
}

/// Checks an e-mail address: one `@` with something on both sides and no
/// spaces, which catches a slip; only a delivered mail proves an address.
///
/// # Errors
/// [`Refused::Email`].
pub fn check_email(email: &str) -> Result<(), Refused> {
    let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    let sides = email.split_once('@');
    let whole = sides
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if plain && whole && email.len() <= MAX_EMAIL_BYTES {
        Ok(())
    } else {
        Err(Refused::Email)
    }
}

/// Where buyers of a business go after paying, with `{invoice_id}` for the
/// order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect(String);

impl Redirect {
    /// Reads a template.
    ///
    /// # Errors
    /// [`Refused::Redirect`].
    pub fn parse(template: &str) -> Result<Self, Refused> {
        let without = template.replace(PLACE, "");
        if without.contains(['{', '}']) || check_url(template).is_err() {
            return Err(Refused::Redirect);
        }
        // The order must not be part of the host's name.
        let start = if template.starts_with("https://") {
            8
        } else {
            7
        };
        let host = template[start..].split(['/', '?', '#']).next();
        if host.is_some_and(|host| host.contains('{')) {
            return Err(Refused::Redirect);
        }
        Ok(Self(template.to_owned()))
    }

    /// The address for one order. Its id has only letters, digits and `-`.
    #[must_use]
    pub fn of(&self, invoice_id: &str) -> String {
        self.0.replace(PLACE, invoice_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_their_limits() {
        let longest = "é".repeat(MAX_NAME_CHARS);
        for good in ["A", "Example & Söhne", &longest] {
            assert_eq!(check_name(good), Ok(()), "{good:?}");
            assert_eq!(check_legal_name(good), Ok(()), "{good:?}");
        }
        for bad in ["", "  ", "a\nb", "a\0", &format!("{longest}x")] {
            assert_eq!(check_name(bad), Err(Refused::Name), "{bad:?}");
        }
        for bad in ["", " ", "a\tb", &"x".repeat(MAX_TEXT_BYTES + 1)] {
            assert_eq!(check_legal_name(bad), Err(Refused::Text), "{bad:?}");
        }
    }

    #[test]
    fn a_color_is_six_digits() {
        for good in ["#000000", "#0A7cfF"] {
            assert_eq!(check_color(good), Ok(()), "{good}");
        }
        for bad in ["", "#fff", "000000", "#00000g", "#0000000", "red", "#é0000"] {
            assert_eq!(check_color(bad), Err(Refused::Color), "{bad}");
        }
    }

    #[test]
    fn addresses_are_checked() {
        for good in ["https://a.example", "http://127.0.0.1:8787/help?x=1#y"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        let long = format!("https://a/{}", "x".repeat(MAX_TEXT_BYTES));
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "javascript:alert(1)",
            "https://",
            "https:///a",
            "https://shop.example@evil.example/",
            "https://a b",
            "https://a\n",
            &long,
        ] {
            assert_eq!(check_url(bad), Err(Refused::Url), "{bad:?}");
        }
        for good in ["a@b", "help+x@shop.example"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert_eq!(check_email(bad), Err(Refused::Email), "{bad:?}");
        }
    }

    #[test]
    fn a_template_names_the_order() {
        for (template, address) in [
            ("https://a.example/done", "https://a.example/done"),
            ("https://a.example/{invoice_id}", "https://a.example/o-1"),
            (
                "http://a?o={invoice_id}&p={invoice_id}",
                "http://a?o=o-1&p=o-1",
            ),
        ] {
            let redirect = Redirect::parse(template).expect(template);
            assert_eq!(redirect.of("o-1"), address);
        }
        for bad in [
            "{invoice_id}",
            "https://{invoice_id}",
            "https://{invoice_id}.a.example/",
            "https://a/{other}",
            "https://a/{",
            "https://a/}{invoice_id}",
            "javascript:{invoice_id}",
        ] {
            assert_eq!(Redirect::parse(bad), Err(Refused::Redirect), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_a_check(text in ".*") {
            let _ = (check_name(&text), check_color(&text), check_url(&text), check_email(&text));
            if let Ok(redirect) = Redirect::parse(&text) {
                let address = redirect.of("o-1");
                prop_assert!(check_url(&address).is_ok());
                let is_filled_in = !address.contains('{');
                prop_assert!(is_filled_in);
            }
        }

        #[test]
        fn the_host_of_a_template_is_that_of_the_address(host in "[a-z]{1,9}", path in "[a-z/{}_]{0,20}") {
            if let Ok(redirect) = Redirect::parse(&format!("https://{host}/{path}{PLACE}")) {
                let prefix = format!("https://{host}/");
                prop_assert!(redirect.of("0199").starts_with(&prefix));
            }
        }
    }
}
