//! Subscriptions: sold, renewed, missed, cancelled and brought back.

use crate::bench::{Bench, NOW, account_of, played_store};
use crate::payments::deliver;
use keywright_btcpay_double::{BtcPay, MarkAs};
use keywright_domain::dates::rfc3339;
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Value, json};

pub(crate) const DAY: u64 = 86_400;

/// A shop with a store that sells `demo` by the period.
pub(crate) struct Club {
    pub(crate) pay: BtcPay,
    pub(crate) bench: Bench,
    pub(crate) policy: String,
}

/// A subscription that was bought.
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) license_id: String,
}

/// The second at the end of this day, counted from the start.
pub(crate) fn on(day: u64) -> String {
    rfc3339((NOW + day * DAY).cast_signed())
}

impl Club {
    /// With the policy `basic`: 1000 sats for 30 days, and these members on top.
    pub(crate) async fn open(members: Value) -> Self {
        let pay = played_store();
        let bench = Bench::with(&account_of(&pay));
        bench.product("demo", 50_000).await;
        let mut basic = json!({ "price_sats": 1_000, "is_recurring": true,
                                "renewal_period_days": 30, "entitlements": ["sync"] });
        let all = basic.as_object_mut().expect("members");
        all.extend(members.as_object().expect("members").clone());
        let policy = bench.policy("demo", "basic", basic).await;
        Self { pay, bench, policy }
    }

