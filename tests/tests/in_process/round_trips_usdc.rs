//! What the routes of payments in USDC cost, for the table of
//! [`crate::round_trips`].

use crate::bench::{Bench, raw_request, signed_in};
use crate::round_trips::Row;
use crate::usdc_shop::{order, priced, try_tick};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Chain, Payment};
use keywright_tests::polygon::Wallet;
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Value, json};

fn send(method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = raw_request(method, path, "application/json", body.to_string());
    signed_in(request)
}

/// A payment in the next block, and a tick that reads it.
async fn paid(bench: &Bench, chain: &Chain, to: Address, units: u128) -> Hash {
    let payer = Wallet::named("round trips").address();
    let hash = chain.pay(Payment::usdc(payer, to, units));
    chain.mine(1);
    assert_eq!(try_tick(bench).await.status, 200);
    hash
}

/// A signed proof for a claim, over the challenge of this path.
async fn proof(bench: &Bench, path: &str, mut body: Value) -> Value {
    let opened = bench.post(path, &body).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let signature = Wallet::named("round trips").sign(&opened.text("message"));
    body["nonce"] = opened.text("nonce").into();
    body["signature"] = signature.into();
    body
}

/// The rows, and what they need beforehand.
pub(crate) async fn rows(bench: &Bench, chain: &Chain) -> Vec<Row> {
    priced(bench, "paid-on-chain", 500).await;
    assert_eq!(try_tick(bench).await.status, 200);
    let bought = order(bench, "paid-on-chain").await;
    let hash = paid(bench, chain, bought.address, bought.units).await;
    let other = order(bench, "paid-on-chain").await;
    paid(bench, chain, other.address, other.units + 20_000).await;
    let left = bench
        .sql("SELECT id FROM chain_transfers WHERE state = 'unmatched'")
        .await;
    let left = left[0]["id"].as_str().expect("an id").to_owned();
    let license = format!("/v1/license/{hash}");
    let claimed = proof(bench, &format!("{license}/challenge"), json!({})).await;
    let file = json!({
        "binary_sha256": "ab".repeat(32),
        "wallet_address": Wallet::named("round trips").address().to_string(),
    });
    let filed = proof(bench, "/v1/claim/challenge", file.clone()).await;
    let post = |path: &str, body: &Value| send(Method::POST, path, body);
    let get = |path: &str| send(Method::GET, path, &json!({}));
    let tick = Request::post("/v1/cron/watch")
        .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
        .body(Body::empty());
    vec![
        ("/v1/license/{tx_hash}", get(&license), 1),
        // The limit, the payments, and the challenge.
        (
            "/v1/license/{tx_hash}/challenge",
            post(&format!("{license}/challenge"), &json!({})),
            3,
        ),
        // The limit, the challenge, the payments, the signature, and its use.
        (
            "/v1/license/{tx_hash}/claim",
            post(&format!("{license}/claim"), &claimed),
            5,
        ),
        ("/v1/claim/challenge", post("/v1/claim/challenge", &file), 3),
        // The limit, the challenge, and the record.
        ("/v1/claim", post("/v1/claim", &filed), 3),
        ("/v1/admin/claims", get("/v1/admin/claims"), 1),
        (
            "/v1/admin/transfers",
            get("/v1/admin/transfers?state=unmatched"),
            1,
        ),
        (
            "/v1/admin/transfers/{id}/resolve",
            post(
                &format!("/v1/admin/transfers/{left}/resolve"),
                &json!({ "resolution": "ignored" }),
            ),
            2,
        ),
        ("/v1/admin/transactions", get("/v1/admin/transactions"), 1),
        (
            "/v1/purchase/{invoice_id}/qr.svg",
            get(&format!("/v1/purchase/{}/qr.svg", bench.opener(&other.id))),
            1,
        ),
        // Where reading stands, what is watched, what waits to be judged, and whose time
        // is over.
        ("/v1/cron/watch", tick.expect("a request"), 4),
        // How far the chain was read, and the work.
        ("/v1/admin/chain", get("/v1/admin/chain"), 2),
        (
            "/v1/admin/chain/rereads",
            post(
                "/v1/admin/chain/rereads",
                &json!({ "first_block": 1, "last_block": 2 }),
            ),
            1,
        ),
        (
            "/v1/admin/chain/transactions",
            post(
                "/v1/admin/chain/transactions",
                &json!({ "tx_hash": hash.to_string() }),
            ),
            1,
        ),
        (
            "/v1/admin/chain/cursor",
            post("/v1/admin/chain/cursor", &json!({ "block": 1 })),
            1,
        ),
    ]
}
