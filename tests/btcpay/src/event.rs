//! Webhook events and the exact bytes of their bodies.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::invoice::{Invoice, PaymentRecord, Status};

/// Something a webhook is told. Any type can be made, also one that `BTCPay` does
/// not know.
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) kind: String,
    pub(crate) store: Option<String>,
    pub(crate) invoice: Option<String>,
    pub(crate) metadata: Option<Value>,
    pub(crate) fields: Vec<(String, Value)>,
}

/// What a delivery adds to an event.
#[derive(Debug, Clone)]
pub struct EventIds {
    /// Of this delivery.
    pub delivery_id: String,
    /// Of the webhook it goes to.
    pub webhook_id: String,
    /// Of the first delivery of this event; equals `delivery_id` then.
    pub original_delivery_id: String,
    /// Whether it is a retry, or was asked for again.
    pub is_redelivery: bool,
    /// Unix seconds of the event; a redelivery keeps it.
    pub timestamp: i64,
    /// Store the event belongs to.
    pub store_id: String,
}

impl Event {
    /// An event of this type.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            store: None,
            invoice: None,
            metadata: None,
            fields: Vec::new(),
        }
    }

    /// About this invoice: adds `invoiceId` and `metadata`.
    #[must_use]
    pub fn invoice(mut self, id: &str) -> Self {
        self.invoice = Some(id.to_owned());
        self
    }

    /// `metadata` to send; without it the invoice's own.
    #[must_use]
    pub fn metadata(mut self, metadata: Value) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// `storeId` to send; without it the webhook's own.
    #[must_use]
    pub fn store(mut self, id: &str) -> Self {
        self.store = Some(id.to_owned());
        self
    }

    /// A field of this type of event.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }

    pub(crate) fn about(kind: &str, invoice: &Invoice) -> Self {
        Self::new(kind)
            .invoice(&invoice.id)
            .metadata(Value::Object(invoice.metadata.clone()))
    }

    /// `InvoiceReceivedPayment` or `InvoicePaymentSettled`.
    pub(crate) fn payment(kind: &str, invoice: &Invoice, payment: &PaymentRecord) -> Self {
        Self::about(kind, invoice)
            .with(
                "afterExpiration",
                json!(matches!(invoice.status, Status::Expired | Status::Invalid)),
            )
            .with("paymentMethodId", json!(payment.method.id()))
            .with("payment", payment_json(payment))
    }

    /// The body as `BTCPay` writes it: indented by two spaces, UTF-8, no BOM,
    /// lines ended by LF.
    ///
    /// The order of the members is the original's: a first delivery starts with
    /// the fields of its type, a redelivery (which the server reads back from
    /// its store) has them after `timestamp`. Nobody may rely on it, which is
    /// why it differs.
    #[must_use]
    pub fn body(&self, ids: &EventIds) -> Vec<u8> {
        let mut members: Vec<(&str, Value)> = Vec::new();
        let fields = || {
            self.fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
        };
        if !ids.is_redelivery {
            members.extend(fields());
        }
        members.extend([
            ("deliveryId", json!(ids.delivery_id)),
            ("webhookId", json!(ids.webhook_id)),
            ("originalDeliveryId", json!(ids.original_delivery_id)),
            ("isRedelivery", json!(ids.is_redelivery)),
            ("type", json!(self.kind)),
            ("timestamp", json!(ids.timestamp)),
        ]);
        if ids.is_redelivery {
            members.extend(fields());
        }
        members.push((
            "storeId",
            json!(self.store.as_ref().unwrap_or(&ids.store_id)),
        ));
        if let Some(invoice) = &self.invoice {
            members.push(("invoiceId", json!(invoice)));
            let metadata = self
                .metadata
                .clone()
                .unwrap_or_else(|| Value::Object(Map::new()));
            members.push(("metadata", metadata));
        }
        serde_json::to_vec_pretty(&Ordered(&members)).unwrap_or_default()
    }
}

/// `payment` of an event, and of an invoice's payment methods.
pub(crate) fn payment_json(payment: &PaymentRecord) -> Value {
    json!({
        "id": payment.id,
        "receivedDate": payment.received,
        "value": payment.value.to_string(),
        // Network fee charged to the payer; the double's stores charge none.
        "fee": "0",
        "status": payment.status,
        "destination": payment.destination,
    })
}

/// An object whose members keep their order.
struct Ordered<'a>(&'a [(&'a str, Value)]);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Event, EventIds};

    fn ids(is_redelivery: bool) -> EventIds {
        EventIds {
            delivery_id: "d2".into(),
            webhook_id: "w".into(),
            original_delivery_id: "d1".into(),
            is_redelivery,
            timestamp: 1_700_000_000,
            store_id: "S".into(),
        }
    }

    #[test]
    fn a_body_is_indented_and_complete() {
        let body = Event::new("InvoiceSettled")
            .invoice("i")
            .with("manuallyMarked", json!(false))
            .with("overPaid", json!(true))
            .body(&ids(false));
        let expected = r#"{
  "manuallyMarked": false,
  "overPaid": true,
  "deliveryId": "d2",
  "webhookId": "w",
  "originalDeliveryId": "d1",
  "isRedelivery": false,
  "type": "InvoiceSettled",
  "timestamp": 1700000000,
  "storeId": "S",
  "invoiceId": "i",
  "metadata": {}
}"#;
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn a_redelivery_says_the_same_in_another_order() {
        let event = Event::new("InvoiceExpired")
            .invoice("i")
            .with("partiallyPaid", json!(false));
        let first = event.body(&ids(false));
        let again = event.body(&ids(true));
        assert!(again.starts_with(b"{\n  \"deliveryId\""));
        let mut first: Value = serde_json::from_slice(&first).unwrap();
        let again: Value = serde_json::from_slice(&again).unwrap();
        first["isRedelivery"] = json!(true);
        assert_eq!(first, again);
    }

    #[test]
    fn other_events_have_no_invoice() {
        let body = Event::new("PayoutCreated")
            .with("payoutId", json!("p"))
            .body(&ids(false));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body.get("invoiceId"), None);
        assert_eq!(body["payoutId"], "p");
    }
}
