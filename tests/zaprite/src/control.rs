//! What a test does to the double, and what it looks at.

use crate::behavior::Behavior;
use crate::server::Zaprite;
use crate::state::Request;
use serde_json::{Value, json};

/// Where a webhook names its event, and where the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `event`, and `data.id`.
    Event,
    /// `eventType`, and `orderId`.
    EventType,
    /// `type`, and `data.object.id`.
    Type,
    /// `name`, and `id`.
    Name,
}

impl Spelling {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Event, Self::EventType, Self::Type, Self::Name];
}

/// The body of a webhook about an order of this id, which says that the order has this status.
#[must_use]
pub fn event(spelling: Spelling, order_id: &str, status: &str) -> Value {
    match spelling {
        Spelling::Event => {
            json!({ "event": "order.change", "data": { "id": order_id, "status": status } })
        }
        Spelling::EventType => {
            json!({ "eventType": "order.change", "orderId": order_id, "orgId": crate::ORGANIZATION })
        }
        Spelling::Type => {
            let object = json!({ "id": order_id, "status": status });
            json!({ "type": "order.change", "data": { "object": object } })
        }
        Spelling::Name => json!({ "name": "order.change", "id": order_id, "status": status }),
    }
}

impl Zaprite {
    /// Where it is, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Changes how it behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Behavior)) {
        change(&mut self.shared.lock().behavior);
    }

    /// Sets the time, where it stands.
    pub fn set_now(&self, now: i64) {
        self.shared.lock().now = Some(now);
    }

    /// Every order, the oldest first, as the API shows it.
    #[must_use]
    pub fn orders(&self) -> Vec<Value> {
        self.shared.lock().orders.clone()
    }

    /// An order by Zaprite's id or by the maker's.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<Value> {
        self.shared.lock().order_mut(id).map(|order| order.clone())
    }

    /// Changes members of an order to these: what the API shows from now on. Nothing for an
    /// unknown one.
    pub fn set(&self, id: &str, members: &Value) {
        let mut state = self.shared.lock();
        if let (Some(order), Some(members)) = (state.order_mut(id), members.as_object()) {
            for (name, value) in members {
                order[name] = value.clone();
            }
        }
    }

    /// Pays an order by card; nothing for an unknown one.
    pub fn pay(&self, id: &str) {
        self.shared.lock().pay(id, "CARD");
    }

    /// Pays an order by Lightning; nothing for an unknown one.
    pub fn pay_by_lightning(&self, id: &str) {
        self.shared.lock().pay(id, "LIGHTNING");
    }

    /// Sells so many orders that are none of the shop's, and are paid.
    pub fn sell_elsewhere(&self, count: usize) {
        let mut state = self.shared.lock();
        for _ in 0..count {
            let body = json!({ "amount": 1, "currency": "USD", "externalUniqId": "elsewhere" });
            let made = state.create_order(&self.shared.base_url, &body);
            if let Some(order) = made.ok().and_then(|_| state.orders.last_mut()) {
                order["status"] = json!("PAID");
            }
        }
    }

    /// Shows saved cards that did not show yet.
    pub fn show_profiles(&self) {
        self.shared.lock().show_profiles();
    }

    /// Every contact, as the API shows it.
    #[must_use]
    pub fn contacts(&self) -> Vec<Value> {
        self.shared.lock().contacts.clone()
    }

    /// How many charges took money.
    #[must_use]
    pub fn charges(&self) -> usize {
        self.shared.lock().charges
    }

    /// Every request that arrived, also those that failed.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// How many requests of this method and path arrived, such as `POST /v1/orders`.
    #[must_use]
    pub fn calls(&self, route: &str) -> usize {
        let state = self.shared.lock();
        let calls = state.requests.iter().filter(|one| one.route == route);
        calls.count()
    }

    /// Takes API keys away, and gives this one.
    pub fn set_api_key(&self, key: &str) {
        self.shared.lock().keys = vec![key.to_owned()];
    }
}
