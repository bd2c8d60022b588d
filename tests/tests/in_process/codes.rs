//! The uses of discount codes over time: reserved, used, released, and used
//! after all.

use crate::bench::{Answer, Bench, NOW, UNTIL_DUE, played_store};
use crate::payments::{deliver, issued, poll};
use keywright_btcpay_double::{ApiState, BtcPay, MarkAs};
use keywright_domain::money::{Currency, Price};
use keywright_domain::order::{OrderIdentity, OrderSecret};
use keywright_domain::rail::ProviderKind;
use keywright_domain::recent_orders::OrderOrigin;
use keywright_native_host::after;
use keywright_store::sales::invoices::{OrderDraft, OrderRefusal, create_pending};
use keywright_store::sales::redemptions::Reservation;
use serde_json::{Value, json};

/// Buys with a code.
pub(crate) async fn buy_with(bench: &Bench, product: &str, code: &str) -> Answer {
    let order = json!({ "product": product, "code": code });
    bench.post("/v1/purchase", &order).await
}

/// What the buyer of an exhausted code is answered.
pub(crate) fn is_exhausted(answer: &Answer) -> bool {
    answer.status == 400 && answer.text("message").contains("used up")
}

/// How often a code counts as used, and how many of its redemptions are
/// reserved, used and released.
pub(crate) async fn uses(bench: &Bench, code: &str) -> [i64; 4] {
    let count = format!("SELECT used_count FROM discount_codes WHERE code = '{code}'");
    let state = |state: &str| {
        format!(
            "SELECT count(*) FROM redemptions r JOIN discount_codes c ON c.id = r.code_id
             WHERE c.code = '{code}' AND r.state = '{state}'"
        )
    };
    [
        bench.number(&count).await,
        bench.number(&state("reserved")).await,
        bench.number(&state("used")).await,
        bench.number(&state("released")).await,
    ]
}

/// Every code counts its reserved and used redemptions; a redemption is used
/// exactly when its order settled, and told of once.
pub(crate) async fn assert_uses_add_up(bench: &Bench, case: &str) {
    for (what, sql) in [
        (
            "a count is wrong",
            "SELECT * FROM discount_codes c WHERE used_count <>
               (SELECT count(*) FROM redemptions r
                WHERE r.code_id = c.id AND r.state <> 'released')",
        ),
        (
            "a redemption and its order disagree",
            "SELECT * FROM redemptions r JOIN invoices i ON i.id = r.invoice_id
             WHERE (r.state = 'used') <> (i.status = 'settled')
                OR (r.state = 'reserved' AND i.status <> 'pending')
                OR (r.state = 'reserved') <> (r.ended_at IS NULL)
                OR r.discount_sats <> i.base_price_sats - i.amount_sats",
        ),
        (
            "a use is told of wrongly",
            "SELECT r.* FROM redemptions r WHERE (r.state = 'used') <>
               (SELECT count(*) FROM events e WHERE e.event_type = 'code.redeemed'
                AND e.data ->> 'redemption_id' = r.id)",
        ),
        (
            "an order has a code's price and no redemption",
            "SELECT * FROM invoices i WHERE i.amount_sats < i.base_price_sats
             AND NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.invoice_id = i.id)",
        ),
    ] {
        assert_eq!(bench.sql(sql).await, [], "{case}: {what}");
    }
}

async fn shop() -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    (pay, bench)
}

#[tokio::test]
async fn a_paid_use_is_reserved_then_used_and_told_of_once() {
    let (pay, bench) = shop().await;
    let code_id = bench.code("SAVE", json!({ "max_uses": 3 })).await;
    let bought = buy_with(&bench, "demo", " save ").await;
    let answer = bought.json();
    assert_eq!(
        (
            &answer["base_price_sats"],
            &answer["discount_applied_sats"],
            &answer["amount_sats"]
        ),
        (&json!(50_000), &json!(5_000), &json!(45_000))
    );
    let btcpay_id = bought.text("btcpay_invoice_id");
    let there = pay.invoice(&btcpay_id).expect("an invoice");
    assert_eq!(there.amount.to_string(), "0.00045000");
    assert_eq!(uses(&bench, "SAVE").await, [1, 1, 0, 0]);
    pay.pay_in_full(&btcpay_id).expect("a payment");
    for _ in 0..2 {
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        assert_eq!(uses(&bench, "SAVE").await, [1, 0, 1, 0]);
    }
    let invoice_id = bought.text("order_id");
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(progress["amount_sats"], 45_000);
    let events = bench
        .sql("SELECT data FROM events WHERE event_type = 'code.redeemed'")
        .await;
    assert_eq!(events.len(), 1);
    let data: Value =
        serde_json::from_str(events[0]["data"].as_str().expect("a text")).expect("JSON");
    let redemption = bench.sql("SELECT id FROM redemptions").await[0]["id"].clone();
    let product_id = progress["product_id"].clone();
    assert_eq!(
        data,
        json!({
            "redemption_id": redemption, "code_id": code_id, "code": "SAVE",
            "license_id": progress["license_id"], "product_id": product_id,
            "invoice_id": invoice_id, "discount_applied_sats": 5_000,
            "base_price_sats": 50_000, "final_price_sats": 45_000, "price_currency": "SAT",
            "discount_applied_value": 5_000, "base_price_value": 50_000,
            "final_price_value": 45_000,
        })
    );
    assert_eq!(bench.number("SELECT amount FROM receipts").await, 45_000);
    assert_uses_add_up(&bench, "settled").await;
}

