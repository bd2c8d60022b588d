//! Switching faults on and off.

use std::time::Duration;

use super::{Control, ControlError};
use crate::fault::{ApiFaults, ApiState, Fault};

impl Control {
    /// Takes the API away, or brings it back.
    ///
    /// # Panics
    /// When the double has been dropped, or its port cannot be had back.
    #[expect(clippy::panic, reason = "a test cannot go on without its double")]
    pub fn api(&self, state: ApiState) {
        self.double.lock().api_faults.closed = state == ApiState::Closed;
        if let Err(error) = self.gate.set(state != ApiState::Refused) {
            panic!("{error}");
        }
    }

    /// The same from within a task of the double.
    pub(crate) async fn api_from_within(&self, state: ApiState) -> std::io::Result<()> {
        self.double.lock().api_faults.closed = state == ApiState::Closed;
        self.gate.set_from_within(state != ApiState::Refused).await
    }

    /// The next so many API requests are answered with this status and do
    /// nothing.
    pub fn fail_next(&self, count: u32, status: u16) {
        self.fail_after(0, count, status);
    }

    /// The same, after so many requests that are let through.
    pub fn fail_after(&self, skip: u32, count: u32, status: u16) {
        self.double.lock().api_faults.fail = (count > 0).then_some((skip, count, status));
    }

    /// Every API answer comes this much later, in real time; the request has
    /// taken effect before. Zero switches it off.
    pub fn slow(&self, by: Duration) {
        self.double.lock().api_faults.slow = by;
    }

    /// The next so many invoices are made, but the connection is cut instead of
    /// answering.
    pub fn lose_create_answers(&self, count: u32) {
        self.double.lock().api_faults.lose_creates = count;
    }

    /// The API keeps showing this invoice as it is now, whatever happens to it;
    /// webhooks go on.
    ///
    /// # Errors
    /// Unknown invoice.
    pub fn freeze_answers(&self, id: &str) -> Result<(), ControlError> {
        let mut state = self.double.lock();
        let now = state
            .invoice(id)
            .cloned()
            .ok_or_else(|| ControlError::UnknownInvoice(id.to_owned()))?;
        state.frozen.insert(id.to_owned(), now);
        Ok(())
    }

    /// The API shows this invoice as it is again.
    pub fn thaw_answers(&self, id: &str) {
        self.double.lock().frozen.remove(id);
    }

    /// Adds a fault of deliveries. For each delivery (not its retries) the
    /// first rule that meets it acts.
    pub fn on_delivery(&self, fault: Fault) {
        self.double.lock().delivery_faults.push(fault);
    }

    /// Ends all faults. Deliveries set aside stay so until released.
    ///
    /// # Panics
    /// As [`api`](Self::api).
    pub fn clear_faults(&self) {
        self.forget_faults();
        self.api(ApiState::Up);
    }

    pub(crate) fn forget_faults(&self) {
        let mut state = self.double.lock();
        state.api_faults = ApiFaults::default();
        state.delivery_faults.clear();
        state.frozen.clear();
    }

    /// What the product asked for that the published API does not have: unknown
    /// body fields, query parameters, paths. Each once, sorted.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.double.lock().violations.iter().cloned().collect()
    }
}