    pub(crate) async fn order(&self, members: Value) -> Value {
        let mut order = json!({ "product": "demo", "policy_slug": "basic",
                                "buyer_email": "ana@example.com" });
        let all = order.as_object_mut().expect("members");
        all.extend(members.as_object().expect("members").clone());
        let answer = self.bench.post("/v1/purchase", &order).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Buys it, pays, and answers the key.
    pub(crate) async fn member(&self, members: Value) -> Member {
        let order = self.order(members).await;
        let id = order["btcpay_invoice_id"].as_str().expect("an id");
        if order["license_key"].is_null() {
            self.settle(id).await;
        }
        let secret = order["invoice_id"].as_str().expect("a secret");
        let polled = self.bench.get(&format!("/v1/purchase/{secret}")).await;
        Member {
            key: polled.text("license_key"),
            license_id: polled.text("license_id"),
        }
    }

    pub(crate) async fn settle(&self, invoice_id: &str) {
        self.pay.pay_in_full(invoice_id).expect("a payment");
        let told = deliver(&self.bench, &self.pay, "InvoiceSettled", invoice_id).await;
        assert_eq!(told.status, 200, "{told:?}");
    }

    /// Makes an order for the next period; answers the store's id of it.
    pub(crate) async fn next_order(&self, member: &Member) -> String {
        let body = json!({ "license_key": member.key });
        let answer = self.bench.post("/v1/subscriptions/pay", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.text("order_id");
        let sql = format!("SELECT provider_invoice_id AS id FROM invoices WHERE id = '{id}'");
        let row = &self.bench.sql(&sql).await[0];
        row["id"].as_str().expect("an id").to_owned()
    }

    /// Pays for the next period.
    pub(crate) async fn renew(&self, member: &Member) {
        let id = self.next_order(member).await;
        self.settle(&id).await;
    }

    pub(crate) async fn show(&self, member: &Member) -> Value {
        let request = http::Request::get("/v1/subscription")
            .header("authorization", format!("Bearer {}", member.key))
            .body(axum::body::Body::empty());
        let answer = self.bench.send(request.expect("a request")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// State and how far it is paid, as its holder and as the vendor's application see it.
    pub(crate) async fn stands(&self, member: &Member) -> (String, String) {
        let shown = self.show(member).await;
        let text = |member: &str| shown[member].as_str().unwrap_or_default().to_owned();
        let until = text("paid_until");
        let validated = self.validate(member).await;
        assert_eq!(validated["expires_at"], until, "one date: {validated}");
        (text("state"), until)
    }

    pub(crate) async fn validate(&self, member: &Member) -> Value {
        let body = json!({ "key": member.key, "product_slug": "demo" });
        self.bench.post("/v1/validate", &body).await.json()
    }

    pub(crate) async fn cancel(&self, member: &Member) -> Value {
        let body = json!({ "license_key": member.key });
        let answer = self.bench.post("/v1/subscriptions/cancel", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Goes on to this day, with a tick every six hours.
    pub(crate) async fn until(&self, day: u64) {
        let end = NOW + day * DAY;
        loop {
            let now = u64::try_from(keywright_ports::Clock::unix_seconds(&*self.bench.clock));
            let now = now.expect("a time");
            if now >= end {
                return;
            }
            self.bench.clock.advance((end - now).min(6 * 3_600));
            self.as_if_ticked().await;
            self.tick().await;
        }
    }

    /// Moves the clock of renewals, so that the next tick follows no pause: in a real shop
    /// there is one a minute.
    pub(crate) async fn as_if_ticked(&self) {
        let now = keywright_ports::Clock::unix_seconds(&*self.bench.clock);
        let sql = format!("UPDATE renewal_clock SET ticked_at = {now}");
        self.bench.sql(&sql).await;
    }

    /// Goes on to this day without any tick.
    pub(crate) fn sleep_until(&self, day: u64) {
        let now = keywright_ports::Clock::unix_seconds(&*self.bench.clock).cast_unsigned();
        self.bench.clock.advance(NOW + day * DAY - now);
    }

    pub(crate) async fn tick(&self) -> Value {
        let answer = self.bench.tick().await;
        assert_eq!(answer.status, 200, "{answer:?} {CRON_TOKEN}");
        answer.json()
    }

    /// The types of the events about subscriptions, oldest first.
    pub(crate) async fn events(&self) -> Vec<String> {
        let sql = "SELECT substr(event_type, 14) AS type FROM events
                   WHERE event_type LIKE 'subscription.%' ORDER BY sequence";
        let rows = self.bench.sql(sql).await;
        let text = |row: &serde_json::Map<String, Value>| row["type"].as_str().map(str::to_owned);
        rows.iter().filter_map(text).collect()
    }

    pub(crate) async fn attention(&self) -> Vec<String> {
        let rows = self
            .bench
            .sql("SELECT kind FROM attention WHERE resolved_at IS NULL ORDER BY kind");
        let rows = rows.await;
        rows.iter()
            .filter_map(|row| row["kind"].as_str().map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn a_paid_cycle_extends_the_license_once() {
    let club = Club::open(json!({})).await;
    let order = club.order(json!({})).await;
    assert_eq!(order["price_value"], 1_000);
    assert_eq!(order["subscription"]["period_days"], 30);
    let member = club.member(json!({})).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(30)));
    let shown = club.show(&member).await;
    assert_eq!(shown["next_charge"]["price_value"], 1_000);
    assert_eq!(shown["next_charge"]["at"], on(30));
    club.until(27).await;
    assert_eq!(club.events().await, ["started", "renewal_pending"]);
    let id = club.next_order(&member).await;
    club.settle(&id).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    // The same news again, and ticks: nothing more.
    deliver(&club.bench, &club.pay, "InvoiceSettled", &id).await;
    club.tick().await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    assert_eq!(
        club.events().await,
        ["started", "renewal_pending", "renewed"]
    );
    let licenses = club.bench.number("SELECT count(*) FROM licenses").await;
    assert_eq!(licenses, 1);
    // The key that was given out before is good online, and says the old date.
    let validated = club.validate(&member).await;
    assert_eq!(
        (&validated["ok"], &validated["expires_at"]),
        (&json!(true), &json!(on(60)))
    );
}

#[tokio::test]
async fn the_link_makes_a_fresh_order_and_one_cycle() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(27).await;
    let first = club.next_order(&member).await;
    // Twenty hours later the invoice is dead.
    club.pay.expire(&first).expect("an expiry");
    club.bench.clock.advance(20 * 3_600);
    let second = club.next_order(&member).await;
    assert_ne!(first, second);
    club.settle(&second).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    let cycles = "SELECT count(*) FROM subscription_cycles WHERE number = 2";
    assert_eq!(club.bench.number(cycles).await, 1);
    let orders = "SELECT count(*) FROM invoices WHERE cycle_id IS NOT NULL";
    assert_eq!(club.bench.number(orders).await, 2);
    // Money for the first one all the same: the operator is told, and it extends nothing.
    club.pay.mark(&first, MarkAs::Settled).expect("a mark");
    deliver(&club.bench, &club.pay, "InvoiceSettled", &first).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    assert_eq!(club.attention().await, ["cycle_paid_twice"]);
}

#[tokio::test]
async fn an_open_order_is_shown_again_for_some_minutes() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    let first = club.next_order(&member).await;
    assert_eq!(club.next_order(&member).await, first);
    club.bench.clock.advance(601);
    assert_ne!(club.next_order(&member).await, first);
    let open = "SELECT count(*) FROM invoices WHERE cycle_id IS NOT NULL AND status = 'pending'";
    assert_eq!(club.bench.number(open).await, 1);
}

#[tokio::test]
async fn paying_early_sells_the_next_period_and_no_more() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(10).await;
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    let body = json!({ "license_key": member.key });
    let refused = club.bench.post("/v1/subscriptions/pay", &body).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    club.until(56).await;
    assert_eq!(
        club.events().await,
        ["started", "renewed"],
        "nothing is due yet"
    );
    club.until(57).await;
    assert_eq!(
        club.events().await,
        ["started", "renewed", "renewal_pending"]
    );
}

#[tokio::test]
async fn a_missed_cycle_is_past_due_and_lapses() {
    let club = Club::open(json!({ "grace_period_days": 7 })).await;
    let member = club.member(json!({})).await;
    club.until(30).await;
    assert_eq!(club.stands(&member).await, ("past_due".to_owned(), on(30)));
    let validated = club.validate(&member).await;
    assert_eq!(validated["in_grace_period"], true, "{validated}");
    assert_eq!(validated["grace_until"], on(37));
    club.until(36).await;
    club.renew(&member).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(60)),
        "from the old end"
    );
    club.until(67).await;
    assert_eq!(club.validate(&member).await["reason"], "expired");
    assert_eq!(club.show(&member).await["state"], "lapsed");
    let told = [
        "started",
        "renewal_pending",
        "past_due",
        "renewed",
        "renewal_pending",
        "past_due",
        "lapsed",
    ];
    assert_eq!(club.events().await, told);
    club.until(90).await;
    assert_eq!(club.events().await, told, "no news of what has ended");
    club.renew(&member).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(120)),
        "from the payment"
    );
    assert_eq!(club.bench.number("SELECT count(*) FROM licenses").await, 1);
}

