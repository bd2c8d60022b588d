//! Discount codes under many requests at once, on four threads: a code is never
//! used more often than it may be, and a use is given back once. Where buyers
//! race for the last uses, each has seen them left before any takes one.

use crate::bench::{Answer, Bench, UNTIL_DUE, json_request, played_store, signed_in};
use crate::codes::{assert_uses_add_up, buy_with, is_exhausted, uses};
use crate::payments::{body_of, deliver, delivery_of, issued, tick_until_quiet};
use crate::races::at_once;
use http::Method;
use keywright_btcpay_double::{ApiState, MarkAs};
use serde_json::{Value, json};
use std::sync::Arc;

/// Sends the same body to a path so many times at once.
pub(crate) async fn posts(
    bench: &Arc<Bench>,
    count: usize,
    path: &'static str,
    body: Value,
) -> Vec<Answer> {
    let requests = (0..count).map(|_| {
        let (bench, body) = (bench.clone(), body.clone());
        async move { bench.post(path, &body).await }
    });
    at_once(requests).await
}

/// The answers that were 200; the others have to be of exhausted codes.
fn accepted(answers: &[Answer]) -> Vec<&Answer> {
    let (good, refused): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.status == 200);
    for answer in refused {
        assert!(is_exhausted(answer), "{answer:?}");
    }
    good
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_free_uses_are_ten_licenses() {
    for (path, kind) in [("/v1/purchase", "percent"), ("/v1/redeem", "free_license")] {
        let bench = Arc::new(Bench::new());
        bench.product("demo", 50_000).await;
        bench
            .code(
                "TEN",
                json!({ "kind": kind, "amount": 10_000, "max_uses": 10 }),
            )
            .await;
        let order = json!({ "product": "demo", "code": "TEN" });
        bench.shop.database.gather(240);
        let answers = posts(&bench, 240, path, order).await;
        let sold = accepted(&answers);
        assert_eq!(sold.len(), 10, "{path}");
        for answer in sold {
            bench.verified(&answer.text("license_key"));
        }
        assert_eq!(uses(&bench, "TEN").await, [10, 0, 10, 0], "{path}");
        assert_eq!(issued(&bench).await, [10; 4], "{path}");
        assert_eq!(bench.number("SELECT count(*) FROM invoices").await, 10);
        assert_uses_add_up(&bench, path).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_paid_uses_are_ten_orders() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.code("TEN", json!({ "max_uses": 10 })).await;
    let order = json!({ "product": "demo", "code": "TEN" });
    bench.shop.database.gather(240);
    let answers = posts(&bench, 240, "/v1/purchase", order).await;
    let ordered = accepted(&answers);
    assert_eq!(ordered.len(), 10);
    assert_eq!(pay.invoices().len(), 10);
    assert_eq!(uses(&bench, "TEN").await, [10, 10, 0, 0]);
    for answer in ordered {
        let btcpay_id = answer.text("btcpay_invoice_id");
        pay.pay_in_full(&btcpay_id).expect("a payment");
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    }
    assert_eq!(uses(&bench, "TEN").await, [10, 0, 10, 0]);
    assert_eq!(issued(&bench).await, [10; 4]);
    assert_uses_add_up(&bench, "paid").await;
}

/// Who comes too late for a featured discount is sold at the full price, never
/// refused for a code they did not send.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_featured_uses_are_ten_discounts() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.policy("demo", "pro", json!({})).await;
    bench
        .code("TEN", json!({ "max_uses": 10, "featured": true }))
        .await;
    let order = json!({ "product": "demo", "policy_slug": "pro" });
    bench.shop.database.gather(200);
    let answers = posts(&bench, 200, "/v1/purchase", order).await;
    let prices: Vec<Value> = answers
        .iter()
        .map(|answer| answer.json()["amount_sats"].clone())
        .collect();
    let at = |price: i64| prices.iter().filter(|paid| **paid == price).count();
    assert_eq!((at(45_000), at(50_000)), (10, 190));
    assert_eq!(uses(&bench, "TEN").await, [10, 10, 0, 0]);
    assert_uses_add_up(&bench, "featured").await;
}

/// One use, held by an order that ends. Deliveries, ticks and buyers who want
/// it come at once: it is given back once, and one of them gets it at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_use_is_given_back_once() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    for round in 0..3 {
        let held = buy_with(&bench, "demo", "ONE").await;
        assert_eq!(held.status, 200, "round {round}: {held:?}");
        let btcpay_id = held.text("btcpay_invoice_id");
        pay.expire(&btcpay_id).expect("an end");
        let body = body_of(&pay, "InvoiceExpired", &btcpay_id);
        bench.clock.advance(UNTIL_DUE);
        let requests = (0..240).map(|number| {
            let (bench, body) = (bench.clone(), body.clone());
            async move {
                match number % 3 {
                    0 => bench.send(delivery_of(body)).await,
                    1 => {
                        // Due again, four times: less than the five minutes after
                        // which an unpaid use may be taken over.
                        if number % 72 == 1 {
                            bench.clock.advance(61);
                        }
                        bench.tick().await
                    }
                    _ => buy_with(&bench, "demo", "ONE").await,
                }
            }
        });
        let answers = at_once(requests).await;
        let bought: Vec<String> = answers
            .iter()
            .filter_map(|answer| Some(answer.json()["btcpay_invoice_id"].as_str()?.to_owned()))
            .collect();
        assert!(bought.len() <= 1, "round {round}: {bought:?}");
        for answer in &answers {
            assert!(answer.status == 200 || is_exhausted(answer), "{answer:?}");
        }
        let [count, reserved, ..] = uses(&bench, "ONE").await;
        assert_eq!(
            [count, reserved],
            [i64::try_from(bought.len()).expect("a number"); 2]
        );
        assert_uses_add_up(&bench, "given back").await;
        // Room for the next round.
        for btcpay_id in bought {
            pay.expire(&btcpay_id).expect("an end");
            deliver(&bench, &pay, "InvoiceExpired", &btcpay_id).await;
        }
    }
}

