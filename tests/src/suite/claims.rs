//! What a transaction's hash tells, and the proof that gives its license to the
//! wallet that paid.

use super::cases;
use super::floor::{poll, text};
use super::usdc::{priced, tick, until};
use crate::hosts::{Answer, Instance, WALLET};
use crate::polygon::Wallet;
use crate::shop::CLIENT_ADDRESS_HEADER;
use http::Method;
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Contract, Fault, Payment};
use serde_json::{Value, json};

cases![
    from_pending_to_confirmed,
    claimed_by_the_wallet_that_paid,
    claimed_by_a_contract_wallet,
    nothing_without_a_proof,
    claimed_for_a_file,
    bad_requests,
    too_many_questions,
    an_outage_is_no_answer alone,
];

/// Buys a product of one's own for this case, and pays from this wallet in the
/// next block, which is not made yet; answers the order and the transaction.
async fn pays(instance: &Instance, slug: &str, wallet: Address) -> (String, Hash) {
    priced(instance, slug, "USD", 900).await;
    tick(instance).await;
    let wanted = json!({ "product": slug, "rail": "usdc" });
    let bought = instance.api.post("/v1/purchase", &wanted).await.ok();
    let units = bought["usdc"]["amount_units"].as_u64().expect("an amount");
    let to = WALLET.parse().expect("an address");
    let payment = Payment::usdc(wallet, to, u128::from(units));
    (text(&bought, "invoice_id"), instance.chain.pay(payment))
}

/// The same, paid and settled; answers what the order's page shows, too.
async fn paid(instance: &Instance, slug: &str, wallet: Address) -> (Value, Hash) {
    let (order, hash) = pays(instance, slug, wallet).await;
    instance.chain.mine(1);
    until(instance, &order, "paid").await;
    (poll(instance, &order).await, hash)
}

async fn ask(instance: &Instance, hash: impl std::fmt::Display) -> Answer {
    instance.api.get(&format!("/v1/license/{hash}")).await
}

/// A challenge: its nonce and its message.
async fn challenged(instance: &Instance, hash: Hash, wallet: Address) -> (String, String) {
    let path = format!("/v1/license/{hash}/challenge");
    let body = json!({ "wallet": wallet.to_string() });
    let opened = instance.api.post(&path, &body).await.ok();
    (text(&opened, "nonce"), text(&opened, "message"))
}

async fn claim(instance: &Instance, hash: Hash, nonce: &str, signature: &str) -> Answer {
    let path = format!("/v1/license/{hash}/claim");
    let body = json!({ "nonce": nonce, "signature": signature });
    instance.api.post(&path, &body).await
}

async fn from_pending_to_confirmed(instance: &Instance) {
    let wallet = Wallet::named("claims pending").address();
    let (order, hash) = pays(instance, "claims-pending", wallet).await;
    // A block of another case may hold it already; it is not read yet.
    let pending = ask(instance, hash).await;
    assert_eq!(pending.status, 202, "{}", pending.text());
    assert_eq!(pending.header("retry-after"), "15");
    assert_eq!(pending.json()["status"], "pending");
    instance.chain.mine(1);
    until(instance, &order, "paid").await;
    let confirmed = ask(instance, hash).await;
    assert_eq!(confirmed.header("cache-control"), "no-store");
    let json = confirmed.json();
    assert_eq!((confirmed.status, &json["claimable"]), (200, &json!(true)));
    assert_eq!(json["payments"][0]["payer"], wallet.to_string());
    assert_eq!(
        json["payments"][0]["amount_display"].as_str().map(str::len),
        Some(8)
    );
    // Nothing in it opens anything.
    let sold = poll(instance, &order).await;
    let told = confirmed.text();
    for secret in [
        "license_key",
        "token",
        "license_id",
        "download_id",
        "invoice_id",
        "order_id",
    ] {
        assert!(!told.contains(&text(&sold, secret)), "{secret}: {told}");
    }
    ask(instance, Hash::from_bytes([0xfe; 32]))
        .await
        .is_unknown();
}

