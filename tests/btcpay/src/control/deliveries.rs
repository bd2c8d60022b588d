//! Webhooks by hand: set, announce, redeliver, replay, forge.

use super::{Control, ControlError};
use crate::delivery::{release, send_aside};
use crate::event::Event;
use crate::fault::Release;
use crate::log::{Attempt, Outcome, Request};
use crate::webhook::Webhook;

impl Control {
    /// Id of the first configured webhook; empty if there is none.
    #[must_use]
    pub fn webhook_id(&self) -> String {
        self.first_webhook(|webhook| webhook.id.clone())
            .unwrap_or_default()
    }

    /// Its secret; empty if there is none.
    #[must_use]
    pub fn webhook_secret(&self) -> String {
        self.first_webhook(|webhook| webhook.settings.secret.clone())
            .unwrap_or_default()
    }

    /// Ids of all webhooks, of all stores, in the order they were made.
    #[must_use]
    pub fn webhooks(&self) -> Vec<String> {
        self.double
            .lock()
            .webhooks
            .iter()
            .map(|webhook| webhook.id.clone())
            .collect()
    }

    /// Where a webhook delivers, and the secret it signs with; `None` for an
    /// unknown one.
    #[must_use]
    pub fn webhook_settings(&self, id: &str) -> Option<(String, String)> {
        let state = self.double.lock();
        let settings = &state.webhook(id)?.settings;
        Some((
            settings.url.clone().unwrap_or_default(),
            settings.secret.clone(),
        ))
    }

