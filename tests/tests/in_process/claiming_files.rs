//! Which wallet was claimed for which file: only one that proves itself and
//! paid, once for each pair, and written nowhere but into the database.

use crate::bench::{Answer, json_request};
use crate::claiming::{Paid, another, listed};
use crate::races::at_once;
use crate::usdc_shop::Market;
use axum::body::Body;
use http::{Method, Request};
use keywright_native_host::Fault;
use keywright_tests::polygon::Wallet;
use serde_json::{Value, json};
use std::sync::Arc;

/// The body of a claim for this file, signed by this wallet.
async fn proof(market: &Market, wallet: &Wallet, sha256: &str) -> Value {
    let mut body = json!({
        "binary_sha256": sha256, "wallet_address": wallet.address().to_string(),
    });
    let challenge = market.bench.post("/v1/claim/challenge", &body).await;
    assert_eq!(challenge.status, 200, "{challenge:?}");
    let message = challenge.text("message");
    assert!(message.contains(sha256), "{message}");
    body["nonce"] = challenge.text("nonce").into();
    body["signature"] = wallet.sign(&message).into();
    body
}

async fn claim(market: &Market, body: &Value) -> Answer {
    market.bench.post("/v1/claim", body).await
}

#[tokio::test]
async fn a_pair_is_recorded_once_and_listed() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let (one, two) = ("ab".repeat(32), "cd".repeat(32));
    let first = claim(market, &proof(market, &paid.wallet, &one).await).await;
    assert_eq!(first.status, 200, "{first:?}");
    let first = first.json();
    assert_eq!(first["status"], "ok");
    assert_eq!(first["wallet_address"], paid.wallet.address().to_string());
    market.bench.clock.advance(3_600);
    // In capitals, and an hour later: the same record.
    let mut again = proof(market, &paid.wallet, &one).await;
    again["binary_sha256"] = one.to_uppercase().into();
    again["wallet_address"] = paid.wallet.address().lower().into();
    assert_eq!(claim(market, &again).await.json(), first);
    assert_eq!(
        market
            .bench
            .number("SELECT count(*) FROM wallet_claims")
            .await,
        1
    );
    let audit = "SELECT count(*) FROM audit WHERE action = 'wallet_claim.create'";
    assert_eq!(market.bench.number(audit).await, 1);
    let bert = Wallet::named("bert");
    another(market, &bert).await;
    market.bench.clock.advance(60);
    claim(market, &proof(market, &bert, &one).await).await;
    market.bench.clock.advance(60);
    claim(market, &proof(market, &bert, &two).await).await;
    let all = listed(market, "").await;
    let claims = all["claims"].as_array().expect("a list");
    let pairs: Vec<_> = claims
        .iter()
        .map(|claim| {
            (
                claim["wallet_address"].clone(),
                claim["binary_sha256"].clone(),
            )
        })
        .collect();
    let (anna, bert) = (
        json!(paid.wallet.address().to_string()),
        json!(bert.address().to_string()),
    );
    assert_eq!(
        pairs,
        [
            (bert.clone(), json!(two)),
            (bert.clone(), json!(one)),
            (anna.clone(), json!(one)),
        ]
    );
    assert_eq!(claims[2]["claimed_at"], first["claimed_at"]);
    let count = |page: &Value| page["claims"].as_array().map(Vec::len);
    let of_bert = format!("?wallet={}", bert.as_str().expect("text"));
    assert_eq!(count(&listed(market, &of_bert).await), Some(2));
    let of_one = format!("?binary_sha256={}", one.to_uppercase());
    assert_eq!(count(&listed(market, &of_one).await), Some(2));
    let page = listed(market, "?limit=2").await;
    assert_eq!(count(&page), Some(2));
    let next = page["next_cursor"].as_str().expect("a cursor");
    let rest = listed(market, &format!("?limit=2&cursor={next}")).await;
    assert_eq!(rest["claims"], json!([claims[2]]));
    assert_eq!(rest["next_cursor"], Value::Null);
    for wrong in ["?wallet=0x12", "?limit=0", "?limit=1001", "?cursor=x"] {
        let path = format!("/v1/admin/claims{wrong}");
        let answer = market.bench.operate("GET", &path, &json!(null)).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

/// An older server wrote a file wherever wallet and hash led, for anybody.
#[tokio::test]
async fn nothing_is_recorded_without_a_proof() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let sha256 = "ab".repeat(32);
    let thief = Wallet::named("thief");
    let good = proof(market, &paid.wallet, &sha256).await;
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let message = "anything".to_owned();
    for (body, status) in [
        (with("signature", thief.sign(&message).into()), 403),
        (with("signature", "0x00".into()), 403),
        (with("nonce", "0".into()), 403),
        (
            with("wallet_address", thief.address().to_string().into()),
            403,
        ),
        (with("binary_sha256", "cd".repeat(32).into()), 403),
        (with("signature", "none".into()), 400),
        (with("nonce", Value::Null), 422),
        (
            json!({ "binary_sha256": sha256, "wallet_address": paid.wallet.address().to_string() }),
            422,
        ),
        // What the older server wrote files with.
        (with("wallet_address", "../data".into()), 400),
        (with("binary_sha256", "order-index".into()), 400),
        (with("binary_sha256", "é".repeat(32).into()), 400),
    ] {
        let request = json_request(Method::POST, "/v1/claim", &body);
        let answer = market.bench.send(request).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        market.bench.clock.advance(6);
    }
    assert_eq!(
        market
            .bench
            .number("SELECT count(*) FROM wallet_claims")
            .await,
        0
    );
    assert_eq!(claim(market, &good).await.status, 200);
    assert_eq!(
        claim(market, &good).await.refusal(),
        (403, "challenge_expired".to_owned())
    );
}

