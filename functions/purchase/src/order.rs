//! What a buyer asks for, checked before anything is recorded.

use crate::Ports;
use crate::product::known;
use keywright_domain::money::Sats;
use keywright_domain::terms::Terms;
use keywright_edge::http::ApiError;
use keywright_store::policies::{self, Policy};
use keywright_store::products::Product;
use serde::Deserialize;

/// Longest free text a buyer may send, in bytes.
const MAX_NOTE_BYTES: usize = 2_000;
/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest redirect URL.
const MAX_URL_BYTES: usize = 2_000;

/// Body of `POST /v1/purchase`. An empty string counts as absent: the SDKs
/// send one where the application gave none.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    product: String,
    policy_slug: Option<String>,
    buyer_email: Option<String>,
    buyer_note: Option<String>,
    redirect_url: Option<String>,
    code: Option<String>,
    rail: Option<String>,
}

/// A checked order.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) product: Product,
    pub(crate) policy_id: Option<String>,
    pub(crate) price: Sats,
    pub(crate) terms: Terms,
    pub(crate) buyer_email: Option<String>,
    pub(crate) buyer_note: Option<String>,
    pub(crate) redirect_url: Option<String>,
    /// What `BTCPay` shows first.
    pub(crate) payment_method: Option<&'static str>,
}

/// Checks an order against the catalogue.
///
/// # Errors
/// 404 for an unknown product or policy; 400 for what cannot be bought and
/// for members that break their limits.
pub(crate) async fn check(ports: &Ports, order: Order) -> Result<Checked, ApiError> {
    let payment_method = match present(order.rail).as_deref() {
        None => None,
        Some("lightning") => Some("BTC-LN"),
        Some("onchain") => Some("BTC-CHAIN"),
        Some(_) => {
            return Err(ApiError::bad_request(
                "rail: the vendor takes lightning and onchain payments",
            ));
        }
    };
    if present(order.code).is_some() {
        return Err(ApiError::bad_request(
            "code: there is no such discount code",
        ));
    }
    let buyer_email = present(order.buyer_email);
    if buyer_email.as_deref().is_some_and(|email| !is_email(email)) {
        return Err(ApiError::bad_request("buyer_email: not an e-mail address"));
    }
    let buyer_note = present(order.buyer_note);
    if buyer_note
        .as_ref()
        .is_some_and(|note| note.len() > MAX_NOTE_BYTES)
    {
        return Err(ApiError::bad_request(format!(
            "buyer_note: longer than {MAX_NOTE_BYTES} bytes"
        )));
    }
    let redirect_url = present(order.redirect_url);
    if redirect_url.as_deref().is_some_and(|url| !is_web_url(url)) {
        return Err(ApiError::bad_request(
            "redirect_url: not an http or https URL",
        ));
    }
    let product = known(ports, &order.product).await?;
    if !product.active {
        return Err(ApiError::bad_request("product: it is not on sale"));
    }
    let (policy, price) = choose(ports, &product, present(order.policy_slug)).await?;
    Ok(Checked {
        price: Sats::try_from(price).map_err(|error| ApiError::internal(error.to_string()))?,
        terms: policy.as_ref().map_or_else(Terms::default, Policy::terms),
        policy_id: policy.map(|policy| policy.id),
        product,
        buyer_email,
        buyer_note,
        redirect_url,
        payment_method,
    })
}

/// The policy and the price. Without a named policy: the product's own price,
/// under the policy `default`, else the first one by name, else none.
async fn choose(
    ports: &Ports,
    product: &Product,
    wanted: Option<String>,
) -> Result<(Option<Policy>, i64), ApiError> {
    let policies = policies::of_product(&ports.database, &product.id).await?;
    let Some(wanted) = wanted else {
        let mut active: Vec<Policy> = policies
            .into_iter()
            .filter(|policy| policy.active)
            .collect();
        active.sort_by(|a, b| (a.slug != "default", &a.name).cmp(&(b.slug != "default", &b.name)));
        return Ok((active.into_iter().next(), product.price_amount));
    };
    let policy = policies
        .into_iter()
        .find(|policy| policy.slug == wanted)
        .ok_or_else(|| ApiError::not_found("this product has no such policy"))?;
    if !policy.is_for_sale() {
        return Err(ApiError::bad_request(
            "policy_slug: this policy is not for sale",
        ));
    }
    let price = policy.price_amount.unwrap_or(product.price_amount);
    Ok((Some(policy), price))
}

fn present(text: Option<String>) -> Option<String> {
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