/// The store changes its mind while deliveries of both are under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_that_disagree_leave_one_use() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.code("ONE", json!({ "max_uses": 1 })).await;
    let held = buy_with(&bench, "demo", "ONE").await;
    let btcpay_id = held.text("btcpay_invoice_id");
    pay.expire(&btcpay_id).expect("an end");
    let expired = body_of(&pay, "InvoiceExpired", &btcpay_id);
    let marked = Arc::new(pay);
    let requests = (0..200).map(|number| {
        let (bench, pay) = (bench.clone(), marked.clone());
        let (body, btcpay_id) = (expired.clone(), btcpay_id.clone());
        async move {
            if number == 100 {
                pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
            }
            bench.send(delivery_of(body)).await.status
        }
    });
    assert_eq!(at_once(requests).await, [200; 200]);
    deliver(&bench, &marked, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(uses(&bench, "ONE").await, [1, 0, 1, 0]);
    assert_eq!(issued(&bench).await, [1; 4]);
    assert_uses_add_up(&bench, "disagreeing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_ticks_release_each_forgotten_use_once() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.code("MANY", json!({})).await;
    pay.api(ApiState::Refused);
    for _ in 0..50 {
        assert_eq!(buy_with(&bench, "demo", "MANY").await.status, 502);
    }
    assert_eq!(uses(&bench, "MANY").await, [50, 50, 0, 0]);
    bench.clock.advance(1_801);
    let ticks = (0..20).map(|_| {
        let bench = bench.clone();
        async move { bench.tick().await.json()["released"].as_u64() }
    });
    let released: u64 = at_once(ticks).await.into_iter().flatten().sum();
    assert_eq!(released, 50);
    assert_eq!(uses(&bench, "MANY").await, [0, 0, 0, 50]);
    let entries = "SELECT count(*) FROM audit WHERE action = 'redemption.release'";
    assert_eq!(bench.number(entries).await, 50);
    pay.api(ApiState::Up);
    tick_until_quiet(&bench).await;
    assert_eq!(uses(&bench, "MANY").await, [0, 0, 0, 50]);
    assert_uses_add_up(&bench, "reaped").await;
}

/// The operator lowers the limit while buyers use the code.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_limit_is_never_lowered_below_what_was_used() {
    let bench = Arc::new(Bench::new());
    bench.product("demo", 50_000).await;
    let free = json!({ "kind": "free_license", "max_uses": 200 });
    let id = bench.code("FREE", free).await;
    let path = format!("/v1/admin/discount-codes/{id}");
    let requests = (0..200).map(|number| {
        let (bench, path) = (bench.clone(), path.clone());
        async move {
            if number % 4 == 0 {
                let body = json!({ "max_uses": 1 + number / 4 });
                let request = signed_in(json_request(Method::PATCH, &path, &body));
                let answer = bench.send(request).await;
                assert!(matches!(answer.status, 200 | 400), "{answer:?}");
                0
            } else {
                let answer = buy_with(&bench, "demo", "FREE").await;
                assert!(answer.status == 200 || is_exhausted(&answer), "{answer:?}");
                i64::from(answer.status == 200)
            }
        }
    });
    let sold: i64 = at_once(requests).await.into_iter().sum();
    let [count, _, used, _] = uses(&bench, "FREE").await;
    assert_eq!([count, used], [sold; 2]);
    let above = "SELECT count(*) FROM discount_codes WHERE used_count > max_uses";
    assert_eq!(bench.number(above).await, 0);
    assert_uses_add_up(&bench, "lowered").await;
}

