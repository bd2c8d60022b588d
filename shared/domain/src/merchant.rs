//! A business that sells: what it may say of itself, and where its buyers go
//! after paying.

use crate::web_url::{self, NotAWebUrl};

/// Longest name of a business, in characters.
pub const MAX_NAME_CHARS: usize = 80;
/// Longest name that stands in contracts, in bytes.
pub const MAX_TEXT_BYTES: usize = 2_000;

/// What stands for the order's public id in [`Redirect`].
const ORDER_ID: &str = "{order_id}";
/// What stands for the order's secret in [`Redirect`], under the name that the SDKs
/// know it by.
const ORDER_SECRET: &str = "{invoice_id}";

/// Why a business cannot say something of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The name is empty, too long, or has control characters.
    #[error("must be 1 to {MAX_NAME_CHARS} characters of plain text")]
    Name,
    /// The legal name is too long or has control characters.
    #[error("must be plain text of at most {MAX_TEXT_BYTES} bytes")]
    Text,
    /// The colour is not `#rrggbb`.
    #[error("must be a colour such as #0a7cff")]
    Color,
    /// Not a web address.
    #[error(transparent)]
    Url(#[from] NotAWebUrl),
    /// A template with another placeholder than ours.
    #[error(
        "{NotAWebUrl}; {ORDER_ID} stands for the order's id and {ORDER_SECRET} for its secret, and no other braces are allowed"
    )]
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

/// Checks a web address, by the rule of [`web_url`].
///
/// # Errors
/// [`Refused::Url`].
pub fn check_url(url: &str) -> Result<(), Refused> {
    Ok(web_url::check(url)?)
}

/// Where buyers of a business go after paying. `{order_id}` stands for the order's
/// public id. `{invoice_id}` stands for its secret, which opens the license key: a
/// template that names it shows the secret to the payment provider and to the site
/// that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect(String);

impl Redirect {
    /// Reads a template.
    ///
    /// # Errors
    /// [`Refused::Redirect`].
    pub fn parse(template: &str) -> Result<Self, Refused> {
        let without = template.replace(ORDER_ID, "").replace(ORDER_SECRET, "");
        // No host has a brace, so the order is never part of one.
        if without.contains(['{', '}']) || web_url::check(template).is_err() {
            return Err(Refused::Redirect);
        }
        Ok(Self(template.to_owned()))
    }

    /// The address for one order. Id and secret have only letters, digits, `-` and
    /// `_`.
    #[must_use]
    pub fn of(&self, order_id: &str, secret: &str) -> String {
        self.0
            .replace(ORDER_ID, order_id)
            .replace(ORDER_SECRET, secret)
    }
}

/// The address that an order named for its buyer, for this order. The placeholders are
/// those of [`Redirect`], and those that `BTCPay` fills by itself: `{OrderId}`, and
/// `{InvoiceId}` for the id at the payment provider. So an address means the same however
/// the order is paid. `provider_id` is `None` where the provider fills its id in.
#[must_use]
pub fn named_redirect(
    url: &str,
    order_id: &str,
    secret: &str,
    provider_id: Option<&str>,
) -> String {
    let filled = url
        .replace(ORDER_ID, order_id)
        .replace("{OrderId}", order_id)
        .replace(ORDER_SECRET, secret);
    match provider_id {
        Some(id) => filled.replace("{InvoiceId}", id),
        None => filled,
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
    fn an_address_that_an_order_names_is_filled_for_it() {
        let filled = |url, provider| named_redirect(url, "0199-id", "os_secret", provider);
        for (url, expected) in [
            ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
            ("https://a.example/{order_id}", "https://a.example/0199-id"),
            (
                "https://a.example/?o={OrderId}",
                "https://a.example/?o=0199-id",
            ),
            (
                "https://a.example/#{invoice_id}",
                "https://a.example/#os_secret",
            ),
            (
                "https://a.example/{InvoiceId}",
                "https://a.example/usdc-0199",
            ),
            ("https://a.example/{other}", "https://a.example/{other}"),
        ] {
            assert_eq!(filled(url, Some("usdc-0199")), expected);
        }
        let left = "https://a.example/{InvoiceId}";
        assert_eq!(filled(left, None), left);
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
        assert_eq!(check_url("https://a.example"), Ok(()));
        // The rule itself is tested in `web_url`.
        for bad in ["", "https://shop.example@evil.example/", "https://a b"] {
            assert_eq!(check_url(bad), Err(Refused::Url(NotAWebUrl)), "{bad:?}");
        }
    }

    #[test]
    fn a_template_gets_the_secret_only_where_it_names_it() {
        for (template, address) in [
            ("https://a.example/done", "https://a.example/done"),
            ("https://a.example/{order_id}", "https://a.example/o-1"),
            ("https://a.example/#{invoice_id}", "https://a.example/#os_x"),
            (
                "http://a?o={order_id}&p={order_id}&s={invoice_id}",
                "http://a?o=o-1&p=o-1&s=os_x",
            ),
        ] {
            let redirect = Redirect::parse(template).expect(template);
            assert_eq!(redirect.of("o-1", "os_x"), address);
        }
        for bad in [
            "{order_id}",
            "https://{order_id}",
            "https://{invoice_id}.a.example/",
            "https://a.example:{order_id}/",
            "https://{order_id}@a.example/",
            "https://a/{other}",
            "https://a/{",
            "https://a/}{order_id}",
            "https://a/{{order_id}}",
            "https://shop.example@evil.example/{order_id}",
            "javascript:{order_id}",
        ] {
            assert_eq!(Redirect::parse(bad), Err(Refused::Redirect), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_a_check(text in ".*") {
            let _ = (check_name(&text), check_color(&text), check_url(&text));
            if let Ok(redirect) = Redirect::parse(&text) {
                let address = redirect.of("o-1", "os_x");
                let is_filled_in = !address.contains('{');
                prop_assert!(is_filled_in);
                prop_assert_eq!(web_url::authority(&address), web_url::authority(&text));
            }
        }

        #[test]
        fn the_host_of_a_template_is_that_of_the_address(host in "[a-z]{1,9}", path in "[a-z/{}_]{0,20}") {
            if let Ok(redirect) = Redirect::parse(&format!("https://{host}/{path}{ORDER_ID}")) {
                let prefix = format!("https://{host}/");
                prop_assert!(redirect.of("0199", "os_x").starts_with(&prefix));
            }
        }
    }
}
