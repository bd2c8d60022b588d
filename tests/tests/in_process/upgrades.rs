//! Upgrades and changes of policy: what they cost, what they do, and when.

use crate::bench::Answer;
use crate::bench::UNTIL_DUE;
use crate::breaking::break_every_call;
use crate::payments::{deliver, tick_until_quiet};
use crate::subscriptions::{Club, Member, on};
use futures_util::future::join;
use keywright_btcpay_double::MarkAs;
use serde_json::{Value, json};

/// A club with `basic` (1000 for 30 days, rank 1, 2 seats) and `pro` (3000, rank 2, 5 seats).
async fn ladder(basic: Value) -> Club {
    let mut members = json!({ "tier_rank": 1, "max_machines": 2, "grace_period_days": 7 });
    let all = members.as_object_mut().expect("members");
    all.extend(basic.as_object().expect("members").clone());
    let club = Club::open(members).await;
    step(&club, "pro", 2, 3_000, json!({ "max_machines": 5 })).await;
    club
}

/// Another policy of the ladder.
async fn step(club: &Club, slug: &str, rank: i64, price: i64, members: Value) -> String {
    let mut policy = json!({ "price_sats": price, "tier_rank": rank, "is_recurring": true,
                             "renewal_period_days": 30, "entitlements": ["sync", slug] });
    let all = policy.as_object_mut().expect("members");
    all.extend(members.as_object().expect("members").clone());
    club.bench.policy("demo", slug, policy).await
}

impl Club {
    async fn quote(&self, member: &Member, target: &str) -> Value {
        let body = json!({ "license_key": member.key, "target_policy_slug": target });
        let answer = self.bench.post("/v1/upgrade-quote", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn ask(&self, member: &Member, target: &str) -> Answer {
        let body = json!({ "license_key": member.key, "target_policy_slug": target });
        self.bench.post("/v1/upgrade", &body).await
    }

    /// An order for an upgrade of this price; answers the store's id of it.
    pub(crate) async fn upgrade_order(&self, member: &Member, target: &str, price: i64) -> String {
        let answer = self.ask(member, target).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let order = answer.json();
        assert_eq!(order["proration_charge_value"], price, "{order}");
        order["provider_invoice_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Books a change with the next period, or takes it back.
    pub(crate) async fn book(&self, member: &Member, target: Option<&str>) -> Answer {
        let body = json!({ "license_key": member.key, "target_policy_slug": target });
        self.bench.post("/v1/subscriptions/change", &body).await
    }

    async fn charge(&self, member: &Member) -> i64 {
        let shown = self.show(member).await;
        shown["next_charge"]["price_value"]
            .as_i64()
            .expect("a price")
    }

    async fn seats(&self, member: &Member) -> (String, i64) {
        let validated = self.validate(member).await;
        let last = validated["entitlements"]
            .as_array()
            .and_then(|all| all.last());
        let last = last.and_then(Value::as_str).unwrap_or_default().to_owned();
        (last, validated["max_machines"].as_i64().expect("a number"))
    }

    async fn machine(&self, member: &Member, name: &str) -> Value {
        let body = json!({ "key": member.key, "fingerprint": name, "hostname": name });
        self.bench.post("/v1/machines/activate", &body).await.json()
    }
}

fn is(entitlement: &str, seats: i64) -> (String, i64) {
    (entitlement.to_owned(), seats)
}

#[tokio::test]
async fn the_license_that_is_there_changes() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(15).await;
    let quote = club.quote(&member, "pro").await;
    for (name, value) in [
        ("from_policy_slug", json!("basic")),
        ("to_policy_slug", json!("pro")),
        ("direction", json!("upgrade")),
        ("listed_currency", json!("SAT")),
        ("proration_charge_value", json!(1_000)),
        ("effective_at", json!("immediate")),
        ("next_renewal_charge", json!(3_000)),
        ("next_renewal_period_days", json!(30)),
        ("days_left", json!(15)),
    ] {
        assert_eq!(quote[name], value, "{name}: {quote}");
    }
    let order = club.ask(&member, "pro").await.json();
    assert_eq!(order["amount_sats"], 1_000);
    club.settle(order["provider_invoice_id"].as_str().expect("an id"))
        .await;
    assert_eq!(club.seats(&member).await, is("pro", 5));
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(30)));
    assert_eq!(club.charge(&member).await, 3_000);
    let secret = order["invoice_id"].as_str().expect("a secret");
    let polled = club
        .bench
        .get(&format!("/v1/purchase/{secret}"))
        .await
        .json();
    assert_eq!(
        (&polled["status"], &polled["license_key"]),
        (&json!("settled"), &Value::Null)
    );
    // The same news again changes nothing, and from there the way up is priced from `pro`.
    let id = order["provider_invoice_id"].as_str().expect("an id");
    deliver(&club.bench, &club.pay, "InvoiceSettled", id).await;
    let told = "SELECT count(*) FROM events WHERE event_type = 'license.tier_changed'";
    assert_eq!(club.bench.number(told).await, 1);
    assert_eq!(club.bench.number("SELECT count(*) FROM licenses").await, 1);
    step(&club, "max", 3, 5_000, json!({})).await;
    assert_eq!(
        club.quote(&member, "max").await["proration_charge_value"],
        1_000
    );
    club.until(28).await;
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    assert!(club.attention().await.is_empty());
}

#[tokio::test]
async fn from_is_what_the_running_days_were_sold_for() {
    for (price, code, list, charge) in [
        (800, None, Some(1_000), 1_100),
        (1_000, Some(Some("basic")), None, 1_250),
        (1_000, Some(None), None, 500),
        (1_000, None, None, 1_000),
    ] {
        let club = ladder(json!({ "price_sats": price })).await;
        let mut order = json!({});
        if let Some(policy) = code {
            let half = json!({ "amount": 5_000, "cycles": 0, "product_slug": "demo" });
            let mut half = half.as_object().expect("members").clone();
            half.extend(policy.map(|slug| ("policy_slug".to_owned(), json!(slug))));
            club.bench.code("HALF", Value::Object(half)).await;
            order = json!({ "code": "HALF" });
        }
        let member = club.member(order).await;
        if let Some(price) = list {
            let path = format!("/v1/admin/policies/{}", club.policy);
            club.bench
                .operate("PATCH", &path, &json!({ "price_sats": price }))
                .await;
        }
        club.until(15).await;
        let quote = club.quote(&member, "pro").await;
        assert_eq!(
            quote["proration_charge_value"], charge,
            "{price} {code:?}: {quote}"
        );
    }
}

#[tokio::test]
async fn days_paid_ahead_are_paid_for_too() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(27).await;
    club.renew(&member).await;
    let id = club.upgrade_order(&member, "pro", 2_200).await;
    club.settle(&id).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    assert_eq!(club.seats(&member).await, is("pro", 5));
}