#[tokio::test]
async fn a_wallet_that_never_paid_is_not_recorded() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let sha256 = "ab".repeat(32);
    let stranger = Wallet::named("stranger");
    let body = json!({
        "binary_sha256": sha256, "wallet_address": stranger.address().to_string(),
    });
    let refused = market.bench.post("/v1/claim/challenge", &body).await;
    assert_eq!(refused.refusal(), (403, "never_paid".to_owned()));
    // Nor one whose payment vanished between the challenge and the claim.
    let proof = proof(market, &paid.wallet, &sha256).await;
    market
        .bench
        .sql("UPDATE chain_transfers SET state = 'reorged', was = 'credited'")
        .await;
    let refused = claim(market, &proof).await;
    assert_eq!(refused.refusal(), (403, "never_paid".to_owned()));
    assert_eq!(
        market
            .bench
            .number("SELECT count(*) FROM wallet_claims")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_once_a_pair_is_recorded_once() {
    let paid = Arc::new(Paid::new().await);
    let sha256 = "ab".repeat(32);
    let mut proofs = Vec::new();
    for _ in 0..5 {
        proofs.push(proof(&paid.market, &paid.wallet, &sha256).await);
    }
    paid.market.bench.clock.advance(60);
    let claims = proofs.into_iter().map(|proof| {
        let paid = paid.clone();
        async move { claim(&paid.market, &proof).await.json() }
    });
    let answers = at_once(claims).await;
    assert!(answers.iter().all(|one| one == &answers[0]), "{answers:?}");
    assert_eq!(answers[0]["status"], "ok");
    let bench = &paid.market.bench;
    assert_eq!(bench.number("SELECT count(*) FROM wallet_claims").await, 1);
    let audit = "SELECT count(*) FROM audit WHERE action = 'wallet_claim.create'";
    assert_eq!(bench.number(audit).await, 1);
}

#[tokio::test]
async fn a_claim_that_breaks_off_is_whole_or_not_there() {
    let whole = Paid::new().await;
    let body = proof(&whole.market, &whole.wallet, &"ab".repeat(32)).await;
    let database = &whole.market.bench.shop.database;
    database.count_anew();
    assert_eq!(claim(&whole.market, &body).await.status, 200);
    let calls = database.calls();
    for call in 0..calls {
        for fault in [Fault::Before, Fault::After] {
            let paid = Paid::new().await;
            let (market, what) = (&paid.market, format!("call {call} {fault:?}"));
            let sha256 = "ab".repeat(32);
            let body = proof(market, &paid.wallet, &sha256).await;
            market.bench.shop.database.break_call(call, fault);
            let broken = claim(market, &body).await;
            assert_eq!(broken.status, 500, "{what}");
            market.bench.shop.database.mend();
            let records = "SELECT count(*) FROM wallet_claims";
            let entries = "SELECT count(*) FROM audit WHERE action = 'wallet_claim.create'";
            let written = market.bench.number(records).await;
            assert_eq!(market.bench.number(entries).await, written, "{what}");
            let is_last = call == calls - 1 && fault == Fault::After;
            assert_eq!(written, i64::from(is_last), "{what}");
            // With the same proof where it was not used, else with another one.
            let again = if is_last {
                proof(market, &paid.wallet, &sha256).await
            } else {
                body
            };
            assert_eq!(claim(market, &again).await.status, 200, "{what}");
            assert_eq!(market.bench.number(records).await, 1, "{what}");
            assert_eq!(market.bench.number(entries).await, 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_claim_that_is_sent_again_is_answered_again() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let body = proof(market, &paid.wallet, &"ab".repeat(32)).await;
    let send = || {
        let request = Request::post("/v1/claim")
            .header("content-type", "application/json")
            .header("idempotency-key", "one-long-enough-key")
            .body(Body::from(body.to_string()));
        market.bench.send(request.expect("a request"))
    };
    let first = send().await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = send().await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(again.headers["idempotent-replayed"], "true");
}
