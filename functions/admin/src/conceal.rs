//! What a caller is not shown who may not write licenses. The id of an order from
//! before orders had secrets opens its license key, so it is a credential, and lists,
//! audit entries and items of attention name orders by their ids.

use crate::Ports;
use axum::body::Body;
use axum::response::Response;
use data_encoding::HEXLOWER;
use http_body_util::BodyExt;
use keywright_domain::access::{Caller, Gate, Scope};
use keywright_store::sales::invoices;
use keywright_web::ApiError;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Bytes of a UUID as text.
const UUID_BYTES: usize = 36;

/// What stands before the digest in a concealed id.
const PREFIX: &str = "hidden-";

/// Whether answers of this route to this caller can hold an order's id that the
/// caller must not have.
pub(crate) fn concerns(gate: Gate, caller: &Caller) -> bool {
    let names_no_order = matches!(
        gate,
        Gate::Scope(Scope::ReleasesRead | Scope::ReleasesWrite) | Gate::AnyKey
    );
    !names_no_order && !caller.may_see_credentials()
}

/// The data of an event as this caller may see it: the text of a discount code gives
/// something away, so that it is left out where lists of codes leave it out.
pub(crate) fn event_data(mut data: Value, caller: &Caller) -> Value {
    if !caller.may_see_codes()
        && let Some(members) = data.as_object_mut()
    {
        members.remove("code");
    }
    data
}

/// The answer with every id that opens an order replaced by one of the same length
/// that opens nothing and is always the same for the same order. Costs a round trip
/// where the answer holds a UUID.
///
/// # Errors
/// Those of the database: nothing is shown that could not be checked.
pub(crate) async fn orders(ports: &Ports, response: Response) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return Err(ApiError::internal(format!(
                "the answer ended early: {error}"
            )));
        }
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return Ok(Response::from_parts(parts, Body::from(body)));
    };
    let ids: BTreeSet<&str> = ids(text).collect();
    if ids.is_empty() {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    let opening = opening(ports, &ids).await?;
    Ok(Response::from_parts(
        parts,
        Body::from(without(text, &opening)),
    ))
}

/// Those of these ids that open an order.
///
/// # Errors
/// Those of the database.
pub(crate) async fn opening(
    ports: &Ports,
    ids: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, ApiError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let opening = invoices::opened_by_their_ids(&ports.database, ids).await?;
    Ok(opening.into_iter().collect())
}

/// Every UUID in a text.
pub(crate) fn ids(text: &str) -> impl Iterator<Item = &str> {
    uuids(text).map(|(_, id)| id)
}

/// The text with these ids concealed, in one pass: a long list may hold thousands.
fn without(text: &str, opening: &BTreeSet<String>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for (at, id) in uuids(text).filter(|(_, id)| opening.contains(*id)) {
        shown.push_str(&text[from..at]);
        shown.push_str(&concealed(id));
        from = at + UUID_BYTES;
    }
    shown.push_str(&text[from..]);
    shown
}

/// Every UUID in a text and where it begins, also inside a longer word such as
/// `free-…`.
fn uuids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(window) = text.as_bytes().get(at..at + UUID_BYTES) {
            let start = at;
            if is_uuid(window) {
                at += UUID_BYTES;
                return Some((start, &text[start..at]));
            }
            at += 1;
        }
        None
    })
}

fn is_uuid(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
    })
}

fn concealed(id: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(id));
    format!("{PREFIX}{}", &digest[..UUID_BYTES - PREFIX.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019b0000-0000-7000-8000-00000000000a";

    fn found(text: &str) -> BTreeSet<&str> {
        uuids(text).map(|(_, id)| id).collect()
    }

    #[test]
    fn every_uuid_is_found() {
        let other = ID.replace('a', "b");
        let text = format!(r#"{{"a":"{ID}","b":"free-{other}","c":"{ID}","é":"0{ID}"}}"#);
        assert_eq!(found(&text), BTreeSet::from([ID, other.as_str()]));
        for none in ["", "x", &ID[1..], &ID.to_uppercase(), &ID.replace('-', "_")] {
            assert!(found(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn only_what_opens_an_order_is_concealed() {
        let other = ID.replace('a', "b");
        let text = format!(r#"{{"a":"{ID}","b":"free-{ID}","é":"{other}"}}"#);
        let shown = without(&text, &BTreeSet::from([ID.to_owned()]));
        let hidden = concealed(ID);
        let expected = format!(r#"{{"a":"{hidden}","b":"free-{hidden}","é":"{other}"}}"#);
        assert_eq!(shown, expected);
        assert_eq!(without(&text, &BTreeSet::new()), text);
    }

    #[test]
    fn a_concealed_id_is_no_uuid_and_as_long() {
        let hidden = concealed(ID);
        assert_eq!(hidden.len(), ID.len());
        assert!(found(&hidden).is_empty(), "{hidden}");
        assert_eq!(hidden, concealed(ID));
    }
}