#[tokio::test]
async fn a_trial_ends_with_an_upgrade_and_is_paid_in_full() {
    let club = ladder(json!({ "trial_days": 14 })).await;
    let member = club.member(json!({})).await;
    club.until(4).await;
    let quote = club.quote(&member, "pro").await;
    assert_eq!(
        (
            &quote["ends_trial"],
            &quote["starts_new_period"],
            &quote["proration_charge_value"]
        ),
        (&json!(true), &json!(true), &json!(3_000))
    );
    let id = club.upgrade_order(&member, "pro", 3_000).await;
    club.settle(&id).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(34)));
    assert_eq!(club.validate(&member).await["is_trial"], Value::Null);
    assert_eq!(club.charge(&member).await, 3_000);
    let shown = club.show(&member).await;
    assert_eq!(shown["history"][0]["price_value"], 3_000, "{shown}");
}

#[tokio::test]
async fn no_change_begins_a_second_trial() {
    let club = ladder(json!({ "trial_days": 14 })).await;
    let max = json!({ "trial_days": 14, "max_machines": 9 });
    step(&club, "max", 3, 5_000, max).await;
    let member = club.member(json!({})).await;
    club.until(10).await;
    club.cancel(&member).await;
    club.until(12).await;
    let body = json!({ "license_key": member.key });
    club.bench.post("/v1/subscriptions/resume", &body).await;
    let booked = club.book(&member, Some("max")).await;
    assert_eq!(booked.status, 200, "{booked:?}");
    assert_eq!(club.stands(&member).await, ("trialing".to_owned(), on(14)));
    assert_eq!(club.charge(&member).await, 5_000);
    club.renew(&member).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(44)));
    assert_eq!(club.seats(&member).await, is("sync", 2), "until day 14");
    club.until(15).await;
    assert_eq!(club.seats(&member).await, is("max", 9));
    assert_eq!(club.charge(&member).await, 5_000);
}

