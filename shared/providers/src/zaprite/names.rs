//! Zaprite's paths, member names and words, each in one place. Where sources differ, every
//! form that was seen is listed, the most certain one first.

/// Where orders are made and listed; one of them is below it.
pub(super) const ORDERS: &str = "/v1/orders";
/// Charges a payment profile for an order.
pub(super) const CHARGE: &str = "/v1/orders/charge";
/// Where contacts are made; one of them is below it.
pub(super) const CONTACTS: &str = "/v1/contacts";

/// Where a list of orders is in its answer.
pub(super) const LISTS: [&str; 4] = ["items", "orders", "data", "results"];
/// Where a single object may be, if the answer is not the object itself.
pub(super) const WRAPPERS: [&str; 3] = ["data", "order", "contact"];

/// Members of an order.
pub(super) mod order {
    pub(in super::super) const ID: &str = "id";
    pub(in super::super) const ORGANIZATION: &str = "orgId";
    pub(in super::super) const OURS: &str = "externalUniqId";
    pub(in super::super) const STATUS: &str = "status";
    pub(in super::super) const AMOUNT: &str = "totalAmount";
    pub(in super::super) const CURRENCY: &str = "currency";
    pub(in super::super) const CHECKOUT: &str = "checkoutUrl";
    pub(in super::super) const CREATED: &str = "createdAt";
    pub(in super::super) const EXPIRES: &str = "expiresAt";
    pub(in super::super) const TRANSACTIONS: &str = "transactions";
}

/// Members of a transaction of an order.
pub(super) mod transaction {
    pub(in super::super) const STATUS: &str = "status";
    /// What it is worth in the currency of the order, in minor units.
    pub(in super::super) const AMOUNT: &str = "amountInOrderCurrency";
    /// The status of one that counts.
    pub(in super::super) const CONFIRMED: &str = "CONFIRMED";
}

/// Members of a contact and of its payment profiles.
pub(super) mod contact {
    pub(in super::super) const ID: &str = "id";
    pub(in super::super) const PROFILES: &str = "paymentProfiles";
    pub(in super::super) const METHOD: &str = "method";
    pub(in super::super) const EXPIRES: &str = "expiresAt";
    pub(in super::super) const SOURCE: &str = "sourceOrder";
}

/// Where a webhook may name its event.
pub(super) const EVENTS: [&str; 4] = ["event", "eventType", "type", "name"];
/// What the names of events about orders have in them, in lower case.
pub(super) const EVENT_WORD: &str = "order";
/// Where a webhook may name the order, by Zaprite's id.
pub(super) const EVENT_ORDERS: [&str; 4] = ["/data/id", "/data/object/id", "/orderId", "/id"];
/// Where a webhook may name the order, by ours.
pub(super) const EVENT_OURS: [&str; 3] = [
    "/data/externalUniqId",
    "/data/object/externalUniqId",
    "/externalUniqId",
];
