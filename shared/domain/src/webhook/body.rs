//! The bytes of a delivery's body. An event's `data` is stored as text when it is
//! recorded, and put between fixed text here, so that every attempt sends the same bytes.
//! A change of these functions would change the bodies of events that were recorded
//! before: add a new function and choose it by the event instead.

use crate::dates::rfc3339;
use std::fmt::Write as _;

/// How deliveries to an endpoint look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// Standard Webhooks 1.0.
    Standard,
    /// The Keysat contract.
    Keysat,
}

impl WebhookFormat {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Keysat => "keysat",
        }
    }

    /// The format of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Standard, Self::Keysat]
            .into_iter()
            .find(|format| format.as_str() == word)
    }
}

/// What a body says.
#[derive(Debug, Clone, Copy)]
pub struct WebhookEvent<'a> {
    /// Such as `license.issued`.
    pub event_type: &'a str,
    /// When it happened, in unix seconds.
    pub at: i64,
    /// Its number, which rises from event to event; `None` for a test.
    pub sequence: Option<i64>,
    /// A JSON object.
    pub data: &'a str,
}

/// The body in a format.
#[must_use]
pub fn body(format: WebhookFormat, event: WebhookEvent<'_>) -> String {
    let name = match format {
        WebhookFormat::Standard => "type",
        WebhookFormat::Keysat => "event_type",
    };
    // Event types are words of ours, without characters that JSON escapes.
    let (kind, at) = (event.event_type, rfc3339(event.at));
    let mut body = format!("{{\"{name}\":\"{kind}\",\"timestamp\":\"{at}\",");
    if let Some(sequence) = event.sequence {
        let _ = write!(body, "\"sequence\":{sequence},");
    }
    let _ = write!(body, "\"data\":{}}}", event.data);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stored text of `data` is sent as it is, with its order and its spaces.
    #[test]
    fn a_body_is_these_bytes_for_ever() {
        let event = WebhookEvent {
            event_type: "license.issued",
            at: 1_796_040_000,
            sequence: Some(7),
            data: r#"{"b": 1,"a":"é"}"#,
        };
        assert_eq!(
            body(WebhookFormat::Standard, event),
            r#"{"type":"license.issued","timestamp":"2026-11-30T12:00:00Z","sequence":7,"data":{"b": 1,"a":"é"}}"#
        );
        assert_eq!(
            body(WebhookFormat::Keysat, event),
            r#"{"event_type":"license.issued","timestamp":"2026-11-30T12:00:00Z","sequence":7,"data":{"b": 1,"a":"é"}}"#
        );
        let test = WebhookEvent {
            event_type: "webhook.test",
            sequence: None,
            data: "{}",
            ..event
        };
        assert_eq!(
            body(WebhookFormat::Standard, test),
            r#"{"type":"webhook.test","timestamp":"2026-11-30T12:00:00Z","data":{}}"#
        );
    }

    #[test]
    fn a_format_is_one_of_two_words() {
        for format in [WebhookFormat::Standard, WebhookFormat::Keysat] {
            assert_eq!(WebhookFormat::parse(format.as_str()), Some(format));
        }
        assert_eq!(WebhookFormat::parse("Standard"), None);
    }
}