#[tokio::test]
async fn whoever_comes_back_pays_what_it_costs_then() {
    let club = Club::open(json!({ "grace_period_days": 0 })).await;
    let forever = json!({ "amount": 2_000, "cycles": 0, "product_slug": "demo" });
    club.bench.code("LOYAL", forever).await;
    let member = club.member(json!({ "code": "LOYAL" })).await;
    assert_eq!(club.show(&member).await["next_charge"]["price_value"], 800);
    club.until(27).await;
    club.next_order(&member).await;
    club.until(50).await;
    assert_eq!(club.show(&member).await["state"], "lapsed");
    let path = format!("/v1/admin/policies/{}", club.policy);
    club.bench
        .operate("PATCH", &path, &json!({ "price_sats": 1_500 }))
        .await;
    let body = json!({ "license_key": member.key });
    let offered = club.bench.post("/v1/subscriptions/pay", &body).await;
    assert_eq!(offered.json()["price_value"], 1_500, "{offered:?}");
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(80)));
    assert_eq!(
        club.show(&member).await["next_charge"]["price_value"],
        1_500
    );
}

#[tokio::test]
async fn a_pause_of_ours_is_not_the_buyers() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(20).await;
    club.sleep_until(60);
    club.tick().await;
    let shown = club.show(&member).await;
    assert_eq!(
        (&shown["state"], &shown["grace_until"]),
        (&json!("past_due"), &json!(on(67)))
    );
    assert_eq!(club.validate(&member).await["in_grace_period"], true);
    assert_eq!(club.events().await, ["started", "past_due"], "told once");
    club.tick().await;
    let cycles = "SELECT count(*) FROM subscription_cycles";
    assert_eq!(club.bench.number(cycles).await, 2);
    club.renew(&member).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(90)),
        "that period would be over"
    );
}