#[tokio::test]
async fn nothing_to_pay_needs_no_payment_provider_and_is_no_invoice_of_one_sat() {
    let bench = Bench::new();
    bench.product("demo", 50_000).await;
    for (code, members) in [
        ("WHOLE", json!({ "amount": 10_000 })),
        ("FIXED", json!({ "kind": "fixed_sats", "amount": 50_000 })),
        ("MORE", json!({ "kind": "fixed_sats", "amount": 50_001 })),
        ("FREE", json!({ "kind": "free_license" })),
    ] {
        bench.code(code, members).await;
        let bought = buy_with(&bench, "demo", code).await;
        assert_eq!(bought.status, 200, "{code}: {bought:?}");
        let answer = bought.json();
        assert_eq!(
            (&answer["amount_sats"], &answer["discount_applied_sats"]),
            (&json!(0), &json!(50_000)),
            "{code}"
        );
        assert_eq!(answer["checkout_url"], "", "{code}");
        bench.verified(&bought.text("license_key"));
        let progress = poll(&bench, &bought.text("invoice_id")).await;
        assert_eq!(progress["license_key"], answer["license_key"], "{code}");
        assert_eq!(uses(&bench, code).await, [1, 0, 1, 0], "{code}");
    }
    assert_eq!(issued(&bench).await, [4; 4]);
    assert_uses_add_up(&bench, "free").await;
    // One sat left to pay is to be paid.
    bench
        .code("NEARLY", json!({ "kind": "set_price", "amount": 1 }))
        .await;
    let answer = buy_with(&bench, "demo", "NEARLY").await;
    assert_eq!(answer.refusal(), (503, "btcpay_not_configured".to_owned()));
    assert_eq!(uses(&bench, "NEARLY").await, [0; 4]);
}

#[tokio::test]
async fn an_end_without_payment_gives_the_use_back_and_late_money_takes_it_again() {
    for ending in ["InvoiceExpired", "InvoiceInvalid"] {
        let (pay, bench) = shop().await;
        bench.code("ONE", json!({ "max_uses": 1 })).await;
        let first = buy_with(&bench, "demo", "ONE").await;
        let btcpay_id = first.text("btcpay_invoice_id");
        assert!(is_exhausted(&buy_with(&bench, "demo", "ONE").await));
        if ending == "InvoiceExpired" {
            pay.expire(&btcpay_id).expect("an end");
        } else {
            pay.mark(&btcpay_id, MarkAs::Invalid).expect("a mark");
        }
        for _ in 0..2 {
            deliver(&bench, &pay, ending, &btcpay_id).await;
            assert_eq!(uses(&bench, "ONE").await, [0, 0, 0, 1], "{ending}");
        }
        // Somebody else gets it.
        let second = buy_with(&bench, "demo", "ONE").await;
        assert_eq!(second.status, 200, "{second:?}");
        let other_id = second.text("btcpay_invoice_id");
        pay.pay_in_full(&other_id).expect("a payment");
        deliver(&bench, &pay, "InvoiceSettled", &other_id).await;
        assert_eq!(uses(&bench, "ONE").await, [1, 0, 1, 1], "{ending}");
        // And then the vendor accepts the first one's money after all.
        pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
        for _ in 0..2 {
            deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
            assert_eq!(uses(&bench, "ONE").await, [2, 0, 2, 0], "{ending}");
        }
        let progress = poll(&bench, &first.text("invoice_id")).await;
        bench.verified(progress["license_key"].as_str().expect("a key"));
        assert!(is_exhausted(&buy_with(&bench, "demo", "ONE").await));
        assert_uses_add_up(&bench, ending).await;
    }
}