#[tokio::test]
async fn another_period_begins_now_less_the_unused_days() {
    let club = ladder(json!({})).await;
    let year = json!({ "renewal_period_days": 365 });
    step(&club, "basic-year", 2, 10_000, year).await;
    let member = club.member(json!({})).await;
    club.until(15).await;
    let id = club.upgrade_order(&member, "basic-year", 9_500).await;
    club.settle(&id).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(15 + 365))
    );
    assert_eq!(club.charge(&member).await, 10_000);
    club.until(30).await;
    assert_eq!(
        club.stands(&member).await,
        ("active".to_owned(), on(15 + 365))
    );
}

#[tokio::test]
async fn what_costs_nothing_now_can_be_booked() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(29).await;
    club.bench.clock.advance(14 * 3_600);
    let refused = club.ask(&member, "pro").await;
    assert_eq!(
        refused.refusal(),
        (400, "bad_request".to_owned()),
        "{refused:?}"
    );
    assert!(refused.text("message").contains(&on(30)), "{refused:?}");
    let quote = club.quote(&member, "pro").await;
    assert_eq!(
        (&quote["proration_charge_value"], &quote["effective_at"]),
        (&json!(0), &json!(on(30)))
    );
    let booked = club.book(&member, Some("pro")).await.json();
    assert_eq!(booked["booked_change"]["policy_slug"], "pro", "{booked}");
    assert_eq!(
        club.seats(&member).await,
        is("sync", 2),
        "not before it is paid"
    );
    club.renew(&member).await;
    club.until(30).await;
    assert_eq!(club.seats(&member).await, is("pro", 5));
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    let told = "SELECT count(*) FROM events WHERE event_type = 'license.tier_changed'";
    assert_eq!(club.bench.number(told).await, 1);
}

#[tokio::test]
async fn a_code_counts_on_after_an_upgrade() {
    let club = ladder(json!({})).await;
    let half = json!({ "amount": 5_000, "cycles": 2, "product_slug": "demo" });
    club.bench.code("TWO", half).await;
    let member = club.member(json!({ "code": "TWO" })).await;
    club.until(28).await;
    club.renew(&member).await;
    club.until(45).await;
    let id = club.upgrade_order(&member, "pro", 500).await;
    club.settle(&id).await;
    club.until(57).await;
    assert_eq!(club.charge(&member).await, 3_000);
    let told = "SELECT json_extract(data, '$.listed_value') AS n FROM events
                WHERE event_type = 'subscription.renewal_pending' ORDER BY sequence DESC LIMIT 1";
    assert_eq!(club.bench.number(told).await, 3_000);
    let order = club.next_order(&member).await;
    let sql = format!("SELECT price_amount FROM invoices WHERE provider_invoice_id = '{order}'");
    assert_eq!(club.bench.number(&sql).await, 3_000);
}

#[tokio::test]
async fn a_booked_downgrade_takes_effect_once_when_its_period_begins() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({ "policy_slug": "pro" })).await;
    club.until(27).await;
    let old = club.next_order(&member).await;
    let refused = club.ask(&member, "basic").await;
    assert_eq!(
        refused.refusal(),
        (403, "forbidden".to_owned()),
        "{refused:?}"
    );
    let booked = club.book(&member, Some("basic")).await;
    assert_eq!(booked.status, 200, "{booked:?}");
    assert_eq!(club.charge(&member).await, 1_000);
    let open = "SELECT count(*) FROM invoices WHERE cycle_id IS NOT NULL AND status = 'pending'";
    assert_eq!(
        club.bench.number(open).await,
        0,
        "the order of 3000 is withdrawn"
    );
    // Taken back, and booked again.
    let back = club.book(&member, None).await;
    assert_eq!(back.json()["booked_change"], Value::Null, "{back:?}");
    assert_eq!(
        (club.charge(&member).await, club.seats(&member).await),
        (3_000, is("pro", 5))
    );
    club.book(&member, Some("basic")).await;
    // The old one is paid all the same: the period runs as before, and the change waits.
    club.settle(&old).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    assert_eq!(club.attention().await, ["paid_before_change"]);
    assert_eq!(club.charge(&member).await, 1_000);
    club.until(58).await;
    assert_eq!(club.seats(&member).await.0, "pro");
    club.renew(&member).await;
    assert_eq!(club.show(&member).await["changes_at"], on(60));
    club.until(61).await;
    assert_eq!(club.seats(&member).await, is("sync", 2));
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(90)));
    assert_eq!(club.charge(&member).await, 1_000);
    assert_eq!(club.show(&member).await["booked_change"], Value::Null);
}