#[tokio::test]
async fn a_pause_in_the_grace_prolongs_it() {
    let club = Club::open(json!({ "grace_period_days": 7 })).await;
    let member = club.member(json!({})).await;
    club.until(32).await;
    club.sleep_until(52);
    club.tick().await;
    let shown = club.show(&member).await;
    assert_eq!(
        (&shown["state"], &shown["grace_until"]),
        (&json!("past_due"), &json!(on(57)))
    );
    assert_eq!(club.validate(&member).await["grace_until"], on(57));
    club.until(57).await;
    assert_eq!(club.show(&member).await["state"], "lapsed");
}

#[tokio::test]
async fn a_trial_is_one_for_each_buyer_and_product() {
    let club = Club::open(json!({ "trial_days": 14, "grace_period_days": 7 })).await;
    let nobody = json!({ "product": "demo", "policy_slug": "basic" });
    let refused = club.bench.post("/v1/purchase", &nobody).await;
    assert_eq!(
        refused.refusal(),
        (400, "bad_request".to_owned()),
        "{refused:?}"
    );
    let member = club.member(json!({})).await;
    assert_eq!(club.stands(&member).await, ("trialing".to_owned(), on(14)));
    assert_eq!(club.validate(&member).await["is_trial"], true);
    // The same address, however it is written, pays for the first period.
    for address in [
        "ana@example.com",
        " ANA@EXAMPLE.COM",
        "Ana <ana@example.com>",
    ] {
        let again = club.order(json!({ "buyer_email": address })).await;
        assert_eq!(again["price_value"], 1_000, "{address}: {again}");
        assert_eq!(again["subscription"]["trial_days"], 0);
    }
    let other = club
        .order(json!({ "buyer_email": "bob@example.com" }))
        .await;
    assert_eq!(
        (&other["price_value"], &other["subscription"]["trial_days"]),
        (&json!(0), &json!(14))
    );
    // Nobody pays and no tick runs: it ends when it ends.
    club.sleep_until(14);
    assert_eq!(club.validate(&member).await["reason"], "expired");
    club.tick().await;
    assert_eq!(club.show(&member).await["state"], "lapsed");
    assert_eq!(
        club.validate(&member).await["reason"],
        "expired",
        "no grace"
    );
}

#[tokio::test]
async fn the_first_payment_after_a_trial_begins_at_its_end() {
    let club = Club::open(json!({ "trial_days": 14 })).await;
    let half = json!({ "amount": 5_000, "product_slug": "demo" });
    club.bench.code("HALF", half).await;
    let order = club
        .order(json!({ "code": "HALF", "buyer_email": "eve@example.com" }))
        .await;
    assert_eq!(
        (&order["price_value"], &order["discount_code"]),
        (&json!(0), &json!("HALF"))
    );
    let member = club.member(json!({ "code": "HALF" })).await;
    let charge = &club.show(&member).await["next_charge"];
    assert_eq!(
        (&charge["price_value"], &charge["at"]),
        (&json!(500), &json!(on(14)))
    );
    club.until(10).await;
    // Cancelled and resumed: no second trial, and none that is longer.
    club.cancel(&member).await;
    let resume = json!({ "license_key": member.key });
    let resumed = club.bench.post("/v1/subscriptions/resume", &resume).await;
    assert_eq!(
        (&resumed.json()["state"], &resumed.json()["paid_until"]),
        (&json!("trialing"), &json!(on(14)))
    );
    club.until(11).await;
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(44)));
    assert_eq!(club.validate(&member).await["is_trial"], Value::Null);
    assert_eq!(
        club.show(&member).await["next_charge"]["price_value"],
        1_000
    );
}