impl Answer {
    /// Checks for the answer about a transaction that paid nobody here.
    fn is_unknown(&self) {
        assert_eq!(self.status, 404, "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], "not_found");
        assert_eq!(
            (&json["ok"], &json["error"]),
            (&json!(false), &json!("not_found"))
        );
    }
}

async fn claimed_by_the_wallet_that_paid(instance: &Instance) {
    let wallet = Wallet::named("claims good");
    let (sold, hash) = paid(instance, "claims-good", wallet.address()).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let (nonce, message) = challenged(instance, hash, wallet.address()).await;
        let host = instance.api.base_url().trim_start_matches("http://");
        assert!(
            message.starts_with(&format!("{host} wants you to sign in")),
            "{message}"
        );
        let signature = wallet.sign(&message);
        let claimed = claim(instance, hash, &nonce, &signature).await.ok();
        let license = &claimed["licenses"][0];
        for member in [
            "license_key",
            "token",
            "license_id",
            "download_id",
            "product_id",
        ] {
            assert_eq!(license[member], sold[member], "{member}");
        }
        assert_eq!(license["product"], "claims-good");
        tokens.push(text(license, "token"));
        let again = claim(instance, hash, &nonce, &signature).await;
        again.is_error(403, "challenge_expired");
    }
    assert_eq!(tokens[0], tokens[1]);
}

async fn claimed_by_a_contract_wallet(instance: &Instance) {
    let wallet = Address::from_bytes([0xc1; 20]);
    let (sold, hash) = paid(instance, "claims-contract", wallet).await;
    let (nonce, _) = challenged(instance, hash, wallet).await;
    let signature = format!("0x{}", "5a".repeat(97));
    instance.chain.contract(wallet, Contract::Reverts);
    let refused = claim(instance, hash, &nonce, &signature).await;
    refused.is_error(403, "wrong_signature");
    instance
        .chain
        .contract(wallet, Contract::Accepts(vec![0x5a; 97]));
    let claimed = claim(instance, hash, &nonce, &signature).await.ok();
    assert_eq!(claimed["licenses"][0]["token"], sold["token"]);
}

async fn nothing_without_a_proof(instance: &Instance) {
    let wallet = Wallet::named("claims wary");
    let (_, hash) = paid(instance, "claims-wary", wallet.address()).await;
    let (nonce, message) = challenged(instance, hash, wallet.address()).await;
    let thief = Wallet::named("claims thief");
    for signature in [
        thief.sign(&message),
        wallet.sign("other"),
        "0x00".to_owned(),
    ] {
        let refused = claim(instance, hash, &nonce, &signature).await;
        refused.is_error(403, "wrong_signature");
    }
    let unread = claim(instance, hash, &nonce, "signed").await;
    unread.is_error(400, "bad_request");
    let unknown = claim(instance, hash, "guessed", &wallet.sign(&message)).await;
    unknown.is_error(403, "challenge_expired");
    let path = format!("/v1/license/{hash}/challenge");
    let other = json!({ "wallet": thief.address().to_string() });
    let refused = instance.api.post(&path, &other).await;
    refused.is_error(404, "not_found");
    // One's own wallet needs no naming.
    let opened = instance.api.post(&path, &json!({})).await.ok();
    assert_eq!(opened["wallet"], wallet.address().to_string());
}