    /// Where the first configured webhook goes from now on. Events of the time
    /// before it had an address were not kept.
    ///
    /// # Panics
    /// When the builder configured no webhook.
    #[expect(
        clippy::panic,
        reason = "a mistake in the test, which should stop there"
    )]
    pub fn set_webhook_url(&self, url: &str) {
        if let Err(error) = self.set_webhook_url_of(&self.webhook_id(), url) {
            panic!("{error}");
        }
    }

    /// Where this webhook goes from now on.
    ///
    /// # Errors
    /// Unknown webhook.
    pub fn set_webhook_url_of(&self, id: &str, url: &str) -> Result<(), ControlError> {
        let mut state = self.double.lock();
        let webhook = state
            .webhook_mut(id)
            .ok_or_else(|| ControlError::UnknownWebhook(id.to_owned()))?;
        webhook.settings.url = Some(url.to_owned());
        Ok(())
    }

    /// Queues an event without touching any invoice, and returns the ids of the
    /// deliveries: one for each webhook of the store of the first webhook that
    /// takes such events. An event about another store's invoice can so be
    /// announced, correctly signed, as if it were this store's.
    ///
    /// # Errors
    /// No webhook has an address.
    pub fn announce(&self, event: Event) -> Result<Vec<String>, ControlError> {
        let store = self
            .first_webhook(|webhook| webhook.store_id.clone())
            .unwrap_or_else(|| self.known.store_id.clone());
        let deliveries = self.double.lock().announce(&store, event);
        self.double.bump();
        if deliveries.is_empty() {
            return Err(ControlError::UnknownWebhook("takes this event".to_owned()));
        }
        Ok(deliveries)
    }

    /// Delivers an event again, as the merchant's button and the API do: a new
    /// delivery id, `isRedelivery`, the original's id kept.
    ///
    /// # Errors
    /// The delivery is unknown, was not sent yet, or is pruned.
    pub fn redeliver(&self, delivery_id: &str) -> Result<String, ControlError> {
        let mut state = self.double.lock();
        let webhook_id = state
            .webhooks
            .iter()
            .find(|webhook| webhook.delivery(delivery_id).is_some())
            .map(|webhook| webhook.id.clone());
        let job = webhook_id
            .and_then(|webhook| state.redelivery(&webhook, delivery_id))
            .ok_or_else(|| ControlError::UnknownDelivery(delivery_id.to_owned()))?;
        let id = job.ids.delivery_id.clone();
        state.enqueue(job);
        drop(state);
        self.double.bump();
        Ok(id)
    }

    /// Sends the very same bytes under the very same signature once more, as an
    /// eavesdropper could. Not queued, not retried.
    ///
    /// # Errors
    /// The delivery is unknown or was not sent yet.
    pub fn replay(&self, delivery_id: &str) -> Result<(), ControlError> {
        let (entry, signature) = {
            let state = self.double.lock();
            let (webhook, delivery) = state
                .webhooks
                .iter()
                .find_map(|one| one.delivery(delivery_id).map(|delivery| (one, delivery)))
                .ok_or_else(|| ControlError::UnknownDelivery(delivery_id.to_owned()))?;
            let entry = Attempt {
                delivery_id: delivery_id.to_owned(),
                original_delivery_id: delivery.ids.original_delivery_id.clone(),
                webhook_id: webhook.id.clone(),
                event: delivery.event.kind.clone(),
                invoice_id: delivery.event.invoice.clone(),
                is_redelivery: delivery.ids.is_redelivery,
                number: 1,
                url: webhook.settings.url.clone().unwrap_or_default(),
                body: delivery.body.clone(),
                signature: delivery.signature.clone(),
                at: state.clock.now(),
                outcome: Outcome::Lost,
            };
            (entry, delivery.signature.clone())
        };
        send_aside(&self.double, entry, Some(signature));
        Ok(())
    }

    /// Sends these bytes to the first webhook's address, under this value of
    /// `BTCPay-Sig` or none. Not queued, not retried.
    ///
    /// # Errors
    /// No webhook with an address is configured.
    pub fn send_raw(&self, body: Vec<u8>, signature: Option<&str>) -> Result<(), ControlError> {
        let url = self
            .first_webhook(|webhook| webhook.settings.url.clone())
            .flatten()
            .ok_or_else(|| ControlError::UnknownWebhook("has an address".to_owned()))?;
        let entry = Attempt {
            delivery_id: String::new(),
            original_delivery_id: String::new(),
            webhook_id: String::new(),
            event: String::new(),
            invoice_id: None,
            is_redelivery: false,
            number: 1,
            url,
            body,
            signature: signature.unwrap_or_default().to_owned(),
            at: self.now(),
            outcome: Outcome::Lost,
        };
        send_aside(&self.double, entry, signature.map(ToOwned::to_owned));
        Ok(())
    }

    /// What a restart of `BTCPay` does: deliveries queued, held or waiting for a
    /// retry are lost. How many.
    #[expect(
        clippy::must_use_candidate,
        reason = "the number is rarely of interest"
    )]
    pub fn drop_pending(&self) -> usize {
        let mut state = self.double.lock();
        let mut dropped = state.held.drain(..).count();
        for webhook in &mut state.webhooks {
            dropped += webhook.queue.drain(..).count() + usize::from(webhook.busy);
            webhook.generation += 1;
        }
        drop(state);
        self.double.bump();
        dropped
    }

    /// Ids of the deliveries that a fault set aside.
    #[must_use]
    pub fn held(&self) -> Vec<String> {
        let state = self.double.lock();
        state
            .held
            .iter()
            .map(|held| held.job.ids.delivery_id.clone())
            .collect()
    }

    /// Queues everything that was set aside; how many.
    #[expect(
        clippy::must_use_candidate,
        reason = "the number is rarely of interest"
    )]
    pub fn release(&self, order: Release) -> usize {
        let released = release(&mut self.double.lock(), order == Release::Reversed, |_| {
            true
        });
        self.double.bump();
        released
    }

    /// Every attempt to deliver so far, in the order they ended.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.double.lock().attempts.clone()
    }

    /// Every request to the API and the checkout pages so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.double.lock().requests.clone()
    }

    /// Forgets attempts, requests and violations.
    pub fn clear_logs(&self) {
        let mut state = self.double.lock();
        state.attempts.clear();
        state.requests.clear();
        state.violations.clear();
    }

    fn first_webhook<T>(&self, get: impl FnOnce(&Webhook) -> T) -> Option<T> {
        let state = self.double.lock();
        match &self.known.webhook_id {
            Some(id) => state.webhook(id).map(get),
            None => state.webhooks.first().map(get),
        }
    }
}