#[tokio::test]
async fn a_code_counts_settled_cycles() {
    let club = Club::open(json!({})).await;
    let code = json!({ "amount": 5_000, "cycles": 3, "max_uses": 1, "product_slug": "demo" });
    let id = club.bench.code("THREE", code).await;
    let member = club.member(json!({ "code": "THREE" })).await;
    let mut paid = vec![];
    for cycle in 1..4_u64 {
        let charge = club.show(&member).await["next_charge"].clone();
        paid.push((
            charge["price_value"].clone(),
            charge["discount_cycles_left"].clone(),
        ));
        club.until(cycle * 30 - 2).await;
        // An attempt that nobody pays counts for nothing.
        let dead = club.next_order(&member).await;
        club.pay.expire(&dead).expect("an expiry");
        club.bench.clock.advance(3_600);
        club.renew(&member).await;
        let path = format!("/v1/admin/discount-codes/{id}/active");
        club.bench
            .operate("PATCH", &path, &json!({ "active": false }))
            .await;
    }
    assert_eq!(
        paid,
        [
            (json!(500), json!(2)),
            (json!(500), json!(1)),
            (json!(1_000), Value::Null)
        ]
    );
    let used = format!("SELECT used_count FROM discount_codes WHERE id = '{id}'");
    assert_eq!(club.bench.number(&used).await, 1);
}

#[tokio::test]
async fn stopping_money_always_works() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(28).await;
    let open = club.next_order(&member).await;
    let path = format!("/v1/admin/licenses/{}", member.license_id);
    let suspended = club
        .bench
        .operate("POST", &format!("{path}/suspend"), &json!({}))
        .await;
    assert_eq!(suspended.status, 200);
    let shown = club.show(&member).await;
    assert_eq!(
        (&shown["license_status"], &shown["next_charge"]),
        (&json!("suspended"), &Value::Null)
    );
    assert_eq!(
        club.cancel(&member).await["status"],
        "cancelled",
        "with the key of a suspended license"
    );
    assert_eq!(club.cancel(&member).await["already"], "cancelled");
    let pending = "SELECT count(*) FROM invoices WHERE status = 'pending'";
    assert_eq!(
        club.bench.number(pending).await,
        0,
        "the open order is withdrawn"
    );
    club.bench
        .operate("POST", &format!("{path}/unsuspend"), &json!({}))
        .await;
    // Money that comes all the same buys its cycle and restarts nothing.
    club.settle(&open).await;
    assert_eq!(club.stands(&member).await, ("cancelled".to_owned(), on(60)));
    assert_eq!(club.attention().await, ["paid_after_cancellation"]);
    club.until(80).await;
    assert_eq!(club.show(&member).await["next_charge"], Value::Null);
    assert_eq!(
        club.events().await,
        ["started", "renewal_pending", "cancelled", "renewed"]
    );
    for wrong in ["LIC1-AAAA-BBBB", "", "nonsense"] {
        let body = json!({ "license_key": wrong });
        let refused = club.bench.post("/v1/subscriptions/cancel", &body).await;
        assert_eq!(
            refused.refusal(),
            (401, "unauthorized".to_owned()),
            "{wrong}"
        );
    }
    let single = club
        .bench
        .issue("demo", json!({}))
        .await
        .text("license_key");
    let refused = club
        .bench
        .post(
            "/v1/subscriptions/cancel",
            &json!({ "license_key": single }),
        )
        .await;
    assert_eq!(refused.refusal(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn cancelling_in_the_grace_keeps_it_and_can_be_undone() {
    let club = Club::open(json!({ "grace_period_days": 7 })).await;
    let member = club.member(json!({})).await;
    club.until(32).await;
    club.cancel(&member).await;
    let body = json!({ "license_key": member.key });
    let refused = club.bench.post("/v1/subscriptions/pay", &body).await;
    assert_eq!(refused.status, 409, "resume, not a checkout: {refused:?}");
    assert_eq!(
        club.validate(&member).await["grace_until"],
        on(37),
        "what was announced stays"
    );
    let resumed = club.bench.post("/v1/subscriptions/resume", &body).await;
    assert_eq!(resumed.json()["state"], "past_due", "{resumed:?}");
    club.tick().await;
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    club.cancel(&member).await;
    club.until(60).await;
    let over = club.bench.post("/v1/subscriptions/resume", &body).await;
    assert_eq!(over.status, 409, "{over:?}");
    // One payment brings it back.
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(90)));
}

