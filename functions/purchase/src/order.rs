//! What a buyer sends along, checked before anything is recorded. An empty
//! string counts as absent: the SDKs send one where the application gave none.

use crate::Ports;
use crate::product::known;
use keywright_domain::rail::Rail;
use keywright_edge::http::ApiError;
use keywright_store::products::Product;

/// Longest free text a buyer may send, in bytes.
const MAX_NOTE_BYTES: usize = 2_000;
/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest redirect URL.
const MAX_URL_BYTES: usize = 2_000;

/// The ways of paying through `BTCPay`, and its payment method ids.
const RAILS: [(Rail, &str); 2] = [(Rail::Lightning, "BTC-LN"), (Rail::Onchain, "BTC-CHAIN")];

/// Who buys, as far as they say.
#[derive(Debug, Clone)]
pub(crate) struct Buyer {
    pub(crate) email: Option<String>,
    pub(crate) note: Option<String>,
}

impl Buyer {
    /// Checks what a buyer says of themselves.
    ///
    /// # Errors
    /// 400 for what is no address, and for a note that is too long.
    pub(crate) fn check(email: Option<String>, note: Option<String>) -> Result<Self, ApiError> {
        let email = present(email);
        if email.as_deref().is_some_and(|email| !is_email(email)) {
            return Err(ApiError::bad_request("buyer_email: not an e-mail address"));
        }
        let note = present(note);
        let fits = |note: &String| note.len() <= MAX_NOTE_BYTES && !note.contains('\0');
        if !note.as_ref().is_none_or(fits) {
            return Err(ApiError::bad_request(format!(
                "buyer_note: at most {MAX_NOTE_BYTES} bytes of text without U+0000"
            )));
        }
        Ok(Self { email, note })
    }
}

/// Checks where a buyer wants to go after the payment.
///
/// # Errors
/// 400 for what is no web address.
pub(crate) fn redirect_url(url: Option<String>) -> Result<Option<String>, ApiError> {
    let url = present(url);
    if url.as_deref().is_some_and(|url| !is_web_url(url)) {
        return Err(ApiError::bad_request(
            "redirect_url: not an http or https URL",
        ));
    }
    Ok(url)
}

/// The way of paying that `BTCPay` shows first.
///
/// # Errors
/// 400 for one that the vendor does not take.
pub(crate) fn payment_method(
    rail: Option<String>,
) -> Result<Option<(Rail, &'static str)>, ApiError> {
    let Some(name) = present(rail) else {
        return Ok(None);
    };
    match RAILS.iter().find(|(rail, _)| rail.as_str() == name) {
        Some(found) => Ok(Some(*found)),
        None => Err(ApiError::bad_request("rail: lightning, onchain or usdc")),
    }
}

/// The product that is to be sold.
///
/// # Errors
/// 404 when there is none of this slug, 400 when it is not on sale.
pub(crate) async fn for_sale(ports: &Ports, slug: &str) -> Result<Product, ApiError> {
    let product = known(ports, slug).await?;
    if product.active {
        Ok(product)
    } else {
        Err(ApiError::bad_request("product: it is not on sale"))
    }
}

/// The text without the spaces around it; nothing when nothing is left.
pub(crate) fn present(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// One `@` with something on both sides and no spaces: enough to catch a slip;
/// only a delivered mail proves an address.
fn is_email(text: &str) -> bool {
    let plain =
        text.len() <= MAX_EMAIL_BYTES && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn is_web_url(text: &str) -> bool {
    let Ok(url) = text.parse::<http::Uri>() else {
        return false;
    };
    text.len() <= MAX_URL_BYTES
        && matches!(url.scheme_str(), Some("http" | "https"))
        && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_urls_are_checked() {
        for good in ["a@b", "satoshi@example.com", "a+b@c.d"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\n",
            &format!("{}@b", "a".repeat(254)),
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
        for good in ["https://shop.example/thanks?x=1", "http://127.0.0.1:8787/"] {
            assert!(is_web_url(good), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "javascript:alert(1)",
            "//x",
            "https://",
            "data:text/html,x",
        ] {
            assert!(!is_web_url(bad), "{bad:?}");
        }
    }

    #[test]
    fn empty_counts_as_absent() {
        assert_eq!(present(Some("  ".to_owned())), None);
        assert_eq!(present(Some(" a ".to_owned())), Some("a".to_owned()));
    }
}
