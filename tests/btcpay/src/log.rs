//! What the double remembers for assertions: requests and delivery attempts.

use serde::{Serialize, Serializer};

/// A request to the API or the checkout page.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Counts from 1.
    pub number: usize,
    /// Unix seconds, by the double's clock.
    pub at: i64,
    /// HTTP method.
    pub method: String,
    /// Path, as received.
    pub path: String,
    /// Query without the question mark, as received; empty if none.
    pub query: String,
    /// Body as received.
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
    /// API key sent, if any.
    pub key: Option<String>,
    /// Whether the key is known and its permissions were enough.
    pub authorized: bool,
    /// Status answered; `None` while working on it, and when the connection was cut.
    pub status: Option<u16>,
}

impl Request {
    /// The body as JSON; `Null` when it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What became of one attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// Body, as text.
        body: String,
    },
    /// No HTTP answer: refused, cut, or too slow.
    NoAnswer(String),
    /// Never sent, by a fault.
    Lost,
    /// Set aside, by a fault; sent when released.
    Held,
}

/// One attempt to deliver to a webhook.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// Of this attempt; every retry has its own.
    pub delivery_id: String,
    /// Of the first attempt for this event.
    pub original_delivery_id: String,
    /// Webhook it went to; empty for a body sent by hand.
    pub webhook_id: String,
    /// Event type; empty for a body sent by hand.
    pub event: String,
    /// Invoice it is about.
    pub invoice_id: Option<String>,
    /// Whether the body says so.
    pub is_redelivery: bool,
    /// 1 for the first, up to 9.
    pub number: usize,
    /// Where it was sent.
    pub url: String,
    /// Bytes sent.
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
    /// Value of `BTCPay-Sig`.
    pub signature: String,
    /// Unix seconds, by the double's clock.
    pub at: i64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Attempt {
    /// HTTP status answered, if any.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.outcome {
            Outcome::Answered { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The body as JSON; `Null` when it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it left the double.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Answered { .. } | Outcome::NoAnswer(_)
        )
    }
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}