/// A code is deleted while buyers use it: either it goes unused or it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_deleted_unused_or_not_at_all() {
    for round in 0..10 {
        let bench = Arc::new(Bench::new());
        bench.product("demo", 50_000).await;
        let id = bench.code("FREE", json!({ "kind": "free_license" })).await;
        let path = format!("/v1/admin/discount-codes/{id}");
        let requests = (0..12).map(|number| {
            let (bench, path) = (bench.clone(), path.clone());
            async move {
                if number == round {
                    let request = signed_in(json_request(Method::DELETE, &path, &json!({})));
                    return (true, bench.send(request).await.status);
                }
                (false, buy_with(&bench, "demo", "FREE").await.status)
            }
        });
        let answers = at_once(requests).await;
        let deleted = answers.contains(&(true, 200));
        assert!(deleted || answers.contains(&(true, 409)), "{answers:?}");
        let sold = answers
            .iter()
            .filter(|answer| **answer == (false, 200))
            .count();
        assert_eq!(deleted, sold == 0, "{answers:?}");
        assert_eq!(
            deleted,
            answers
                .iter()
                .all(|answer| matches!(answer, (true, 200) | (false, 400)))
        );
        let left = bench.number("SELECT count(*) FROM discount_codes").await;
        assert_eq!(left, i64::from(!deleted));
        assert_uses_add_up(&bench, "deleted").await;
    }
}

/// A code of 10.00 off where 30 % are featured: it is shown and sold at the better price,
/// in every currency, and keeps its uses.
#[tokio::test]
async fn a_typed_code_never_costs_more_than_the_featured_discount() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    for currency in ["USD", "EUR", "SAT"] {
        let slug = currency.to_lowercase();
        let product =
            json!({ "slug": slug, "name": slug, "price_currency": currency, "price_value": 4_900 });
        let made = bench.operate("POST", "/v1/admin/products", &product).await;
        assert_eq!(made.status, 200, "{made:?}");
        bench.policy(&slug, "pro", json!({})).await;
        let named = |kind: &str| format!("{kind}-{currency}");
        let of_product = |members: Value| {
            let mut all = json!({ "product_slug": slug, "max_uses": 1 });
            let members = members.as_object().expect("members").clone();
            all.as_object_mut().expect("an object").extend(members);
            all
        };
        let fixed = |amount: i64| {
            let fixed =
                json!({ "kind": "fixed_sats", "amount": amount, "discount_currency": currency });
            of_product(fixed)
        };
        let launch = json!({ "amount": 3_000, "featured": true, "max_uses": null });
        bench.code(&named("LAUNCH"), of_product(launch)).await;
        bench.code(&named("TENOFF"), fixed(1_000)).await;
        bench.code(&named("BETTER"), fixed(1_471)).await;
        let free = json!({ "kind": "free_license" });
        bench.code(&named("GIFT"), of_product(free)).await;
        for (code, applied, price) in [
            ("TENOFF", "LAUNCH", 3_430),
            ("BETTER", "BETTER", 3_429),
            ("LAUNCH", "LAUNCH", 3_430),
            ("GIFT", "GIFT", 0),
        ] {
            let (typed, applied) = (named(code), named(applied));
            let says = format!("{applied} already gives you a better price");
            let path =
                format!("/v1/discount-codes/preview?code={typed}&product={slug}&policy_slug=pro");
            let shown = bench.get(&path).await.json();
            assert_eq!(shown["final_price_value"], price, "{shown}");
            assert_eq!(shown["applied_code"], applied, "{shown}");
            assert_eq!(
                shown["message"] == says.as_str(),
                typed != applied,
                "{shown}"
            );
            // With one policy for sale, the policy need not be named.
            for mut order in [json!({ "policy_slug": "pro" }), json!({})] {
                order["product"] = slug.clone().into();
                order["code"] = typed.clone().into();
                let bought = bench.post("/v1/purchase", &order).await;
                if typed == applied && order["policy_slug"].is_null() && code != "LAUNCH" {
                    assert!(is_exhausted(&bought), "{bought:?}");
                    continue;
                }
                let bought = bought.json();
                assert_eq!(bought["price_value"], price, "{bought}");
                assert_eq!(bought["discount_code"], applied, "{bought}");
                let why = bought.get("discount_message").cloned();
                assert_eq!(why, (typed != applied).then(|| json!(says)), "{bought}");
            }
        }
        assert_eq!(uses(&bench, &named("TENOFF")).await, [0; 4]);
        assert_eq!(uses(&bench, &named("LAUNCH")).await[0], 4);
    }
}

/// Once the last use of the featured code is gone, the typed codes count.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_for_the_featured_use_leaves_the_typed_code_its_uses() {
    let pay = played_store();
    let bench = Arc::new(Bench::paid_through(&pay));
    bench.product("demo", 50_000).await;
    bench.policy("demo", "pro", json!({})).await;
    let launch = json!({ "amount": 3_000, "max_uses": 3, "featured": true });
    bench.code("LAUNCH", launch).await;
    bench.code("TEN", json!({ "max_uses": 4 })).await;
    let order = json!({ "product": "demo", "policy_slug": "pro", "code": "TEN" });
    bench.shop.database.gather(20);
    let answers = posts(&bench, 20, "/v1/purchase", order).await;
    let paid = |price: i64| {
        let at = |answer: &&Answer| answer.status == 200 && answer.json()["amount_sats"] == price;
        answers.iter().filter(at).count()
    };
    assert_eq!((paid(35_000), paid(45_000)), (3, 4));
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .all(is_exhausted)
    );
    assert_eq!(uses(&bench, "LAUNCH").await[0], 3);
    assert_eq!(uses(&bench, "TEN").await[0], 4);
    assert_uses_add_up(&bench, "raced").await;
}