#[tokio::test]
async fn an_upgrade_clears_what_was_booked() {
    let club = ladder(json!({})).await;
    step(&club, "max", 3, 6_000, json!({ "max_machines": 9 })).await;
    let member = club.member(json!({ "policy_slug": "pro" })).await;
    club.until(15).await;
    club.book(&member, Some("basic")).await;
    assert_eq!(club.charge(&member).await, 1_000);
    let id = club.upgrade_order(&member, "max", 1_500).await;
    club.settle(&id).await;
    assert_eq!(club.show(&member).await["booked_change"], Value::Null);
    assert_eq!(
        (club.charge(&member).await, club.seats(&member).await),
        (6_000, is("max", 9))
    );
}

#[tokio::test]
async fn no_more_machines_than_the_booked_policy_has_seats() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({ "policy_slug": "pro" })).await;
    for name in ["one", "two", "three", "four"] {
        assert_eq!(club.machine(&member, name).await["ok"], true);
    }
    let refused = club.book(&member, Some("basic")).await;
    assert_eq!(
        refused.refusal(),
        (409, "conflict".to_owned()),
        "{refused:?}"
    );
    let text = refused.text("message");
    for part in ["4 machines", "allows 2", "one (", "four ("] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for name in ["one", "two"] {
        let body = json!({ "key": member.key, "fingerprint": name });
        club.bench.post("/v1/machines/deactivate", &body).await;
    }
    assert_eq!(club.book(&member, Some("basic")).await.status, 200);
    let third = club.machine(&member, "five").await;
    assert_eq!(
        (&third["ok"], &third["max_machines"]),
        (&json!(false), &json!(2)),
        "{third}"
    );
}

#[tokio::test]
async fn an_upgrade_and_a_renewal_do_not_cross() {
    let club = ladder(json!({})).await;
    let member = club.member(json!({})).await;
    club.until(27).await;
    let upgrade = club.upgrade_order(&member, "pro", 200).await;
    club.renew(&member).await;
    // Paid all the same: the quote was for the days of before.
    club.settle(&upgrade).await;
    assert_eq!(club.attention().await, ["upgrade_not_applied"]);
    assert_eq!(club.seats(&member).await, is("sync", 2));
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(60)));
    // The other way round: the renewal at the old price buys no period of `pro`.
    let other = club
        .member(json!({ "buyer_email": "bob@example.com" }))
        .await;
    club.until(56).await;
    let renewal = club.next_order(&other).await;
    let upgrade = club.upgrade_order(&other, "pro", 66).await;
    club.settle(&upgrade).await;
    club.settle(&renewal).await;
    assert_eq!(club.stands(&other).await, ("active".to_owned(), on(57)));
    assert_eq!(club.seats(&other).await, is("pro", 5));
    let told = club.attention().await;
    assert_eq!(told, ["cycle_price_changed", "upgrade_not_applied"]);
    assert_eq!(club.charge(&other).await, 3_000);
}

#[tokio::test]
async fn of_two_upgrades_at_once_one_counts() {
    let club = ladder(json!({})).await;
    step(&club, "max", 3, 5_000, json!({})).await;
    let member = club.member(json!({})).await;
    club.until(15).await;
    let (one, other) = join(club.ask(&member, "pro"), club.ask(&member, "max")).await;
    let open = "SELECT count(*) FROM invoices WHERE tier_change_id IS NOT NULL
                AND status = 'pending'";
    assert_eq!(club.bench.number(open).await, 1);
    let ids = [one, other].map(|answer| answer.text("provider_invoice_id"));
    for id in &ids {
        club.pay.pay_in_full(id).expect("a payment");
    }
    let told = ids
        .each_ref()
        .map(|id| deliver(&club.bench, &club.pay, "InvoiceSettled", id));
    let [one, other] = told;
    join(one, other).await;
    let done = "SELECT count(*) FROM tier_changes WHERE state = 'done'";
    assert_eq!(club.bench.number(done).await, 1);
    assert_eq!(club.attention().await, ["upgrade_not_applied"]);
    assert_eq!(club.bench.number("SELECT count(*) FROM receipts").await, 3);
}

