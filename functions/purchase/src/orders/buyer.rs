//! What a buyer sends with an order, checked before anything is recorded. An empty text
//! counts as absent: the SDKs send one if the application gave none.

use keywright_domain::email::EmailAddress;
use keywright_domain::web_url;
use keywright_web::ApiError;

/// Longest free text a buyer may send, in bytes.
const MAX_NOTE_BYTES: usize = 2_000;

/// The buyer, as far as they say.
#[derive(Debug, Clone)]
pub(crate) struct Buyer {
    pub(crate) email: Option<String>,
    pub(crate) note: Option<String>,
}

impl Buyer {
    /// Checks address and note.
    ///
    /// # Errors
    /// [`ApiError::email`] for what is not an e-mail address, 400 for a note that is too long.
    pub(crate) fn check(email: Option<String>, note: Option<String>) -> Result<Self, ApiError> {
        let email = present(email).as_deref().map(EmailAddress::parse);
        let email = email
            .transpose()
            .map_err(|error| ApiError::email("buyer_email", error))?;
        let email = email.map(String::from);
        let note = present(note);
        if note
            .as_ref()
            .is_some_and(|note| note.len() > MAX_NOTE_BYTES)
        {
            return Err(ApiError::bad_request(format!(
                "buyer_note must be at most {MAX_NOTE_BYTES} bytes"
            )));
        }
        Ok(Self { email, note })
    }
}

/// Checks where a buyer wants to go after the payment.
///
/// # Errors
/// 400 for an address that breaks the rule of [`web_url`].
pub(crate) fn redirect_url(url: Option<String>) -> Result<Option<String>, ApiError> {
    let url = present(url);
    if let Some(Err(error)) = url.as_deref().map(web_url::check) {
        return Err(ApiError::bad_request(format!("redirect_url {error}")));
    }
    Ok(url)
}

/// The text without the spaces around it; `None` if nothing is left.
pub(crate) fn present(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_has_one_host() {
        let checked = |url: &str| redirect_url(Some(url.to_owned()));
        let good = "https://shop.example/thanks?x=1";
        assert_eq!(checked(good).expect("a URL").as_deref(), Some(good));
        assert_eq!(checked(" ").expect("nothing"), None);
        for bad in [
            "shop.example",
            "javascript:alert(1)",
            "https://shop.example@evil.example/",
            "https://shop.example\\@evil.example/",
        ] {
            let refused = checked(bad).expect_err(bad);
            assert_eq!(refused.status().as_u16(), 400, "{bad}");
            assert!(refused.message().starts_with("redirect_url must be "));
        }
    }

    #[test]
    fn empty_counts_as_absent() {
        assert_eq!(present(Some("  ".to_owned())), None);
        assert_eq!(present(Some(" a ".to_owned())), Some("a".to_owned()));
    }
}
