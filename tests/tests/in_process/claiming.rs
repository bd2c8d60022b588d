//! A transaction's hash is public: what it tells, and what it takes to be given
//! the license that it paid for.

use crate::bench::Answer;
use crate::races::at_once;
use crate::usdc_shop::{BUYER, Market, Ordered, chain, configuration, order, priced};
use axum::body::Body;
use http::Request;
use keywright_ports::name;
use keywright_providers::polygon::token::BRIDGED_USDC_POLYGON;
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Contract, Fault, Payment};
use keywright_tests::polygon::Wallet;
use serde_json::{Value, json};
use std::sync::Arc;

/// Seconds of a year and a day.
const LATER: u64 = 366 * 86_400;

/// A shop, a buyer with a wallet, an order that it paid, and the transaction.
pub(crate) struct Paid {
    pub(crate) market: Market,
    pub(crate) wallet: Wallet,
    pub(crate) order: Ordered,
    pub(crate) hash: Hash,
}

impl Paid {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(config: &[(&'static str, &str)]) -> Self {
        let market = Market::over(1, config).await;
        let wallet = Wallet::named("buyer");
        let order = market.order().await;
        let payment = Payment::usdc(wallet.address(), order.address, order.units);
        let hash = market.chain.pay(payment);
        market.minute().await;
        Self {
            market,
            wallet,
            order,
            hash,
        }
    }
}

/// Asks about a transaction.
async fn ask(market: &Market, hash: impl std::fmt::Display) -> Answer {
    market.bench.get(&format!("/v1/license/{hash}")).await
}

/// Asks for a challenge.
async fn challenge(market: &Market, hash: Hash, body: &Value) -> Answer {
    let path = format!("/v1/license/{hash}/challenge");
    market.bench.post(&path, body).await
}

/// A challenge: its nonce and its message.
async fn challenged(market: &Market, hash: Hash, wallet: Address) -> (String, String) {
    let body = json!({ "wallet": wallet.to_string() });
    let answer = challenge(market, hash, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.text("nonce"), answer.text("message"))
}

async fn claim(market: &Market, hash: Hash, nonce: &str, signature: &str) -> Answer {
    let path = format!("/v1/license/{hash}/claim");
    let body = json!({ "nonce": nonce, "signature": signature });
    market.bench.post(&path, &body).await
}

/// The whole way of a buyer; answers the one license.
async fn claimed(market: &Market, hash: Hash, wallet: &Wallet) -> Value {
    let (nonce, message) = challenged(market, hash, wallet.address()).await;
    let answer = claim(market, hash, &nonce, &wallet.sign(&message)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["licenses"].as_array().map(Vec::len), Some(1), "{json}");
    json["licenses"][0].clone()
}

/// An older server told a payment that was not in a block yet as unknown, so
/// that its page gave up waiting, and took the zeros off the payer's address.
#[tokio::test]
async fn a_payment_goes_from_unknown_over_pending_to_confirmed() {
    let market = Market::open().await;
    market.chain.finality(20);
    let order = market.order().await;
    let hash = market.pay_order(&order);
    // In no block yet.
    let waiting = ask(&market, hash).await;
    assert_eq!(waiting.status, 202, "{waiting:?}");
    assert_eq!(waiting.headers["retry-after"], "15");
    let json = waiting.json();
    assert_eq!(json["status"], "pending");
    assert_eq!(json["retry_after"], 15);
    assert_eq!(json["block_number"], Value::Null);
    // In a block that is not final.
    market.chain.mine(1);
    market.tick().await;
    let pending = ask(&market, hash).await.json();
    let block = market.chain.block_of(hash);
    assert_eq!(pending["block_number"].as_u64(), block);
    assert_eq!(challenge(&market, hash, &json!({})).await.status, 404);
    market.minute().await;
    let confirmed = ask(&market, hash).await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let json = confirmed.json();
    assert_eq!(json["status"], "confirmed");
    assert_eq!(json["claimable"], true);
    assert_eq!(json["payments"][0]["state"], "credited");
    // The payer keeps its zeros and shows its checksum.
    assert_eq!(json["payments"][0]["payer"], BUYER.to_string());
    let units = i64::try_from(order.units).expect("an amount");
    assert_eq!(json["payments"][0]["amount_units"], units);
    // Again, in any case: the same, and the chain is not asked.
    let calls = market.endpoints[0].calls().len();
    let upper = format!("0x{}", hash.to_string()[2..].to_uppercase());
    assert_eq!(ask(&market, upper).await.json(), json);
    assert_eq!(market.endpoints[0].calls().len(), calls);
}

/// An older server took the hash for a credential, which everybody can look up
/// on an explorer of the chain.
#[tokio::test]
async fn whoever_knows_the_hash_gets_no_license() {
    let paid = Paid::new().await;
    let sold = crate::payments::poll(&paid.market.bench, &paid.order.id).await;
    let told = ask(&paid.market, paid.hash).await;
    let text = String::from_utf8(told.body.to_vec()).expect("text");
    for secret in ["license_key", "token", "license_id", "download_id"] {
        let value = sold[secret].as_str().expect("a secret");
        assert!(!text.contains(value), "{secret} is in {text}");
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    assert!(!text.contains(&paid.order.id), "{text}");
}

#[tokio::test]
async fn the_older_behaviour_is_there_for_those_who_ask_for_it() {
    let paid = Paid::with(&[(name::LEGACY_TX_CLAIMS, "1")]).await;
    let sold = crate::payments::poll(&paid.market.bench, &paid.order.id).await;
    let json = ask(&paid.market, paid.hash).await.json();
    assert_eq!(json["license_key"], sold["license_key"]);
    assert_eq!(json["token"], sold["token"]);
    assert_eq!(json["product_id"], "demo");
    assert_eq!(json["customer_ref"], paid.wallet.address().lower());
    for other in ["0", "false", "yes"] {
        let configured = configuration(&paid.market.endpoints);
        let mut config: Vec<_> = configured.iter().map(|(n, v)| (*n, v.as_str())).collect();
        config.push((name::LEGACY_TX_CLAIMS, other));
        let bench = paid.market.bench.redeployed(&config);
        let json = bench
            .get(&format!("/v1/license/{}", paid.hash))
            .await
            .json();
        assert_eq!(json["status"], "confirmed");
        assert_eq!(json.get("license_key"), None, "{other}");
    }
}

/// An older server opened a file that was named by the hash, wherever that led,
/// and handed it to a program as an argument.
#[tokio::test]
async fn a_hash_is_read_strictly_and_leads_to_no_file() {
    let market = Market::open().await;
    let good = "ab".repeat(32);
    for hash in [
        "..%2f..%2f.first-live-transaction-marker",
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fhostname",
        "--help",
        "0x",
        &good,
        &format!("0x{}", &good[1..]),
        &format!("0x{good}0"),
        &format!("0x{}", "zz".repeat(32)),
        &format!("0x{good}%00"),
        "0x%ff",
    ] {
        let answer = ask(&market, hash).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{hash}");
        for route in ["challenge", "claim"] {
            let path = format!("/v1/license/{hash}/{route}");
            let body = json!({ "nonce": "x", "signature": "0x00" });
            assert_eq!(market.bench.post(&path, &body).await.status, 400, "{path}");
        }
    }
    assert_eq!(market.endpoints[0].count("eth_getTransactionReceipt"), 0);
}

/// An older server told an outage as an unknown payment.
#[tokio::test]
async fn an_outage_is_never_told_as_an_unknown_payment() {
    let market = Market::over(2, &[]).await;
    let order = market.order().await;
    let hash = market.pay_order(&order);
    for fault in [
        Fault::Cut,
        Fault::Status(502),
        Fault::Truncate,
        Fault::Refuse(-32_000, "not now".to_owned()),
        Fault::ChainId(80_002),
        Fault::Status(429),
    ] {
        for endpoint in &market.endpoints {
            endpoint.fault(fault.clone());
        }
        let away = ask(&market, hash).await;
        let refusal = (503, "chain_unavailable".to_owned());
        assert_eq!(away.refusal(), refusal, "{fault:?}");
        // One that answers is enough.
        market.endpoints[1].clear();
        assert_eq!(ask(&market, hash).await.status, 202, "{fault:?}");
        market.endpoints[0].clear();
        market.bench.clock.advance(60);
    }
    assert!(
        !market.bench.log().contains("secret-key"),
        "{}",
        market.bench.log()
    );
    let unknown = ask(&market, Hash::from_bytes([7; 32])).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["status"], "not_found");
    assert_eq!(unknown.json()["error"], "not_found");
    assert_eq!(unknown.json()["ok"], false);
}

#[tokio::test]
async fn what_pays_nobody_here_is_unknown() {
    let market = Market::open().await;
    let order = market.order().await;
    let stranger = Address::from_bytes([0x99; 20]);
    let to_a_stranger = market.pay(stranger, 5);
    let other_token = market.chain.pay(Payment {
        token: stranger,
        ..Payment::usdc(BUYER, order.address, 5)
    });
    let bridged = market.chain.pay(Payment {
        token: BRIDGED_USDC_POLYGON,
        ..Payment::usdc(BUYER, order.address, order.units)
    });
    market.chain.mine(1);
    for hash in [to_a_stranger, other_token] {
        assert_eq!(ask(&market, hash).await.status, 404, "{hash}");
    }
    assert_eq!(ask(&market, bridged).await.status, 202);
    market.minute().await;
    for hash in [to_a_stranger, other_token] {
        assert_eq!(ask(&market, hash).await.status, 404, "{hash}");
    }
    let wrong = ask(&market, bridged).await.json();
    assert_eq!(wrong["claimable"], false);
    assert_eq!(wrong["payments"][0]["reason"], "wrong_token");
    // One that failed, whatever the endpoint tells of its log.
    let payment = Payment::usdc(BUYER, order.address, order.units);
    let in_vain = market.chain.pay_in_vain(payment);
    market.chain.mine(1);
    assert_eq!(ask(&market, in_vain).await.status, 404);
}

/// An older server started a program for every question.
#[tokio::test]
async fn looking_up_is_limited_and_what_is_recorded_is_not() {
    let paid = Paid::new().await;
    let unknown = Hash::from_bytes([9; 32]);
    let ask_of_one = async || {
        let request = Request::get(format!("/v1/license/{unknown}"))
            .header("x-forwarded-for", "203.0.113.9")
            .body(Body::empty());
        let bench = &paid.market.bench;
        bench.send(request.expect("a request")).await
    };
    for _ in 0..10 {
        assert_eq!(ask_of_one().await.status, 404);
    }
    let calls = paid.market.endpoints[0].calls().len();
    let refused = ask_of_one().await;
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(paid.market.endpoints[0].calls().len(), calls);
    for _ in 0..100 {
        assert_eq!(ask(&paid.market, paid.hash).await.status, 200);
    }
    // So are all callers together.
    let mut answered = 0;
    for number in 0..100 {
        let status = ask(&paid.market, Hash::from_bytes([100 + number; 32])).await;
        answered += u32::from(status.status == 404);
    }
    assert_eq!(answered, 50);
    paid.market.bench.clock.advance(60);
    assert_eq!(ask(&paid.market, unknown).await.status, 404);
}

#[tokio::test]
async fn the_wallet_that_paid_is_given_the_license_whenever_it_asks() {
    let paid = Paid::new().await;
    let sold = crate::payments::poll(&paid.market.bench, &paid.order.id).await;
    let first = claimed(&paid.market, paid.hash, &paid.wallet).await;
    for member in ["license_key", "token", "license_id", "download_id"] {
        assert_eq!(first[member], sold[member], "{member}");
    }
    assert_eq!(first["product"], "demo");
    paid.market
        .bench
        .verified(sold["license_key"].as_str().expect("a key"));
    // The term begins with the payment: asking later gives the same.
    paid.market.bench.clock.advance(LATER);
    assert_eq!(claimed(&paid.market, paid.hash, &paid.wallet).await, first);
}

/// An older server began the term anew with every request.
#[tokio::test]
async fn a_license_ends_a_term_after_the_payment_however_often_it_is_claimed() {
    let market = Market::open().await;
    let year = 365 * 86_400;
    let policy = json!({ "duration_seconds": year });
    market.bench.policy("demo", "yearly", policy).await;
    let wallet = Wallet::named("yearly");
    let body = json!({ "product": "demo", "rail": "usdc", "policy_slug": "yearly" });
    let ordered = market.bench.post("/v1/purchase", &body).await.json();
    let usdc = &ordered["usdc"];
    let units = u128::from(usdc["amount_units"].as_u64().expect("an amount"));
    let to = usdc["address"].as_str().expect("an address");
    let to = to.parse().expect("an address");
    let hash = market.chain.pay(Payment::usdc(wallet.address(), to, units));
    market.minute().await;
    let first = claimed(&market, hash, &wallet).await;
    assert_ne!(first["expires_at"], Value::Null);
    for _ in 0..3 {
        market.bench.clock.advance(100 * 86_400);
        let again = claimed(&market, hash, &wallet).await;
        assert_eq!(again["token"], first["token"]);
        assert_eq!(again["expires_at"], first["expires_at"]);
    }
}

/// The order of the curve secp256k1 less a number, both of 32 bytes.
fn negated(number: &[u8]) -> Vec<u8> {
    let order = data_encoding::HEXLOWER
        .decode(b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
        .expect("32 bytes");
    let (mut left, mut borrow) = (vec![0; 32], 0);
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(number[at]) - borrow;
        borrow = i16::from(difference < 0);
        left[at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    left
}

#[tokio::test]
async fn a_proof_that_is_not_good_opens_nothing() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let (nonce, message) = challenged(market, paid.hash, paid.wallet.address()).await;
    let wrong = (403, "wrong_signature".to_owned());
    let thief = Wallet::named("thief");
    let good = paid.wallet.sign_bytes(&message);
    let text = |bytes: &[u8]| format!("0x{}", data_encoding::HEXLOWER.encode(bytes));
    // The same signature in its other form.
    let mut other_form = [&good[..32], &negated(&good[32..64]), &good[64..]].concat();
    other_form[64] = if good[64] == 27 { 28 } else { 27 };
    for signature in [
        thief.sign(&message),
        paid.wallet.sign(&format!("{message} ")),
        paid.wallet.sign(""),
        text(&other_form),
        text(&good[..64]),
        text(&[&good[..64], &[29]].concat()),
    ] {
        let answer = claim(market, paid.hash, &nonce, &signature).await;
        assert_eq!(answer.refusal(), wrong, "{signature}");
    }
    market.bench.clock.advance(60);
    for signature in ["", "0x", "signed", "0xabc"] {
        let answer = claim(market, paid.hash, &nonce, signature).await;
        assert_eq!(
            answer.refusal(),
            (400, "bad_request".to_owned()),
            "{signature}"
        );
    }
    market.bench.clock.advance(60);
    let expired = (403, "challenge_expired".to_owned());
    let signature = paid.wallet.sign(&message);
    let unknown = claim(market, paid.hash, &"0".repeat(32), &signature).await;
    assert_eq!(unknown.refusal(), expired);
    // None of it used the challenge up; using it does.
    assert_eq!(
        claim(market, paid.hash, &nonce, &signature).await.status,
        200
    );
    let again = claim(market, paid.hash, &nonce, &signature).await;
    assert_eq!(again.refusal(), expired);
    // Ten minutes and not one second more.
    for (seconds, status) in [(600, 200), (601, 403)] {
        market.bench.clock.advance(600);
        let (nonce, message) = challenged(market, paid.hash, paid.wallet.address()).await;
        market.bench.clock.advance(seconds);
        let signature = paid.wallet.sign(&message);
        let answer = claim(market, paid.hash, &nonce, &signature).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn a_challenge_is_for_one_transaction_and_one_purpose() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let order = market.order().await;
    let second = Payment::usdc(paid.wallet.address(), order.address, order.units);
    let second = market.chain.pay(second);
    market.minute().await;
    let (nonce, message) = challenged(market, paid.hash, paid.wallet.address()).await;
    let signature = paid.wallet.sign(&message);
    let expired = (403, "challenge_expired".to_owned());
    let answer = claim(market, second, &nonce, &signature).await;
    assert_eq!(answer.refusal(), expired);
    let body = json!({
        "binary_sha256": "ab".repeat(32), "wallet_address": paid.wallet.address().to_string(),
        "nonce": nonce, "signature": signature,
    });
    let answer = market.bench.post("/v1/claim", &body).await;
    assert_eq!(answer.refusal(), expired);
    assert!(message.contains(&paid.hash.to_string()), "{message}");
    assert!(
        message.starts_with("shop.test wants you to sign in"),
        "{message}"
    );
    assert_eq!(
        claim(market, paid.hash, &nonce, &signature).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_use_a_challenge_at_once_one_can() {
    let paid = Arc::new(Paid::new().await);
    let (nonce, message) = challenged(&paid.market, paid.hash, paid.wallet.address()).await;
    let signature = paid.wallet.sign(&message);
    let claims = (0..8).map(|_| {
        let (paid, nonce, signature) = (paid.clone(), nonce.clone(), signature.clone());
        async move {
            claim(&paid.market, paid.hash, &nonce, &signature)
                .await
                .status
        }
    });
    let mut statuses = at_once(claims).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403]);
}

#[tokio::test]
async fn a_contract_wallet_is_asked_whether_it_signed() {
    let market = Market::open().await;
    let order = market.order().await;
    let wallet = Address::from_bytes([0xcc; 20]);
    let hash = market
        .chain
        .pay(Payment::usdc(wallet, order.address, order.units));
    market.minute().await;
    let signature = vec![7; 130];
    let text = format!("0x{}", data_encoding::HEXLOWER.encode(&signature));
    let wrong = (403, "wrong_signature".to_owned());
    let (nonce, _) = challenged(&market, hash, wallet).await;
    // One that says no, one that refuses, one that says something else.
    for contract in [
        Contract::Accepts(vec![8; 130]),
        Contract::Reverts,
        Contract::Says(vec![1; 32]),
    ] {
        market.chain.contract(wallet, contract);
        let answer = claim(&market, hash, &nonce, &text).await;
        assert_eq!(answer.refusal(), wrong);
    }
    market.chain.contract(wallet, Contract::Accepts(signature));
    // An outage is no refusal, and the challenge can still be used.
    market.endpoints[0].fault(Fault::Cut);
    let away = claim(&market, hash, &nonce, &text).await;
    assert_eq!(away.refusal(), (503, "chain_unavailable".to_owned()));
    market.endpoints[0].clear();
    let answer = claim(&market, hash, &nonce, &text).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let sold = crate::payments::poll(&market.bench, &order.id).await;
    assert_eq!(answer.json()["licenses"][0]["token"], sold["token"]);
}

/// The payer has an account without a contract; one endpoint says that there is one,
/// and that it accepts whatever is signed.
#[tokio::test]
async fn one_endpoint_that_accepts_a_signature_gives_no_license_away() {
    let text = format!("0x{}", data_encoding::HEXLOWER.encode(&[7; 130]));
    for liar in 0..2 {
        // Equal but for the contract, which is on one of them only.
        let chains = [chain(), chain()];
        let market = Market::on(&chains, &[]).await;
        let order = market.order().await;
        let wallet = Wallet::named("buyer").address();
        let payment = Payment::usdc(wallet, order.address, order.units);
        let hashes = chains.clone().map(|chain| {
            let hash = chain.pay(payment);
            chain.mine(30);
            hash
        });
        assert_eq!(hashes[0], hashes[1]);
        market.bench.clock.advance(60);
        market.tick().await;
        assert_eq!(market.status(&order).await, "paid");
        chains[liar].contract(wallet, Contract::Accepts(vec![7; 130]));
        let (nonce, _) = challenged(&market, hashes[0], wallet).await;
        let refused = claim(&market, hashes[0], &nonce, &text).await;
        assert_eq!(refused.refusal(), (403, "wrong_signature".to_owned()));
        // Nor where the honest one is away.
        market.endpoints[1 - liar].fault(Fault::Cut);
        let away = claim(&market, hashes[0], &nonce, &text).await;
        assert_eq!(away.refusal(), (503, "chain_unavailable".to_owned()));
        // Where both say so it is true.
        market.endpoints[1 - liar].clear();
        chains[1 - liar].contract(wallet, Contract::Accepts(vec![7; 130]));
        let answer = claim(&market, hashes[0], &nonce, &text).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// A contract that says yes is asked only where there is one.
#[tokio::test]
async fn strangers_have_the_endpoints_asked_about_a_wallet_once_a_day() {
    let paid = Paid::new().await;
    let market = &paid.market;
    let thief = Wallet::named("thief");
    let wrong = (403, "wrong_signature".to_owned());
    let (nonce, message) = challenged(market, paid.hash, paid.wallet.address()).await;
    market.endpoints[0].forget_calls();
    for _ in 0..8 {
        let refused = claim(market, paid.hash, &nonce, &thief.sign(&message)).await;
        assert_eq!(refused.refusal(), wrong);
    }
    let asked = |method| market.endpoints[0].count(method);
    assert_eq!(market.endpoints[0].calls().len(), 2);
    assert_eq!((asked("eth_getCode"), asked("eth_call")), (1, 0));
    market.bench.clock.advance(86_401);
    let (nonce, message) = challenged(market, paid.hash, paid.wallet.address()).await;
    let refused = claim(market, paid.hash, &nonce, &thief.sign(&message)).await;
    assert_eq!(refused.refusal(), wrong);
    assert_eq!(asked("eth_getCode"), 2);
}

#[tokio::test]
async fn whoever_looks_up_made_up_hashes_keeps_no_contract_wallet_from_claiming() {
    let market = Market::open().await;
    let order = market.order().await;
    let wallet = Address::from_bytes([0xcc; 20]);
    let payment = Payment::usdc(wallet, order.address, order.units);
    let hash = market.chain.pay(payment);
    market.minute().await;
    market
        .chain
        .contract(wallet, Contract::Accepts(vec![7; 130]));
    let mut refused = 0;
    for number in 0..100 {
        let answer = ask(&market, Hash::from_bytes([number; 32])).await;
        refused += u32::from(answer.status == 429);
    }
    assert!(refused > 0);
    let (nonce, _) = challenged(&market, hash, wallet).await;
    let text = format!("0x{}", data_encoding::HEXLOWER.encode(&[7; 130]));
    let answer = claim(&market, hash, &nonce, &text).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn each_wallet_gets_what_it_paid_for_in_a_shared_transaction() {
    let market = Market::open().await;
    let (anna, bert) = (Wallet::named("anna"), Wallet::named("bert"));
    let orders = [
        market.order().await,
        market.order().await,
        market.order().await,
    ];
    let pays = |wallet: &Wallet, order: &Ordered| {
        Payment::usdc(wallet.address(), order.address, order.units)
    };
    let hash = market.chain.pay_together(&[
        pays(&anna, &orders[0]),
        pays(&bert, &orders[1]),
        pays(&anna, &orders[2]),
    ]);
    // More than one tick settles.
    market.minute().await;
    market.minute().await;
    let which = challenge(&market, hash, &json!({})).await;
    assert_eq!(which.refusal(), (400, "bad_request".to_owned()));
    let stranger = json!({ "wallet": Wallet::named("stranger").address().to_string() });
    assert_eq!(challenge(&market, hash, &stranger).await.status, 404);
    for (wallet, bought) in [(&anna, &[0, 2][..]), (&bert, &[1])] {
        let (nonce, message) = challenged(&market, hash, wallet.address()).await;
        let answer = claim(&market, hash, &nonce, &wallet.sign(&message)).await;
        let licenses = answer.json()["licenses"]
            .as_array()
            .expect("a list")
            .clone();
        assert_eq!(licenses.len(), bought.len());
        for (license, order) in licenses.iter().zip(bought) {
            let sold = crate::payments::poll(&market.bench, &orders[*order].id).await;
            assert_eq!(license["license_key"], sold["license_key"]);
        }
    }
}

#[tokio::test]
async fn without_a_license_in_force_there_is_nothing_to_claim() {
    let market = Market::open().await;
    let wallet = Wallet::named("buyer");
    let order = market.order().await;
    let under = Payment::usdc(wallet.address(), order.address, order.units - 10_000);
    let under = market.chain.pay(under);
    let good = market
        .chain
        .pay(Payment::usdc(wallet.address(), order.address, order.units));
    market.minute().await;
    let told = ask(&market, under).await.json();
    assert_eq!(told["claimable"], false, "{told}");
    assert_eq!(told["payments"][0]["state"], "unmatched");
    let missing = challenge(&market, under, &json!({})).await;
    assert_eq!(missing.refusal(), (404, "not_found".to_owned()));
    // With one, until it is revoked: also when the challenge was there before.
    let (nonce, message) = challenged(&market, good, wallet.address()).await;
    let license = crate::payments::poll(&market.bench, &order.id).await;
    let license = license["license_id"].as_str().expect("an id");
    let revoke = format!("/v1/admin/licenses/{license}/revoke");
    let revoked = market.bench.operate("POST", &revoke, &json!({})).await;
    assert_eq!(revoked.status, 200);
    let answer = claim(&market, good, &nonce, &wallet.sign(&message)).await;
    assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
    assert_eq!(challenge(&market, good, &json!({})).await.status, 404);
    assert_eq!(ask(&market, good).await.json()["claimable"], false);
}

#[tokio::test]
async fn the_operator_can_give_a_payment_its_license_and_the_payer_claims_it() {
    let market = Market::open().await;
    let wallet = Wallet::named("buyer");
    let order = market.order().await;
    let under = Payment::usdc(wallet.address(), order.address, order.units - 10_000);
    let hash = market.chain.pay(under);
    market.minute().await;
    let sql = "SELECT id FROM chain_transfers";
    let transfer = market.bench.sql(sql).await[0]["id"].clone();
    let path = format!(
        "/v1/admin/transfers/{}/resolve",
        transfer.as_str().expect("an id")
    );
    let body = json!({ "resolution": "settled", "invoice_id": order.id });
    let resolved = market.bench.operate("POST", &path, &body).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(ask(&market, hash).await.json()["claimable"], true);
    let license = claimed(&market, hash, &wallet).await;
    let sold = crate::payments::poll(&market.bench, &order.id).await;
    assert_eq!(license["token"], sold["token"]);
}

#[tokio::test]
async fn claims_go_on_when_nothing_is_watched_any_more() {
    let paid = Paid::new().await;
    let bench = paid.market.bench.redeployed(&[]);
    let market = Market {
        bench,
        chain: paid.market.chain.clone(),
        endpoints: Vec::new(),
    };
    assert_eq!(ask(&market, paid.hash).await.status, 200);
    claimed(&market, paid.hash, &paid.wallet).await;
    let unknown = ask(&market, Hash::from_bytes([3; 32])).await;
    assert_eq!(unknown.refusal(), (503, "usdc_not_configured".to_owned()));
    let (nonce, message) = challenged(&market, paid.hash, paid.wallet.address()).await;
    let wrong = Wallet::named("thief").sign(&message);
    let answer = claim(&market, paid.hash, &nonce, &wrong).await;
    assert_eq!(answer.refusal(), (403, "wrong_signature".to_owned()));
}

#[tokio::test]
async fn old_challenges_are_forgotten() {
    let paid = Paid::new().await;
    let count = "SELECT count(*) FROM claim_challenges";
    for round in 0..5 {
        for _ in 0..10 {
            challenged(&paid.market, paid.hash, paid.wallet.address()).await;
        }
        let rows = paid.market.bench.number(count).await;
        assert_eq!(rows, 10, "round {round}");
        paid.market.bench.clock.advance(601);
    }
}

/// What the operator sees of claims for files.
pub(crate) async fn listed(market: &Market, query: &str) -> Value {
    let path = format!("/v1/admin/claims{query}");
    let answer = market.bench.operate("GET", &path, &json!(null)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Another product, bought by another wallet.
pub(crate) async fn another(market: &Market, wallet: &Wallet) -> Hash {
    priced(&market.bench, "other", 500).await;
    let order = order(&market.bench, "other").await;
    let payment = Payment::usdc(wallet.address(), order.address, order.units);
    let hash = market.chain.pay(payment);
    market.minute().await;
    hash
}
