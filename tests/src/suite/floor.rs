//! What cases do over and over: put a product on sale, buy, pay, wait.

use crate::hosts::{Answer, Instance};
use http::Method;
use keywright_domain::access::{Role, Scope};
use keywright_native_host::SystemClock;
use keywright_ports::Clock;
use serde_json::{Value, json};
use std::time::Duration;

/// How long anything may take that a case waits for. Only a failure takes so long,
/// so it is generous: a slow machine must not fail.
const PATIENCE_SECONDS: i64 = 180;
const STEP: Duration = Duration::from_millis(50);

/// An id of nothing.
pub const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

/// Unix seconds.
#[must_use]
pub fn now() -> i64 {
    SystemClock.unix_seconds()
}

/// A text member; empty when absent or of another type.
#[must_use]
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// A new product.
///
/// # Panics
/// When the instance answers anything else.
pub async fn product(instance: &Instance, slug: &str, price_sats: i64) -> Value {
    let product = json!({ "slug": slug, "name": format!("The {slug}"), "price_sats": price_sats });
    instance
        .api
        .admin(Method::POST, "products", &product)
        .await
        .ok()
}

/// A new policy; `members` come on top of slug and name.
///
/// # Panics
/// When the instance answers anything else.
pub async fn policy(instance: &Instance, product: &str, slug: &str, members: Value) -> Value {
    let mut policy = json!({ "product_slug": product, "slug": slug, "name": slug });
    merge(&mut policy, members);
    instance
        .api
        .admin(Method::POST, "policies", &policy)
        .await
        .ok()
}

/// A new discount code of 10 %; `members` come on top. One that is featured has
/// to be for a product: every case would get it otherwise.
///
/// # Panics
/// When the instance answers anything else.
pub async fn code(instance: &Instance, code: &str, members: Value) -> Value {
    let mut new = json!({ "code": code, "kind": "percent", "amount": 1_000 });
    merge(&mut new, members);
    instance
        .api
        .admin(Method::POST, "discount-codes", &new)
        .await
        .ok()
}

/// How often a code counts as used, and how many of its redemptions are
/// reserved, used and released.
///
/// # Panics
/// When there is no such code.
pub async fn uses(instance: &Instance, code: &str) -> [i64; 4] {
    let database = &instance.database;
    let count = "SELECT used_count AS n FROM discount_codes WHERE code = ?1";
    let state = "SELECT count(*) AS n FROM redemptions r JOIN discount_codes c ON c.id = r.code_id
                 WHERE c.code = ?1 AND r.state = ?2";
    [
        database.count(count, &[code]).await,
        database.count(state, &[code, "reserved"]).await,
        database.count(state, &[code, "used"]).await,
        database.count(state, &[code, "released"]).await,
    ]
}

/// How often was told that a code was redeemed.
///
/// # Panics
/// When the database cannot be read.
pub async fn told_of_code(instance: &Instance, code: &str) -> i64 {
    let events = "SELECT count(*) AS n FROM events
                  WHERE event_type = 'code.redeemed' AND data ->> 'code' = ?1";
    instance.database.count(events, &[code]).await
}

/// A new scoped key, with its token.
///
/// # Panics
/// When the instance answers anything else.
pub async fn api_key(instance: &Instance, role: Role, scopes: &[Scope]) -> Value {
    let label = format!("a test's {role}");
    let key = json!({ "label": label, "role": role, "scopes": scopes });
    let made = instance.api.admin(Method::POST, "api-keys", &key).await;
    made.ok()
}

/// A license by hand; `members` come on top of the product.
///
/// # Panics
/// When the instance answers anything else.
pub async fn issue(instance: &Instance, product: &str, members: Value) -> Value {
    let mut license = json!({ "product_slug": product });
    merge(&mut license, members);
    instance
        .api
        .admin(Method::POST, "licenses", &license)
        .await
        .ok()
}

/// Revokes a license.
pub async fn revoke(instance: &Instance, license_id: &str) -> Answer {
    let path = format!("licenses/{license_id}/revoke");
    instance
        .api
        .admin(Method::POST, &path, &json!({ "reason": "a test" }))
        .await
}

/// Suspends, unsuspends or revokes a license.
///
/// # Panics
/// When the instance answers anything else.
pub async fn standing(instance: &Instance, license_id: &str, change: &str) {
    let path = format!("licenses/{license_id}/{change}");
    let reason = json!({ "reason": "a test" });
    instance.api.admin(Method::POST, &path, &reason).await.ok();
}

/// A new discount code.
///
/// # Panics
/// When the instance answers anything else.
pub async fn discount_code(instance: &Instance, members: Value) -> Value {
    instance
        .api
        .admin(Method::POST, "discount-codes", &members)
        .await
        .ok()
}

fn merge(into: &mut Value, members: Value) {
    if let (Some(into), Value::Object(members)) = (into.as_object_mut(), members) {
        into.extend(members);
    }
}

