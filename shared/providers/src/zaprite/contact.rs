//! Contacts and their payment profiles: cards that buyers agreed to save. The card lies with
//! the vendor's card processor; a profile's id is all that is ever seen of it.

use super::names::{contact, order};
use super::order::{text, time, unwrapped};
use crate::answer::{ReadError, read};
use http::Response;
use serde_json::Value;

/// A contact as Zaprite shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Zaprite's id.
    pub id: String,
    /// Its saved cards.
    pub profiles: Vec<PaymentProfile>,
}

/// A saved card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentProfile {
    /// Zaprite's id.
    pub id: String,
    /// Such as `CARD`, as Zaprite names it.
    pub method: String,
    /// When it expires, in unix seconds, where Zaprite says.
    pub expires_at: Option<i64>,
    /// Our id of the order that it was saved with.
    pub source_order_id: Option<String>,
}

impl Contact {
    /// The card that was saved with our order, unless it has expired at `now`, in unix
    /// seconds. It may appear later than the payment.
    #[must_use]
    pub fn profile_of(&self, order_id: &str, now: i64) -> Option<&PaymentProfile> {
        self.profiles.iter().find(|profile| {
            profile.source_order_id.as_deref() == Some(order_id)
                && profile.expires_at.is_none_or(|at| at > now)
        })
    }
}

/// Reads the answer to making or getting a contact.
///
/// # Errors
/// [`ReadError`].
pub fn read_contact(answer: &Response<impl AsRef<[u8]>>) -> Result<Contact, ReadError> {
    let value: Value = read(answer)?;
    let value = unwrapped(&value);
    let id = text(value, contact::ID).ok_or(ReadError::Unreadable)?;
    let profiles = value.get(contact::PROFILES).and_then(Value::as_array);
    Ok(Contact {
        id: id.to_owned(),
        profiles: profiles.into_iter().flatten().filter_map(profile).collect(),
    })
}

fn profile(value: &Value) -> Option<PaymentProfile> {
    let source = value.get(contact::SOURCE);
    Some(PaymentProfile {
        id: text(value, contact::ID)?.to_owned(),
        method: text(value, contact::METHOD).unwrap_or_default().to_owned(),
        expires_at: time(value, contact::EXPIRES),
        source_order_id: source
            .and_then(|source| text(source, order::OURS))
            .map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contact(profiles: &Value) -> Contact {
        let body = json!({ "id": "c", "paymentProfiles": profiles }).to_string();
        read_contact(&Response::new(body.into_bytes())).expect("a contact")
    }

    #[test]
    fn a_saved_card_is_found_by_the_order_it_was_saved_with() {
        let of = |id: &str, order: &str, expires: Value| {
            json!({ "id": id, "method": "CARD", "expiresAt": expires,
                    "sourceOrder": { "externalUniqId": order } })
        };
        let contact = contact(&json!([
            of("p1", "o1", json!("2027-01-01T00:00:00Z")),
            of("p2", "o2", json!(null)),
            { "id": "p3", "method": "CARD" },
            { "method": "CARD", "sourceOrder": { "externalUniqId": "o4" } },
        ]));
        assert_eq!(contact.profiles.len(), 3);
        let found = |order: &str, now: i64| {
            contact
                .profile_of(order, now)
                .map(|profile| profile.id.as_str())
        };
        assert_eq!(found("o1", 1_798_761_599), Some("p1"));
        assert_eq!(found("o1", 1_798_761_600), None, "it has expired");
        assert_eq!(found("o2", 1_900_000_000), Some("p2"));
        assert_eq!(found("o4", 0), None);
        assert_eq!(found("", 0), None);
    }

    #[test]
    fn a_contact_without_profiles_has_none_yet() {
        assert_eq!(contact(&json!(null)).profiles, []);
        for broken in ["{}", "[]", r#"{"id":7}"#] {
            let read = read_contact(&Response::new(broken.as_bytes()));
            assert_eq!(read, Err(ReadError::Unreadable), "{broken}");
        }
    }
}
