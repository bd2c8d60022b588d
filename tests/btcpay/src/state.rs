//! Everything the double knows, behind one lock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rust_decimal::Decimal;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::event::{Event, EventIds};
use crate::fault::{ApiFaults, Fault};
use crate::id::IdSource;
use crate::invoice::Invoice;
use crate::log::{Attempt, Request};
use crate::machine;
use crate::store::{ApiKey, Network, StoreConfig};
use crate::webhook::{Job, Shape, Webhook};

/// What does not change after the start.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) stores: Vec<StoreConfig>,
    pub(crate) network: Network,
    /// Retry waits are divided by this.
    pub(crate) retry_speed: u32,
    /// Longest wait of the waiting calls.
    pub(crate) patience: Duration,
    pub(crate) strict: bool,
    pub(crate) crlf: bool,
    /// Version the double says it is.
    pub(crate) version: &'static str,
    /// `http://host:port` of the API.
    pub(crate) base_url: String,
}

/// The double, as its tasks and handles share it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) setup: Setup,
    state: Mutex<State>,
    /// Told whenever something happened that somebody may wait for.
    pub(crate) changed: watch::Sender<()>,
    pub(crate) client: reqwest::Client,
    pub(crate) runtime: tokio::runtime::Handle,
}

impl Shared {
    pub(crate) fn new(
        setup: Setup,
        state: State,
        client: reqwest::Client,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            setup,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            client,
            runtime,
        }
    }

    /// The state. Held only for moments, never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for something to change.
    pub(crate) fn bump(&self) {
        self.changed.send_replace(());
    }

    pub(crate) fn store(&self, id: &str) -> Option<&StoreConfig> {
        self.setup.stores.iter().find(|store| store.id == id)
    }
}

/// A delivery that a fault set aside.
#[derive(Debug)]
pub(crate) struct HeldJob {
    pub(crate) job: Job,
    /// Waits for a group of a `reorder` rule to fill.
    pub(crate) reorder: bool,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) ids: IdSource,
    pub(crate) keys: Vec<ApiKey>,
    /// Price of one BTC, by currency.
    pub(crate) rates: HashMap<String, Decimal>,
    /// Oldest first.
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) webhooks: Vec<Webhook>,
    /// What the API shows instead of the truth, by invoice id.
    pub(crate) frozen: HashMap<String, Invoice>,
    pub(crate) api_faults: ApiFaults,
    pub(crate) delivery_faults: Vec<Fault>,
    pub(crate) held: Vec<HeldJob>,
    /// Bodies sent by hand that are under way.
    pub(crate) in_flight: usize,
    pub(crate) requests: Vec<Request>,
    pub(crate) request_count: usize,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) violations: BTreeSet<String>,
}

impl State {
    pub(crate) fn new(clock: Clock, keys: Vec<ApiKey>, rates: HashMap<String, Decimal>) -> Self {
        Self {
            clock,
            ids: IdSource::new(),
            keys,
            rates,
            invoices: Vec::new(),
            webhooks: Vec::new(),
            frozen: HashMap::new(),
            api_faults: ApiFaults::default(),
            delivery_faults: Vec::new(),
            held: Vec::new(),
            in_flight: 0,
            requests: Vec::new(),
            request_count: 0,
            attempts: Vec::new(),
            violations: BTreeSet::new(),
        }
    }

    pub(crate) fn invoice(&self, id: &str) -> Option<&Invoice> {
        self.invoices.iter().find(|invoice| invoice.id == id)
    }

    /// The invoice as the API shows it.
    pub(crate) fn shown(&self, id: &str) -> Option<&Invoice> {
        self.frozen.get(id).or_else(|| self.invoice(id))
    }

    pub(crate) fn webhook(&self, id: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.id == id)
    }

    pub(crate) fn webhook_mut(&mut self, id: &str) -> Option<&mut Webhook> {
        self.webhooks.iter_mut().find(|webhook| webhook.id == id)
    }

    /// Changes an invoice and tells its store's webhooks what came of it.
    /// `None` when there is no such invoice.
    pub(crate) fn change<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Invoice, i64) -> (T, Vec<Event>),
    ) -> Option<T> {
        let now = self.clock.now();
        let invoice = self.invoices.iter_mut().find(|invoice| invoice.id == id)?;
        let (result, events) = change(invoice, now);
        let store = invoice.store_id.clone();
        for event in events {
            self.announce(&store, event);
        }
        Some(result)
    }

    /// What `BTCPay`'s watcher does when time has passed: deadlines take effect.
    pub(crate) fn tick(&mut self) {
        let now = self.clock.now();
        let mut events = Vec::new();
        for invoice in &mut self.invoices {
            for event in machine::watch(invoice, now) {
                events.push((invoice.store_id.clone(), event));
            }
        }
        for (store, event) in events {
            self.announce(&store, event);
        }
    }

    /// Queues an event for every webhook of the store that wants it, and
    /// returns the ids of the deliveries.
    pub(crate) fn announce(&mut self, store: &str, event: Event) -> Vec<String> {
        let mut event = event;
        if event.metadata.is_none()
            && let Some(known) = event.invoice.as_deref().and_then(|id| self.invoice(id))
        {
            event.metadata = Some(serde_json::Value::Object(known.metadata.clone()));
        }
        let now = self.clock.now();
        let mut deliveries = Vec::new();
        for webhook in &mut self.webhooks {
            let wanted = webhook.store_id == store
                && webhook.settings.url.is_some()
                && webhook.settings.should_deliver(&event.kind);
            if !wanted {
                continue;
            }
            let delivery_id = self.ids.short();
            webhook.queue.push_back(Job {
                event: event.clone(),
                ids: EventIds {
                    delivery_id: delivery_id.clone(),
                    webhook_id: webhook.id.clone(),
                    original_delivery_id: delivery_id.clone(),
                    is_redelivery: false,
                    timestamp: now,
                    store_id: store.to_owned(),
                },
                created: now,
                target: webhook.settings.clone(),
                past_faults: false,
                shape: Shape::default(),
            });
            webhook.wake.notify_one();
            deliveries.push(delivery_id);
        }
        deliveries
    }

    /// A new delivery of an event that was delivered before: fresh id, the
    /// original's id and time, the webhook's present settings. `None` when the
    /// delivery is unknown or pruned.
    pub(crate) fn redelivery(&mut self, webhook: &str, delivery: &str) -> Option<Job> {
        let now = self.clock.now();
        let delivery_id = self.ids.short();
        let webhook = self.webhook(webhook)?;
        let before = webhook
            .delivery(delivery)
            .filter(|delivery| !delivery.is_pruned(now))?;
        Some(Job {
            event: before.event.clone(),
            ids: EventIds {
                delivery_id,
                is_redelivery: true,
                ..before.ids.clone()
            },
            created: now,
            target: webhook.settings.clone(),
            past_faults: true,
            shape: Shape::default(),
        })
    }

    /// Puts a delivery at the end of its webhook's queue.
    pub(crate) fn enqueue(&mut self, job: Job) {
        if let Some(webhook) = self.webhook_mut(&job.ids.webhook_id.clone()) {
            webhook.queue.push_back(job);
            webhook.wake.notify_one();
        }
    }

    /// Whether nothing is queued, under way or waiting for a retry.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self
                .webhooks
                .iter()
                .all(|webhook| !webhook.busy && webhook.queue.is_empty())
    }

    /// Attempts that left the double.
    pub(crate) fn sent(&self) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| attempt.was_sent())
            .count()
    }
}

/// A shared double.
pub(crate) type Double = Arc<Shared>;