/// Orders a product as the SDKs do.
///
/// # Panics
/// When the instance answers anything else.
pub async fn buy(instance: &Instance, product: &str) -> Value {
    instance
        .api
        .post("/v1/purchase", &json!({ "product": product }))
        .await
        .ok()
}

/// Where a purchase stands.
///
/// # Panics
/// When the instance answers anything else.
pub async fn poll(instance: &Instance, invoice_id: &str) -> Value {
    instance
        .api
        .get(&format!("/v1/purchase/{invoice_id}"))
        .await
        .ok()
}

/// The public id of an order that is known by its secret.
///
/// # Panics
/// When the instance answers anything else.
pub async fn order_id(instance: &Instance, secret: &str) -> String {
    text(&poll(instance, secret).await, "order_id")
}

/// Polls until the purchase has this status, and its key when it is settled.
///
/// # Panics
/// When the instance answers anything else.
pub async fn until(instance: &Instance, invoice_id: &str, status: &str) -> Value {
    let is_there = |last: &Value| {
        last["status"] == status && (status != "settled" || last["license_key"].is_string())
    };
    eventually(
        || poll(instance, invoice_id),
        is_there,
        &format!("the purchase becomes {status}"),
    )
    .await
}

/// Looks again and again until what it finds is as expected, and answers that.
///
/// # Panics
/// With what it found last when that takes minutes.
pub async fn eventually<T: std::fmt::Debug, F: Future<Output = T>>(
    look: impl Fn() -> F,
    is_there: impl Fn(&T) -> bool,
    what: &str,
) -> T {
    let started = now();
    loop {
        let found = look().await;
        if is_there(&found) {
            return found;
        }
        assert!(
            now() - started < PATIENCE_SECONDS,
            "waited in vain until {what}: {found:?}"
        );
        tokio::time::sleep(STEP).await;
    }
}

/// Seconds from now until the reconciler asks for an order.
///
/// # Panics
/// When it never does.
pub async fn due_in(instance: &Instance, invoice_id: &str) -> i64 {
    let sql = "SELECT next_check_at FROM invoices WHERE id = ?1";
    let id = order_id(instance, invoice_id).await;
    let rows = instance.database.rows(sql, &[&id]).await;
    rows[0]["next_check_at"].as_i64().expect("a time") - now()
}

/// Whether a key is good now.
///
/// # Panics
/// When the instance answers anything else.
pub async fn validate(instance: &Instance, key: &str, product: &str) -> Value {
    instance
        .api
        .post(
            "/v1/validate",
            &json!({ "key": key, "product_slug": product }),
        )
        .await
        .ok()
}

/// One tick of the reconciler.
///
/// # Panics
/// When the instance answers anything else.
pub async fn tick(instance: &Instance) -> Answer {
    let request = instance.api.request(Method::POST, "/v1/cron/renew");
    instance
        .api
        .send(request.bearer_auth(crate::shop::CRON_TOKEN))
        .await
}

/// Lets the reconciler ask for a pending purchase now, not in two minutes.
pub async fn make_due(instance: &Instance, invoice_id: &str) {
    let sql = "UPDATE invoices SET next_check_at = 0 WHERE id = ?1 AND status = 'pending'";
    let id = order_id(instance, invoice_id).await;
    instance.database.change(sql, &[&id]).await;
}

/// Keeps the reconciler away from everything but what a case makes due itself,
/// whatever orders earlier cases left: those that ended come due too, and those that
/// were paid are listed.
pub async fn nothing_due(instance: &Instance) {
    for sql in [
        "UPDATE invoices SET next_check_at = 4102444800 WHERE next_check_at IS NOT NULL",
        "INSERT INTO store_turns (store, turn, leased_until, list_at, failures, skip, page_size)
         VALUES ('', 0, 0, 4102444800, 0, 0, 100)
         ON CONFLICT (store) DO UPDATE SET list_at = excluded.list_at, leased_until = 0",
    ] {
        instance.database.change(sql, &[]).await;
    }
}

/// How many licenses a purchase brought.
///
/// # Panics
/// When the instance answers anything else.
pub async fn licenses_of(instance: &Instance, invoice_id: &str) -> i64 {
    let sql = "SELECT count(*) AS n FROM licenses l JOIN receipts r ON r.id = l.receipt_id
               WHERE r.invoice_id = ?1";
    let id = order_id(instance, invoice_id).await;
    instance.database.count(sql, &[&id]).await
}

/// Audit entries and events of a license's issue: one of each is right.
///
/// # Panics
/// When the instance answers anything else.
pub async fn told_of(instance: &Instance, license_id: &str) -> (i64, i64) {
    let audit = "SELECT count(*) AS n FROM audit WHERE action = 'license.issue' AND object_id = ?1";
    let events = "SELECT count(*) AS n FROM events
                  WHERE event_type = 'license.issued' AND data ->> 'license_id' = ?1";
    let database = &instance.database;
    (
        database.count(audit, &[license_id]).await,
        database.count(events, &[license_id]).await,
    )
}