async fn claimed_for_a_file(instance: &Instance) {
    let wallet = Wallet::named("claims file");
    let sha256 = "5e".repeat(32);
    let body = json!({
        "binary_sha256": sha256, "wallet_address": wallet.address().to_string(),
    });
    let refused = instance.api.post("/v1/claim/challenge", &body).await;
    refused.is_error(403, "never_paid");
    paid(instance, "claims-file", wallet.address()).await;
    let mut answers = Vec::new();
    let mut claim = body.clone();
    for _ in 0..2 {
        let opened = instance.api.post("/v1/claim/challenge", &body).await.ok();
        claim["nonce"] = opened["nonce"].clone();
        claim["signature"] = wallet.sign(&text(&opened, "message")).into();
        answers.push(instance.api.post("/v1/claim", &claim).await.ok());
    }
    assert_eq!(answers[0]["status"], "ok");
    assert_eq!(answers[0], answers[1]);
    let used = instance.api.post("/v1/claim", &claim).await;
    used.is_error(403, "challenge_expired");
    let path = format!("claims?wallet={}", wallet.address());
    let listed = instance.api.admin(Method::GET, &path, &Value::Null).await;
    let listed = listed.ok();
    assert_eq!(
        listed["claims"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    assert_eq!(listed["claims"][0]["binary_sha256"], sha256);
    assert_eq!(listed["claims"][0]["claimed_at"], answers[0]["claimed_at"]);
}

async fn bad_requests(instance: &Instance) {
    let hash = Hash::from_bytes([0xbd; 32]);
    for wrong in ["x", "0x", &hash.to_string()[..65], "..%2f..%2fetc%2fpasswd"] {
        ask(instance, wrong).await.is_error(400, "bad_request");
    }
    let unprocessable = "unprocessable_entity";
    for (path, body, status, code) in [
        (
            format!("/v1/license/{hash}/challenge"),
            json!({}),
            404,
            "not_found",
        ),
        (
            format!("/v1/license/{hash}/challenge"),
            json!({ "wallet": "0x1" }),
            400,
            "bad_request",
        ),
        (
            format!("/v1/license/{hash}/challenge"),
            json!({ "wallet": 1 }),
            422,
            unprocessable,
        ),
        (
            format!("/v1/license/{hash}/claim"),
            json!({}),
            422,
            unprocessable,
        ),
        (
            "/v1/claim/challenge".to_owned(),
            json!({}),
            422,
            unprocessable,
        ),
        (
            "/v1/claim/challenge".to_owned(),
            json!({ "binary_sha256": "order-index", "wallet_address": WALLET }),
            400,
            "bad_request",
        ),
        (
            "/v1/claim".to_owned(),
            json!({
                "binary_sha256": "ab".repeat(32), "wallet_address": "../data",
                "nonce": "x", "signature": "0x00",
            }),
            400,
            "bad_request",
        ),
        (
            "/v1/claim".to_owned(),
            json!({ "binary_sha256": "x" }),
            422,
            unprocessable,
        ),
    ] {
        let answer = instance.api.post(&path, &body).await;
        answer.is_error(status, code);
    }
    let other = instance.api.get("/v1/claim").await;
    other.is_error(405, "method_not_allowed");
}

/// Ten at once, then one every six seconds.
async fn too_many_questions(instance: &Instance) {
    let hash = Hash::from_bytes([0x70; 32]);
    let ask_of_one = || {
        let request = instance
            .api
            .request(Method::GET, &format!("/v1/license/{hash}"));
        let request = request.header(CLIENT_ADDRESS_HEADER, "203.0.113.78");
        instance.api.send(request)
    };
    let asked = super::races::at_once(30, |_| ask_of_one()).await;
    let mut answered = 0;
    for answer in &asked {
        if answer.status == 429 {
            answer.is_error(429, "rate_limited");
            assert!(!answer.header("retry-after").is_empty());
        } else {
            answer.is_unknown();
            answered += 1;
        }
    }
    assert!((10..=20).contains(&answered), "{answered}");
}

/// Clears the faults of the endpoint, also of a case that failed.
struct Mended<'a>(&'a Instance);

impl Drop for Mended<'_> {
    fn drop(&mut self) {
        self.0.rpc.clear();
    }
}

async fn an_outage_is_no_answer(instance: &Instance) {
    let wallet = Wallet::named("claims outage").address();
    let (order, hash) = pays(instance, "claims-outage", wallet).await;
    let mended = Mended(instance);
    for fault in [
        Fault::Cut,
        Fault::Status(502),
        Fault::Truncate,
        Fault::ChainId(1),
    ] {
        instance.rpc.fault(fault);
        let away = ask(instance, hash).await;
        away.is_error(503, "chain_unavailable");
        instance.rpc.clear();
    }
    assert!(!instance.log().contains("secret-key"));
    drop(mended);
    instance.chain.mine(1);
    until(instance, &order, "paid").await;
    assert_eq!(ask(instance, hash).await.status, 200);
}
