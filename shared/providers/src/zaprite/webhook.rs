//! Zaprite's webhook. It is not signed: whoever knows its address can send one. So it is
//! only a hint of which order to read back, and what it says of the order is not read.

use super::names;
use super::order::text;
use serde_json::Value;

/// Longest id that is looked up, in bytes.
const MAX_ID_BYTES: usize = 100;

/// The order that a webhook is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderHint {
    /// Zaprite's id.
    pub id: String,
    /// Ours, where it says.
    pub order_id: Option<String>,
}

/// Reads which order a webhook is about; `None` for anything else, which is ignored. Sources
/// differ on the name of the event, so one that says nothing of an order is ignored, and
/// everything else about the name decides nothing.
#[must_use]
pub fn read_hint(body: &[u8]) -> Option<OrderHint> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let event = names::EVENTS.iter().find_map(|name| text(&value, name));
    if event.is_some_and(|event| !event.to_ascii_lowercase().contains(names::EVENT_WORD)) {
        return None;
    }
    let at = |pointer: &&str| {
        let id = value.pointer(pointer)?.as_str()?;
        (!id.is_empty() && id.len() <= MAX_ID_BYTES).then(|| id.to_owned())
    };
    Some(OrderHint {
        id: names::EVENT_ORDERS.iter().find_map(at)?,
        order_id: names::EVENT_OURS.iter().find_map(at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(value: &Value) -> Option<String> {
        read_hint(value.to_string().as_bytes()).map(|hint| hint.id)
    }

    #[test]
    fn an_order_is_found_in_every_form_that_was_seen() {
        for event in ["event", "eventType", "type", "name"] {
            for order in [
                json!({ "data": { "id": "z", "status": "PAID" } }),
                json!({ "data": { "object": { "id": "z" } } }),
                json!({ "orderId": "z", "orgId": "org" }),
                json!({ "id": "z" }),
            ] {
                assert_eq!(id(&order).as_deref(), Some("z"), "unnamed: {order}");
                let mut body = order;
                body[event] = json!("order.change");
                assert_eq!(id(&body).as_deref(), Some("z"), "{body}");
            }
        }
        let both = json!({ "event": "order.change", "id": "evt",
                           "data": { "id": "z", "externalUniqId": "o" } });
        let hint = read_hint(both.to_string().as_bytes()).expect("a hint");
        assert_eq!(
            (hint.id.as_str(), hint.order_id.as_deref()),
            ("z", Some("o"))
        );
    }

    #[test]
    fn anything_else_is_ignored() {
        for body in [
            "",
            "null",
            "[]",
            "\"z\"",
            "{}",
            "{\"event\":\"order.change\"}",
            "{\"event\":\"order.change\",\"id\":7}",
            "{\"event\":\"order.change\",\"id\":\"\"}",
            "{\"event\":\"contact.change\",\"id\":\"z\"}",
        ] {
            assert_eq!(read_hint(body.as_bytes()), None, "{body}");
        }
        let long = json!({ "event": "order.change", "id": "z".repeat(101) });
        assert_eq!(id(&long), None);
    }
}
