//! What the double knows, behind one lock. Orders and contacts are the JSON that it shows.

use crate::behavior::{Behavior, SecondContact};
use crate::{API_KEY, ORGANIZATION};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method and path, such as `POST /v1/orders`.
    pub route: String,
    /// Query without the question mark; empty if none.
    pub query: String,
    /// Body; `Null` when it is not JSON.
    pub body: Value,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base_url: String,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(base_url: String, now: Option<i64>) -> Self {
        Self {
            base_url,
            state: Mutex::new(State {
                now,
                behavior: Behavior::default(),
                orders: Vec::new(),
                contacts: Vec::new(),
                hidden_profiles: Vec::new(),
                requests: Vec::new(),
                charges: 0,
                keys: vec![API_KEY.to_owned()],
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct State {
    /// The time that stands; `None` for the system's.
    pub(crate) now: Option<i64>,
    pub(crate) behavior: Behavior,
    /// Oldest first.
    pub(crate) orders: Vec<Value>,
    pub(crate) contacts: Vec<Value>,
    /// Profiles that do not show yet, with their contacts.
    pub(crate) hidden_profiles: Vec<(String, Value)>,
    pub(crate) requests: Vec<Request>,
    /// Charges that took money.
    pub(crate) charges: usize,
    pub(crate) keys: Vec<String>,
}

impl State {
    #[expect(
        clippy::disallowed_methods,
        reason = "the double is a server of its own and lives in real time"
    )]
    pub(crate) fn now(&self) -> i64 {
        let system = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
        };
        self.now
            .unwrap_or_else(|| i64::try_from(system().as_secs()).unwrap_or(i64::MAX))
    }

    /// An order by Zaprite's id or by the maker's, the first one of several.
    pub(crate) fn order_mut(&mut self, id: &str) -> Option<&mut Value> {
        let mut orders = self.orders.iter_mut();
        orders.find(|order| order["id"] == id || order["externalUniqId"] == id)
    }

    /// Makes an order, or says what is wrong with it.
    pub(crate) fn create_order(&mut self, base_url: &str, body: &Value) -> Result<Value, String> {
        let amount = body["amount"]
            .as_i64()
            .ok_or("amount must be a whole number")?;
        if amount < self.behavior.least_amount {
            return Err(format!(
                "amount must be at least {}",
                self.behavior.least_amount
            ));
        }
        let currency = body["currency"].as_str().ok_or("currency is missing")?;
        if body["allowSavePaymentProfile"] == true && !body["contactId"].is_string() {
            return Err("allowSavePaymentProfile needs contactId".to_owned());
        }
        let now = self.now();
        let id = format!("od_{:06}", self.orders.len() + 1);
        let order = json!({
            "id": id, "orgId": ORGANIZATION, "status": "PENDING", "totalAmount": amount,
            "currency": currency, "externalUniqId": body["externalUniqId"],
            "checkoutUrl": format!("{base_url}/order/{id}"), "createdAt": instant(now),
            "expiresAt": self.behavior.expires_after.map(|seconds| instant(now + seconds)),
            "paidAt": null, "customerData": body["customerData"], "metadata": body["metadata"],
            "contactId": body["contactId"], "transactions": [],
            "allowSavePaymentProfile": body["allowSavePaymentProfile"],
        });
        self.orders.push(order.clone());
        Ok(order)
    }

    /// Pays an order in full with a method; saves the card if the buyer agreed to it.
    pub(crate) fn pay(&mut self, id: &str, method: &str) {
        let (now, at_once) = (instant(self.now()), self.behavior.profiles_at_once);
        let Some(order) = self.order_mut(id) else {
            return;
        };
        let (amount, currency) = (order["totalAmount"].clone(), order["currency"].clone());
        let transactions = order["transactions"].as_array().map_or(0, Vec::len);
        let transaction = json!({
            "id": format!("tx_{}_{transactions}", order["id"].as_str().unwrap_or_default()),
            "amount": amount, "currency": currency, "method": method, "status": "CONFIRMED",
            "amountInOrderCurrency": amount, "orderCurrency": currency, "createdAt": now,
        });
        if let Some(list) = order["transactions"].as_array_mut() {
            list.push(transaction);
        }
        order["status"] = json!("PAID");
        order["paidAt"] = json!(now);
        let profile = json!({
            "id": format!("pp_{}", order["id"].as_str().unwrap_or_default()), "method": method,
            "expiresAt": null, "sourceOrder": { "externalUniqId": order["externalUniqId"] },
        });
        let contact = order["contactId"].as_str().map(str::to_owned);
        let saves = order["allowSavePaymentProfile"] == true && method == "CARD";
        if let (Some(contact), true) = (contact, saves) {
            self.hidden_profiles.push((contact, profile));
            if at_once {
                self.show_profiles();
            }
        }
    }

    /// Profiles that were saved show from now on.
    pub(crate) fn show_profiles(&mut self) {
        for (id, profile) in std::mem::take(&mut self.hidden_profiles) {
            let contact = self
                .contacts
                .iter_mut()
                .find(|contact| contact["id"] == *id);
            if let Some(list) = contact.and_then(|one| one["paymentProfiles"].as_array_mut()) {
                list.push(profile);
            }
        }
    }

    /// Makes a contact; the status of a refusal otherwise.
    pub(crate) fn create_contact(&mut self, body: &Value) -> Result<Value, u16> {
        let email = body["email"].as_str().ok_or(400_u16)?;
        let known = self
            .contacts
            .iter()
            .find(|contact| contact["email"] == email);
        match (known, self.behavior.second_contact) {
            (Some(contact), SecondContact::Same) => return Ok(contact.clone()),
            (Some(_), SecondContact::Refused) => return Err(409),
            (Some(_), SecondContact::New) | (None, _) => {}
        }
        let contact = json!({
            "id": format!("ct_{:06}", self.contacts.len() + 1), "email": email,
            "legalName": body["legalName"], "paymentProfiles": [],
        });
        self.contacts.push(contact.clone());
        Ok(contact)
    }
}

/// Unix seconds as RFC 3339 in UTC, with milliseconds, as JavaScript writes them.
pub(crate) fn instant(unix: i64) -> String {
    let (days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days.
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn instants_are_written_as_dates() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_800_000_000, "2027-01-15T08:00:00.000Z"),
            (1_835_395_199, "2028-02-28T23:59:59.000Z"),
            (1_835_395_200, "2028-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(instant(unix), text);
        }
    }
}