#[tokio::test]
async fn a_definite_refusal_of_the_store_gives_the_use_back_at_once() {
    let (pay, bench) = shop().await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    pay.fail_next(1, 403);
    let refused = buy_with(&bench, "demo", "ONE").await;
    assert_eq!(refused.refusal(), (502, "upstream_error".to_owned()));
    assert_eq!(uses(&bench, "ONE").await, [0, 0, 0, 1]);
    assert_eq!(buy_with(&bench, "demo", "ONE").await.status, 200);
    assert_uses_add_up(&bench, "refused").await;
}

#[tokio::test]
async fn an_order_without_an_invoice_gives_the_use_back_when_it_is_closed() {
    let (pay, bench) = shop().await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    pay.api(ApiState::Refused);
    let failed = buy_with(&bench, "demo", "ONE").await;
    assert_eq!(failed.refusal(), (502, "upstream_error".to_owned()));
    pay.api(ApiState::Up);
    bench.clock.advance(UNTIL_DUE);
    assert_eq!(bench.tick().await.json()["closed"], 0);
    assert_eq!(uses(&bench, "ONE").await, [1, 1, 0, 0], "it may turn up");
    bench.clock.advance(900);
    let report = bench.tick().await.json();
    assert_eq!(
        (&report["closed"], &report["released"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(uses(&bench, "ONE").await, [0, 0, 0, 1]);
    assert_uses_add_up(&bench, "closed").await;
}

/// The store is away for long: nobody can say whether it has the invoice. The
/// use is given back, the order stays, and its money is honoured.
#[tokio::test]
async fn a_reservation_that_nobody_can_ask_about_is_released_after_half_an_hour() {
    let (pay, bench) = shop().await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    pay.lose_create_answers(1);
    pay.fail_after(1, 1, 503);
    let failed = buy_with(&bench, "demo", "ONE").await;
    assert_eq!(failed.refusal(), (502, "upstream_error".to_owned()));
    pay.api(ApiState::Refused);
    bench.clock.advance(1_800);
    assert_eq!(
        bench.tick().await.json()["released"],
        0,
        "a second too early"
    );
    assert_eq!(uses(&bench, "ONE").await, [1, 1, 0, 0]);
    bench.clock.advance(1);
    assert_eq!(bench.tick().await.json()["released"], 1);
    assert_eq!(bench.tick().await.json()["released"], 0);
    assert_eq!(uses(&bench, "ONE").await, [0, 0, 0, 1]);
    let entries = bench
        .sql("SELECT * FROM audit WHERE action = 'redemption.release'")
        .await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["actor"], "renew");
    assert_eq!(entries[0]["object_kind"], "redemption");
    assert_eq!(
        entries[0]["object_id"],
        bench.sql("SELECT id FROM redemptions").await[0]["id"]
    );
    assert_eq!(entries[0]["before"], "{\"state\":\"reserved\"}");
    assert!(
        entries[0]["after"]
            .as_str()
            .is_some_and(|after| after.contains("\"released\"")),
        "{entries:?}"
    );
    assert_eq!(
        bench.sql("SELECT status FROM invoices").await[0]["status"],
        "pending"
    );
    // The store is back, and has the invoice.
    pay.api(ApiState::Up);
    let btcpay_id = pay.invoices()[0].id.clone();
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench.clock.advance(3_600);
    assert_eq!(bench.tick().await.json()["settled"], 1);
    assert_eq!(uses(&bench, "ONE").await, [1, 0, 1, 0]);
    assert_eq!(issued(&bench).await, [1; 4]);
    assert_uses_add_up(&bench, "back").await;
}

#[tokio::test]
async fn a_tick_releases_twenty_the_oldest_first_and_leaves_those_with_an_invoice() {
    let (pay, bench) = shop().await;
    bench.code("A", json!({})).await;
    bench.code("B", json!({})).await;
    assert_eq!(buy_with(&bench, "demo", "A").await.status, 200);
    pay.api(ApiState::Refused);
    for number in 0..25 {
        let code = if number % 2 == 0 { "A" } else { "B" };
        assert_eq!(buy_with(&bench, "demo", code).await.status, 502);
        bench.clock.advance(1);
    }
    assert_eq!(uses(&bench, "A").await, [14, 14, 0, 0]);
    assert_eq!(uses(&bench, "B").await, [12, 12, 0, 0]);
    bench.clock.advance(1_801);
    assert_eq!(bench.tick().await.json()["released"], 20);
    assert_eq!(uses(&bench, "A").await, [4, 4, 0, 10]);
    assert_eq!(uses(&bench, "B").await, [2, 2, 0, 10]);
    let newest = bench
        .number("SELECT max(reserved_at) FROM redemptions WHERE state = 'released'")
        .await;
    assert_eq!(newest, i64::try_from(NOW).expect("a time") + 19);
    assert_eq!(bench.tick().await.json()["released"], 5);
    assert_eq!(bench.tick().await.json()["released"], 0);
    assert_eq!(uses(&bench, "A").await, [1, 1, 0, 13], "one has an invoice");
    assert_eq!(uses(&bench, "B").await, [0, 0, 0, 12]);
    let entries = "SELECT count(DISTINCT object_id) FROM audit
                   WHERE action = 'redemption.release'";
    assert_eq!(bench.number(entries).await, 25);
    assert_uses_add_up(&bench, "reaped").await;
}

#[tokio::test]
async fn a_shop_without_a_provider_releases_too() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    pay.api(ApiState::Refused);
    assert_eq!(buy_with(&bench, "demo", "ONE").await.status, 502);
    bench.clock.advance(1_801);
    // The same database under a renew function that knows no store.
    let mut native = bench.shop.native.clone();
    for (name, _) in crate::bench::account_of(&pay) {
        native.config.remove(name);
    }
    let run = keywright_renew::FUNCTION.tick.expect("a tick");
    run(native.host(&keywright_renew::FUNCTION), after())
        .await
        .expect("a run");
    assert_eq!(uses(&bench, "ONE").await, [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_code_ends_on_its_second() {
    let bench = Bench::new();
    bench.product("demo", 50_000).await;
    bench
        .code(
            "SOON",
            json!({ "kind": "free_license", "expires_at": "2027-01-15T08:01:00Z" }),
        )
        .await;
    bench.clock.advance(59);
    assert_eq!(buy_with(&bench, "demo", "SOON").await.status, 200);
    bench.clock.advance(1);
    let late = buy_with(&bench, "demo", "SOON").await;
    assert_eq!(late.refusal(), (400, "bad_request".to_owned()));
    assert!(late.text("message").contains("expired"), "{late:?}");
    assert_eq!(uses(&bench, "SOON").await, [1, 0, 1, 0]);
}

/// What is read before the order may be old by the time it is written: the
/// statement decides.
#[tokio::test]
async fn the_statement_that_reserves_knows_every_limit() {
    let (_pay, bench) = shop().await;
    let host = bench.shop.native.host(&keywright_purchase::FUNCTION);
    let database = host.database().expect("granted");
    let product_id = bench.sql("SELECT id FROM products").await[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let now = i64::try_from(NOW).expect("a time");
    for (number, (change, placed)) in [
        ("active = 1", Ok(())),
        ("active = 0", Err(OrderRefusal::CodeUsedUp)),
        (
            "active = 1, expires_at = 1800000000",
            Err(OrderRefusal::CodeUsedUp),
        ),
        ("expires_at = 1800000001", Ok(())),
        ("max_uses = 2", Err(OrderRefusal::CodeUsedUp)),
        ("max_uses = 3", Ok(())),
        ("max_uses = NULL", Ok(())),
    ]
    .into_iter()
    .enumerate()
    {
        if number == 0 {
            bench.code("CODE", json!({})).await;
        }
        bench
            .sql(&format!("UPDATE discount_codes SET {change}"))
            .await;
        let before = bench.dump().await;
        let secret = [u8::try_from(number).expect("a byte"); 32];
        let invoice = OrderDraft {
            identity: OrderIdentity {
                id: format!("invoice-{number}"),
                secret: OrderSecret::from_random(secret),
            },
            product_id: product_id.clone(),
            policy_id: None,
            price: Price::new(Currency::Sat, 1).expect("a price"),
            base: Price::new(Currency::Sat, 2).expect("a price"),
            terms: keywright_domain::terms::Terms::default(),
            buyer_email: None,
            buyer_note: None,
            payment_provider_id: None,
            purpose: keywright_store::subscriptions::order_link::OrderPurpose::Sale,
            reservation: Some(Reservation {
                id: format!("redemption-{number}"),
                code_id: bench.sql("SELECT id FROM discount_codes").await[0]["id"]
                    .as_str()
                    .expect("an id")
                    .to_owned(),
            }),
        };
        let outcome = create_pending(
            &database,
            &invoice,
            ProviderKind::Btcpay,
            &OrderOrigin::of(None),
            now,
            now + 120,
        )
        .await;
        assert_eq!(outcome, Ok(placed), "{change}");
        if placed.is_err() {
            assert_eq!(bench.dump().await, before, "{change} left a trace");
        }
    }
    assert_eq!(uses(&bench, "CODE").await, [4, 4, 0, 0]);
}