#[tokio::test]
async fn a_suspended_license_owes_nothing_and_a_revoked_one_ends() {
    let club = Club::open(json!({ "grace_period_days": 7 })).await;
    let member = club.member(json!({})).await;
    let revoked = club.member(json!({})).await;
    club.until(20).await;
    let path = |one: &Member, what: &str| format!("/v1/admin/licenses/{}/{what}", one.license_id);
    club.bench
        .operate("POST", &path(&member, "suspend"), &json!({}))
        .await;
    club.bench
        .operate("POST", &path(&revoked, "revoke"), &json!({}))
        .await;
    assert_eq!(club.show(&revoked).await["state"], "cancelled");
    club.until(35).await;
    assert_eq!(club.events().await, ["started", "started", "cancelled"]);
    club.bench
        .operate("POST", &path(&member, "unsuspend"), &json!({}))
        .await;
    club.tick().await;
    let shown = club.show(&member).await;
    assert_eq!(
        (&shown["state"], &shown["grace_until"]),
        (&json!("past_due"), &json!(on(42)))
    );
    club.renew(&member).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(60)),
        "no back charges"
    );
    let body = json!({ "license_key": revoked.key });
    let refused = club.bench.post("/v1/subscriptions/pay", &body).await;
    assert_eq!(refused.status, 409, "{refused:?}");
}

#[tokio::test]
async fn a_payment_that_is_taken_back_takes_back_its_cycle() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.renew(&member).await;
    club.until(31).await;
    let third = club.next_order(&member).await;
    // Marked by hand: only such a payment can be marked the other way again.
    club.pay.mark(&third, MarkAs::Settled).expect("a mark");
    deliver(&club.bench, &club.pay, "InvoiceSettled", &third).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(90)));
    club.pay.mark(&third, MarkAs::Invalid).expect("a mark");
    deliver(&club.bench, &club.pay, "InvoiceInvalid", &third).await;
    assert_eq!(club.stands(&member).await, ("cancelled".to_owned(), on(60)));
    assert_eq!(
        club.validate(&member).await["ok"],
        true,
        "the license is not revoked"
    );
    assert_eq!(club.attention().await, ["withdrawn"]);
    // Accepted after all: it buys its time again.
    club.pay.mark(&third, MarkAs::Settled).expect("a mark");
    deliver(&club.bench, &club.pay, "InvoiceSettled", &third).await;
    assert_eq!(club.stands(&member).await, ("cancelled".to_owned(), on(90)));
}

#[tokio::test]
async fn what_the_operator_gives_moves_the_next_charge() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(28).await;
    let path = format!("/v1/admin/licenses/{}", member.license_id);
    let moved = json!({ "expires_at": on(40) });
    assert_eq!(club.bench.operate("PATCH", &path, &moved).await.status, 200);
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(40)));
    assert_eq!(club.show(&member).await["next_charge"]["at"], on(40));
    club.until(39).await;
    assert_eq!(
        club.show(&member).await["state"],
        "active",
        "nothing on the old date"
    );
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(70)));
}