#[tokio::test]
async fn a_payment_that_is_taken_back_takes_the_upgrade_back() {
    let club = ladder(json!({})).await;
    step(
        &club,
        "year",
        2,
        10_000,
        json!({ "renewal_period_days": 365 }),
    )
    .await;
    for (target, price, end) in [("pro", 1_000, 30), ("year", 9_500, 15 + 365)] {
        let member = club.member(json!({ "buyer_email": null })).await;
        let day = if target == "pro" { 15 } else { 30 };
        club.until(day).await;
        let id = club.upgrade_order(&member, target, price).await;
        club.pay.mark(&id, MarkAs::Settled).expect("a mark");
        deliver(&club.bench, &club.pay, "InvoiceSettled", &id).await;
        let start = day - 15;
        assert_eq!(club.seats(&member).await.0, target);
        assert_eq!(club.stands(&member).await.1, on(start + end));
        club.pay.mark(&id, MarkAs::Invalid).expect("a mark");
        deliver(&club.bench, &club.pay, "InvoiceInvalid", &id).await;
        let expected = ("cancelled".to_owned(), on(start + 30));
        assert_eq!(club.stands(&member).await, expected, "{target}");
        assert_eq!(club.seats(&member).await, is("sync", 2));
        // Accepted after all.
        club.pay.mark(&id, MarkAs::Settled).expect("a mark");
        deliver(&club.bench, &club.pay, "InvoiceSettled", &id).await;
        assert_eq!(club.seats(&member).await.0, target);
        assert_eq!(club.stands(&member).await.1, on(start + end));
    }
}

#[tokio::test]
async fn a_license_sold_once_pays_the_difference() {
    let club = ladder(json!({})).await;
    let once = |rank: i64, price: i64| {
        json!({ "tier_rank": rank, "price_sats": price, "is_recurring": false,
                "renewal_period_days": null })
    };
    step(&club, "solo", 1, 1_000, once(1, 1_000)).await;
    step(&club, "team", 2, 4_000, once(2, 4_000)).await;
    let member = club.member(json!({ "policy_slug": "solo" })).await;
    let id = club.upgrade_order(&member, "team", 3_000).await;
    club.settle(&id).await;
    assert_eq!(club.seats(&member).await.0, "team");
    assert_eq!(club.validate(&member).await["expires_at"], Value::Null);
    step(&club, "site", 3, 9_000, once(3, 9_000)).await;
    assert_eq!(
        club.quote(&member, "site").await["proration_charge_value"],
        5_000
    );
    let down = club.ask(&member, "solo").await;
    assert_eq!(down.refusal(), (400, "bad_request".to_owned()), "{down:?}");
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused() {
    let club = ladder(json!({})).await;
    step(&club, "plain", 9, 5_000, json!({ "tier_rank": null })).await;
    step(&club, "equal", 1, 5_000, json!({})).await;
    step(&club, "off", 5, 5_000, json!({ "active": false })).await;
    let gone = json!({ "is_recurring": false, "renewal_period_days": null, "tier_rank": 0 });
    step(&club, "once", 0, 5_000, gone).await;
    club.bench.product("other", 1_000).await;
    club.bench
        .policy("other", "foreign", json!({ "tier_rank": 7 }))
        .await;
    let member = club.member(json!({})).await;
    for (target, status, named) in [
        ("nothing", 404, "no such policy"),
        ("foreign", 400, "same product"),
        ("basic", 400, "already"),
        ("plain", 400, "tier_rank"),
        ("equal", 400, "tier_rank"),
        ("off", 400, "on sale"),
        ("once", 400, "sold once"),
    ] {
        let body = json!({ "license_key": member.key, "target_policy_slug": target });
        for path in [
            "/v1/upgrade-quote",
            "/v1/upgrade",
            "/v1/subscriptions/change",
        ] {
            let refused = club.bench.post(path, &body).await;
            assert_eq!(refused.status, status, "{path} {target}: {refused:?}");
            assert!(refused.text("message").contains(named), "{refused:?}");
        }
    }
    club.bench
        .sql("UPDATE subscription_cycles SET price_currency = 'USD'")
        .await;
    let mixed = club.ask(&member, "pro").await;
    let text = mixed.text("message");
    assert!(
        mixed.status == 400 && text.contains("USD") && text.contains("SAT"),
        "{text}"
    );
    for key in ["LIC1-AAAA-BBBB", "nonsense"] {
        let body = json!({ "license_key": key, "target_policy_slug": "pro" });
        let refused = club.bench.post("/v1/upgrade-quote", &body).await;
        assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
    }
}

#[tokio::test]
async fn a_comeback_is_paid_in_full() {
    let club = ladder(json!({ "grace_period_days": 0 })).await;
    let member = club.member(json!({})).await;
    club.until(40).await;
    assert_eq!(club.show(&member).await["state"], "lapsed");
    let id = club.upgrade_order(&member, "pro", 3_000).await;
    club.settle(&id).await;
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(70)));
    assert_eq!(club.seats(&member).await, is("pro", 5));
}

