//! The `webhooks` section: what is sent to the operator's endpoints, by event type. The
//! schemas of the data are those of the events feed too.

use super::event_data::{schema_of, schemas};
use super::groups::EVENTS;
use keywright_domain::webhook::event_type::{EventType, TEST_EVENT};
use serde_json::{Map, Value, json};

/// Headers of the standard format: the name of the shared parameter, its own, what it
/// says, an example.
const HEADERS: [(&str, &str, &str, &str); 3] = [
    (
        "WebhookId",
        "webhook-id",
        "The event's id, the same at every attempt: ignore what you have handled.",
        "01a3185c-5000-7792-841b-cbfd471e2e79",
    ),
    (
        "WebhookTimestamp",
        "webhook-timestamp",
        "When this attempt was made, in unix seconds.",
        "1796040000",
    ),
    (
        "WebhookSignature",
        "webhook-signature",
        "Signatures of `id.timestamp.body`, separated by spaces: `v1,` and HMAC-SHA256, and `v1a,` and Ed25519 where the endpoint has a public key.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
];

/// Adds the schemas of what events say, and tells the feed's `Event` about them. Answers
/// the section.
pub(super) fn add(all: &mut Map<String, Value>) -> Value {
    all.extend(schemas());
    all.insert("WebhookTestData".to_owned(), test_data());
    let mut section = Map::new();
    let mut by_type = Map::new();
    for event_type in EventType::ALL {
        let (name, data) = (event_type.as_str(), schema_of(*event_type));
        by_type.insert(
            name.to_owned(),
            format!("#/components/schemas/{data}").into(),
        );
        let event = event_name(name);
        all.insert(event.clone(), envelope(name, data, true));
        section.insert(name.to_owned(), webhook(&event, event_type.summary()));
    }
    let event = event_name(TEST_EVENT);
    all.insert(
        event.clone(),
        envelope(TEST_EVENT, "WebhookTestData", false),
    );
    section.insert(
        TEST_EVENT.to_owned(),
        webhook(&event, "An operator asked for it, and nothing happened."),
    );
    // Many languages have no type for a choice, so that `data` stays an object there.
    all["Event"]["properties"]["data"]["x-schema-by-type"] = by_type.into();
    section.into()
}

/// `license.issued`: `LicenseIssuedEvent`.
fn event_name(event_type: &str) -> String {
    let words = event_type.split(['.', '_']).map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    });
    words.chain(["Event".to_owned()]).collect()
}

/// The headers of every delivery, once.
pub(super) fn parameters() -> Value {
    let parameters = HEADERS.map(|(shared, name, description, example)| {
        let parameter = json!({
            "name": name, "in": "header", "required": true, "description": description,
            "schema": { "type": "string" }, "example": example,
        });
        (shared.to_owned(), parameter)
    });
    Map::from_iter(parameters).into()
}

fn test_data() -> Value {
    json!({
        "type": "object",
        "description": "The data of `webhook.test`.",
        "properties": {
            "endpoint_id": { "type": "string", "description": "UUID of the endpoint." },
        },
        "required": ["endpoint_id"],
    })
}

fn envelope(event_type: &str, data: &str, has_sequence: bool) -> Value {
    let mut properties = json!({
        "type": { "type": "string", "enum": [event_type], "description": "What happened." },
        "timestamp": {
            "type": "string", "description": "When it happened, RFC 3339.",
            "example": "2026-11-30T12:00:00Z",
        },
    });
    let mut required = vec!["type", "timestamp", "data"];
    if has_sequence {
        required.push("sequence");
        properties["sequence"] = json!({
            "type": "integer", "format": "int64",
            "description": "Rises from event to event, in the order in which they were recorded.",
        });
    }
    properties["data"] = json!({ "$ref": format!("#/components/schemas/{data}") });
    json!({
        "type": "object",
        "description": format!("The body of a `{event_type}` delivery."),
        "properties": properties,
        "required": required,
    })
}

fn webhook(event: &str, summary: &str) -> Value {
    let headers =
        HEADERS.map(|(shared, ..)| json!({ "$ref": format!("#/components/parameters/{shared}") }));
    json!({
        "post": {
            "operationId": format!("on{event}"),
            "tags": [EVENTS],
            "summary": summary.trim_end_matches('.'),
            "security": [],
            "parameters": headers,
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": {
                        "schema": { "$ref": format!("#/components/schemas/{event}") },
                    },
                },
            },
            "responses": {
                "200": { "description": "Delivered; so is any status from 200 to 299." },
                "410": { "description": "Nobody is here any more: the endpoint is paused." },
            },
        }
    })
}