#[tokio::test]
async fn what_was_sold_outlives_the_policy() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    let path = format!("/v1/admin/policies/{}", club.policy);
    for change in [
        json!({ "archived": true }),
        json!({ "active": false }),
        json!({ "is_recurring": false }),
        json!({ "renewal_period_days": 365, "grace_period_days": 0 }),
        json!({ "price_sats": 9_999, "name": "Other" }),
    ] {
        let changed = club.bench.operate("PATCH", &path, &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let products = club
        .bench
        .operate("GET", "/v1/admin/products", &json!({}))
        .await
        .json();
    let product = products["products"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/admin/products/{product}?force=true");
    assert_eq!(
        club.bench.operate("DELETE", &path, &json!({})).await.status,
        409
    );
    let shown = club.show(&member).await;
    assert_eq!(
        (&shown["policy_name"], &shown["next_charge"]["price_value"]),
        (&json!("basic"), &json!(1_000))
    );
    club.until(28).await;
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    let order = json!({ "product": "demo", "policy_slug": "basic" });
    let refused = club.bench.post("/v1/purchase", &order).await;
    assert!((400..405).contains(&refused.status), "{refused:?}");
}

#[tokio::test]
async fn a_cycle_that_costs_nothing_is_paid_by_the_tick() {
    let club = Club::open(json!({})).await;
    let free = json!({ "amount": 10_000, "cycles": 2, "product_slug": "demo" });
    club.bench.code("GIFT", free).await;
    let member = club.member(json!({ "code": "GIFT" })).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(30)));
    club.until(28).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    club.until(60).await;
    assert_eq!(
        club.show(&member).await["state"],
        "past_due",
        "the third costs"
    );
}

/// More cycles that cost nothing than a tick looks at: they are paid one by one, and what is
/// due behind them is not late.
#[tokio::test]
async fn gifts_hold_up_nothing() {
    let club = Club::open(json!({})).await;
    let free = json!({ "amount": 10_000, "cycles": 2, "product_slug": "demo" });
    club.bench.code("GIFT", free).await;
    for number in 0..60 {
        let address = format!("reader-{number}@example.com");
        club.order(json!({ "code": "GIFT", "buyer_email": address }))
            .await;
    }
    let member = club.member(json!({})).await;
    club.tick().await;
    club.tick().await;
    club.sleep_until(28);
    for _ in 0..5 {
        club.as_if_ticked().await;
        club.tick().await;
    }
    assert!(club.events().await.contains(&"renewal_pending".to_owned()));
    let opened = "SELECT count(*) FROM subscription_cycles WHERE number = 2";
    assert_eq!(club.bench.number(opened).await, 61);
    for _ in 0..70 {
        club.bench.clock.advance(3_600);
        club.as_if_ticked().await;
        club.tick().await;
    }
    let paid = "SELECT count(*) FROM subscription_cycles WHERE number = 2 AND state = 'paid'";
    assert_eq!(club.bench.number(paid).await, 60);
    assert_eq!(club.show(&member).await["state"], "past_due");
}

#[tokio::test]
async fn one_broken_row_holds_up_no_other() {
    let club = Club::open(json!({})).await;
    let broken = club.member(json!({})).await;
    let member = club
        .member(json!({ "buyer_email": "bob@example.com" }))
        .await;
    let sql = format!(
        "UPDATE subscriptions SET terms = '{{}}', next_step_at = 1 WHERE license_id = '{}'",
        broken.license_id
    );
    club.bench.sql(&sql).await;
    club.until(30).await;
    assert_eq!(club.stands(&member).await.0, "past_due");
    assert_eq!(club.attention().await, ["subscription_unreadable"]);
}