#[tokio::test]
async fn the_operator_changes_a_policy_for_nothing() {
    let club = ladder(json!({})).await;
    step(&club, "max", 3, 6_000, json!({ "public": false })).await;
    let member = club.member(json!({})).await;
    club.until(15).await;
    let open = club.upgrade_order(&member, "pro", 1_000).await;
    let path = format!("/v1/admin/licenses/{}/change-tier", member.license_id);
    let change = json!({ "to_policy_slug": "pro", "skip_payment": true, "reason": "a gift" });
    let changed = club.bench.operate("POST", &path, &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(club.seats(&member).await, is("pro", 5));
    assert_eq!(club.stands(&member).await, ("active".to_owned(), on(30)));
    assert_eq!(club.charge(&member).await, 3_000);
    club.settle(&open).await;
    assert_eq!(club.attention().await, ["upgrade_not_applied"]);
    let hidden = json!({ "to_policy_slug": "max", "skip_payment": true });
    club.bench.operate("POST", &path, &hidden).await;
    assert_eq!(club.seats(&member).await.0, "max");
    for (change, status) in [
        (
            json!({ "to_policy_slug": "max", "skip_payment": true }),
            400,
        ),
        (json!({ "to_policy_slug": "basic" }), 400),
        (
            json!({ "to_policy_slug": "none", "skip_payment": true }),
            404,
        ),
    ] {
        let refused = club.bench.operate("POST", &path, &change).await;
        assert_eq!(refused.status, status, "{change}: {refused:?}");
    }
}

#[tokio::test]
async fn whatever_database_call_of_an_upgrade_breaks_it_counts_once() {
    let mut counted = 0;
    break_every_call(6, async |call, fault| {
        let club = ladder(json!({})).await;
        let member = club.member(json!({})).await;
        club.until(15).await;
        club.bench.shop.database.break_call(call, fault);
        club.ask(&member, "pro").await;
        for made in club.pay.invoices() {
            // The one of the sale is paid.
            if club.pay.pay_in_full(&made.id).is_ok() {
                deliver(&club.bench, &club.pay, "InvoiceSettled", &made.id).await;
            }
        }
        club.bench.clock.advance(UNTIL_DUE);
        club.bench.tick().await;
        if club.bench.shop.database.mend() <= call {
            return false;
        }
        tick_until_quiet(&club.bench).await;
        let upgraded = club.pay.invoices().len() == 2;
        counted += usize::from(upgraded);
        let expected = if upgraded {
            is("pro", 5)
        } else {
            is("sync", 2)
        };
        let case = format!("call {call}, {fault:?}");
        assert_eq!(club.seats(&member).await, expected, "{case}");
        assert_eq!(
            club.stands(&member).await,
            ("active".to_owned(), on(30)),
            "{case}"
        );
        let done = "SELECT count(*) FROM tier_changes WHERE state = 'done'";
        let told = "SELECT count(*) FROM events WHERE event_type = 'license.tier_changed'";
        for count in [done, told] {
            assert_eq!(
                club.bench.number(count).await,
                i64::from(upgraded),
                "{case}"
            );
        }
        assert!(club.attention().await.is_empty(), "{case}");
        true
    })
    .await;
    assert!(counted >= 3, "only {counted} broken upgrades were paid");
}
