//! A webhook: its settings, its queue, and what was delivered.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::event::{Event, EventIds};

/// Bodies are kept this long; then a delivery is pruned.
const KEPT_SECONDS: i64 = 60 * 24 * 60 * 60;

/// Settings and deliveries of one webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) id: String,
    pub(crate) store_id: String,
    pub(crate) settings: Settings,
    /// Deliveries not started yet; one worker takes them one after the other.
    pub(crate) queue: VecDeque<Job>,
    /// Whether the worker is sending, or waiting to retry.
    pub(crate) busy: bool,
    /// Raised when pending work is dropped: a waiting worker gives up.
    pub(crate) generation: u64,
    pub(crate) wake: Arc<Notify>,
    /// Oldest first.
    pub(crate) deliveries: Vec<Delivery>,
}

/// What an operator sets.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) enabled: bool,
    pub(crate) automatic_redelivery: bool,
    /// `None` only for one configured before the receiver's address is known.
    pub(crate) url: Option<String>,
    pub(crate) everything: bool,
    pub(crate) specific_events: Vec<String>,
    pub(crate) secret: String,
}

impl Settings {
    pub(crate) fn everything(url: Option<&str>, secret: &str) -> Self {
        Self {
            enabled: true,
            automatic_redelivery: true,
            url: url.map(ToOwned::to_owned),
            everything: true,
            specific_events: Vec::new(),
            secret: secret.to_owned(),
        }
    }

    pub(crate) fn should_deliver(&self, kind: &str) -> bool {
        self.enabled && (self.everything || self.specific_events.iter().any(|one| one == kind))
    }
}

impl Webhook {
    pub(crate) fn new(id: String, store_id: &str, settings: Settings) -> Self {
        Self {
            id,
            store_id: store_id.to_owned(),
            settings,
            queue: VecDeque::new(),
            busy: false,
            generation: 0,
            wake: Arc::new(Notify::new()),
            deliveries: Vec::new(),
        }
    }

    /// As the API shows it; the secret only in the answer to its creation.
    pub(crate) fn json(&self, with_secret: bool) -> Value {
        let mut shown = json!({
            "id": self.id,
            "enabled": self.settings.enabled,
            "automaticRedelivery": self.settings.automatic_redelivery,
            "url": self.settings.url,
            "authorizedEvents": {
                "everything": self.settings.everything,
                "specificEvents": self.settings.specific_events,
            },
        });
        if with_secret {
            shown["secret"] = json!(self.settings.secret);
        }
        shown
    }

    pub(crate) fn delivery(&self, id: &str) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == id)
    }
}

/// A delivery waiting in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) event: Event,
    pub(crate) ids: EventIds,
    /// Unix seconds this delivery was made.
    pub(crate) created: i64,
    /// Where it goes and how it is signed, as of when it was queued.
    pub(crate) target: Settings,
    /// Faults have been applied.
    pub(crate) past_faults: bool,
    pub(crate) shape: Shape,
}

/// How a fault changes what is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) compact: bool,
    pub(crate) secret: Option<String>,
    /// Sent so many times more.
    pub(crate) copies: u32,
}

/// A delivery that was tried, as the API remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) sent: i64,
    pub(crate) http_code: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) event: Event,
    pub(crate) ids: EventIds,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: String,
}

impl Delivery {
    pub(crate) fn is_pruned(&self, now: i64) -> bool {
        now - self.created > KEPT_SECONDS
    }

    pub(crate) fn json(&self) -> Value {
        let status = match self.http_code {
            None => "Failed",
            Some(200..=299) => "HttpSuccess",
            Some(_) => "HttpError",
        };
        json!({
            "id": self.id,
            "timestamp": self.created,
            "deliveryTime": self.sent,
            "httpCode": self.http_code,
            "errorMessage": self.error,
            "status": status,
        })
    }
}