#[tokio::test]
async fn the_link_pays_and_looks_and_does_not_cancel() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    let url = club.show(&member).await["pay_url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let (page, token) = url.split_once('#').expect("a token");
    assert_eq!(page, "http://shop.test/subscription");
    let paid = club
        .bench
        .post("/v1/subscriptions/pay", &json!({ "pay_token": token }))
        .await;
    assert_eq!(paid.status, 200, "{paid:?}");
    for (body, status) in [(json!({ "license_key": token }), 401), (json!({}), 400)] {
        let refused = club.bench.post("/v1/subscriptions/cancel", &body).await;
        assert!(
            refused.status == status || refused.status == 422,
            "{refused:?}"
        );
    }
    for body in [
        json!({}),
        json!({ "license_key": member.key, "pay_token": token }),
    ] {
        let refused = club.bench.post("/v1/subscriptions/pay", &body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let wrong = json!({ "pay_token": "AAAAAAAAAAAAAAAAAAAAAA" });
    let refused = club.bench.post("/v1/subscriptions/pay", &wrong).await;
    assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
}

#[tokio::test]
async fn the_operator_sees_and_cancels() {
    let club = Club::open(json!({})).await;
    let member = club.member(json!({})).await;
    club.member(json!({ "buyer_email": "bob@example.com" }))
        .await;
    let list = club
        .bench
        .operate("GET", "/v1/admin/subscriptions?status=active", &json!({}))
        .await;
    let list = list.json();
    let all = list["subscriptions"].as_array().expect("a list");
    assert_eq!(all.len(), 2, "{list}");
    let mine = all
        .iter()
        .find(|one| one["license_id"] == member.license_id.as_str());
    let mine = mine.expect("it is there");
    assert_eq!(
        (&mine["buyer_email"], &mine["next_price_value"]),
        (&json!("ana@example.com"), &json!(1_000))
    );
    let path = format!(
        "/v1/admin/subscriptions/{}/cancel",
        mine["id"].as_str().expect("an id")
    );
    for _ in 0..2 {
        let cancelled = club
            .bench
            .operate("POST", &path, &json!({ "reason": "asked by mail" }))
            .await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
    }
    let path = "/v1/admin/subscriptions?status=cancelled";
    let list = club.bench.operate("GET", path, &json!({})).await.json();
    assert_eq!(list["subscriptions"][0]["cancel_reason"], "asked by mail");
    assert_eq!(club.events().await, ["started", "started", "cancelled"]);
    let unknown = "/v1/admin/subscriptions/00000000-0000-7000-8000-000000000009/cancel";
    let refused = club.bench.operate("POST", unknown, &json!({})).await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn policies_say_what_does_not_fit() {
    let club = Club::open(json!({})).await;
    let create = async |members: Value| {
        let mut policy = json!({ "product_slug": "demo", "slug": "other", "name": "Other",
                                 "is_recurring": true });
        let all = policy.as_object_mut().expect("members");
        all.extend(members.as_object().expect("members").clone());
        club.bench
            .operate("POST", "/v1/admin/policies", &policy)
            .await
    };
    for (members, named) in [
        (json!({}), "renewal_period_days"),
        (
            json!({ "renewal_period_days": 30, "grace_period_days": 60 }),
            "grace_period_days must be less than renewal_period_days",
        ),
        (json!({ "renewal_period_days": 0 }), "renewal_period_days"),
        (
            json!({ "renewal_period_days": 30, "trial_days": -1 }),
            "trial_days",
        ),
        (
            json!({ "renewal_period_days": 365, "grace_period_days": 91 }),
            "grace_period_days",
        ),
    ] {
        let refused = create(members.clone()).await;
        assert_eq!(refused.status, 400, "{members}");
        assert!(refused.text("message").contains(named), "{refused:?}");
    }
    let path = format!("/v1/admin/policies/{}", club.policy);
    for (change, named) in [
        (json!({ "grace_period_days": 30 }), "grace_period_days"),
        (
            json!({ "renewal_period_days": null }),
            "renewal_period_days",
        ),
    ] {
        let refused = club.bench.operate("PATCH", &path, &change).await;
        assert_eq!(refused.status, 400, "{change}");
        assert!(refused.text("message").contains(named), "{refused:?}");
    }
    let shown = club.bench.get("/v1/products/demo/policies").await.json();
    let policy = &shown["policies"][0];
    assert_eq!(
        (
            &policy["is_recurring"],
            &policy["renewal_period_days"],
            &policy["renewal_price_sats"]
        ),
        (&json!(true), &json!(30), &json!(1_000))
    );
}
