//! Payments that cannot be judged, and endpoints that lie: what is paid honestly is
//! credited all the same, nothing else is, and the operator has the last word.

use crate::bench::Answer;
use crate::payments::issued;
use crate::usdc_shop::{BEFORE, BUYER, Market, Ordered, WALLET, XPUB, chain, priced};
use keywright_ports::name;
use keywright_providers::polygon::{Address, Hash};
use keywright_rpc_double::{Fault, Kept, Payment};
use serde_json::{Value, json};

async fn credited(market: &Market, orders: &[Ordered], case: &str) {
    for order in orders {
        assert_eq!(market.status(order).await, "paid", "{case}");
    }
}

/// Resolves the only transfer of a transaction.
async fn resolve(market: &Market, hash: Hash, body: &Value) -> Answer {
    let sql = format!("SELECT id FROM chain_transfers WHERE tx_hash = '{hash}'");
    let rows = market.bench.sql(&sql).await;
    let id = rows[0]["id"].as_str().expect("an id");
    let path = format!("/v1/admin/transfers/{id}/resolve");
    market.bench.operate("POST", &path, body).await
}

/// A member of the only transfer.
async fn member(market: &Market, name: &str) -> Value {
    let path = "/v1/admin/transfers";
    let list = market.bench.operate("GET", path, &Value::Null).await;
    list.json()["transfers"][0][name].clone()
}

#[tokio::test]
async fn a_transfer_that_cannot_be_judged_keeps_no_other_waiting() {
    for fault in [
        Fault::NoReceipts,
        Fault::FailedReceipts,
        Fault::EmptyReceipts,
    ] {
        let case = format!("{fault:?}");
        let market = Market::open().await;
        let bad = market.order().await;
        let hash = market.pay_order(&bad);
        market.chain.mine(1);
        market.endpoints[0].fault(Fault::ReceiptOf(hash, Box::new(fault)));
        let mut orders = Vec::new();
        for _ in 0..3 {
            let order = market.order().await;
            market.pay_order(&order);
            market.chain.mine(1);
            orders.push(order);
        }
        market.minute().await;
        market.minute().await;
        credited(&market, &orders, &case).await;
        assert_eq!(market.status(&bad).await, "confirming", "{case}");
        // What it said of one transfer does not count against the endpoint.
        let set_aside = "SELECT count(*) FROM rpc_endpoints";
        assert_eq!(market.bench.number(set_aside).await, 0, "{case}");
        market.endpoints[0].clear();
        market.pass(3_600);
        market.minute().await;
        credited(&market, &[bad], &case).await;
        assert_eq!(issued(&market.bench).await, [4; 4], "{case}");
    }
}

/// A receipt larger than is taken, or than the endpoint sends: what went from the payer
/// to the vendor in that block is asked for alone.
#[tokio::test]
async fn a_payment_in_a_transaction_that_is_too_large_is_credited() {
    for fault in [
        Fault::Status(413),
        Fault::Status(500),
        Fault::Truncate,
        Fault::Cut,
        Fault::Refuse(-32_000, "response size exceeded".to_owned()),
    ] {
        let case = format!("{fault:?}");
        let market = Market::over(2, &[]).await;
        let order = market.order().await;
        let hash = market.pay_order(&order);
        market.chain.mine(1);
        let next = market.order().await;
        market.pay_order(&next);
        for endpoint in &market.endpoints {
            endpoint.fault(Fault::ReceiptOf(hash, Box::new(fault.clone())));
        }
        market.minute().await;
        market.minute().await;
        credited(&market, &[order, next], &case).await;
    }
}

/// An honest payment among 1,700 others, of which the receipt is above a megabyte.
#[tokio::test]
async fn a_payment_inside_a_large_batch_is_credited() {
    let market = Market::open().await;
    let order = market.order().await;
    let mut batch = vec![Payment::usdc(BUYER, Address::from_bytes([9; 20]), 5); 1_700];
    batch.push(Payment::usdc(BUYER, order.address, order.units));
    market.chain.pay_together(&batch);
    market.minute().await;
    credited(&market, &[order], "a batch").await;
}

#[tokio::test]
async fn what_is_never_confirmed_becomes_the_operators_and_can_be_settled() {
    let market = Market::open().await;
    let order = market.order().await;
    let hash = market.pay_order(&order);
    market.endpoints[0].fault(Fault::ReceiptOf(hash, Box::new(Fault::NoReceipts)));
    let mut told_after = None;
    for round in 1..=60 {
        market.minute().await;
        if told_after.is_none() && !market.told().await.is_empty() {
            told_after = Some(round);
        }
    }
    assert!(
        (20..=40).contains(&told_after.expect("told")),
        "{told_after:?}"
    );
    assert_eq!(market.told().await, ["usdc_unconfirmed"]);
    assert_eq!(market.status(&order).await, "confirming");
    for _ in 0..40 {
        market.chain.skip(3_600);
        market.bench.clock.advance(3_600);
        market.minute().await;
    }
    assert_eq!(member(&market, "state").await, "unmatched");
    assert_eq!(member(&market, "reason").await, "unconfirmed");
    assert_eq!(member(&market, "tries").await, 30);
    let said = member(&market, "put_off_because").await;
    assert_eq!(said, "127.0.0.1: it has no receipt of the transaction");
    // It is not looked at again, and told once.
    let calls = market.endpoints[0].count("eth_getTransactionReceipt");
    market.pass(7_200);
    market.minute().await;
    assert_eq!(
        market.endpoints[0].count("eth_getTransactionReceipt"),
        calls
    );
    let told = market.told().await;
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "usdc_unconfirmed")
            .count(),
        1
    );
    assert_eq!(issued(&market.bench).await, [0; 4]);
    // To whoever asks it is not decided.
    let asked = market.bench.get(&format!("/v1/license/{hash}")).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let settle = json!({ "resolution": "settled", "invoice_id": order.id });
    let resolved = resolve(&market, hash, &settle).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(market.status(&order).await, "paid");
    assert!(!market.told().await.contains(&"usdc_unconfirmed".to_owned()));
    let asked = market
        .bench
        .get(&format!("/v1/license/{hash}"))
        .await
        .json();
    assert_eq!(asked["claimable"], true, "{asked}");
}

/// A log that nobody made: only the first endpoint has it, or only the second.
#[tokio::test]
async fn one_endpoint_that_makes_up_a_payment_gives_no_license_away() {
    for lying_first in [true, false] {
        let (lying, honest) = (chain(), chain());
        let chains = if lying_first {
            [lying.clone(), honest.clone()]
        } else {
            [honest.clone(), lying.clone()]
        };
        let market = Market::on(&chains, &[]).await;
        let order = market.order().await;
        lying.pay(Payment::usdc(BUYER, order.address, order.units));
        let wallet: Address = WALLET.parse().expect("an address");
        // One that the operator would be told of is not told as if it were there.
        lying.pay(Payment::usdc(BUYER, wallet, 7_000_000));
        for _ in 0..40 {
            lying.mine(30);
            honest.mine(30);
            market.bench.clock.advance(60);
            market.tick().await;
        }
        assert_eq!(issued(&market.bench).await, [0; 4], "{lying_first}");
        assert_ne!(market.status(&order).await, "paid", "{lying_first}");
        // The second look is the other endpoint's, so each of them is listened to.
        let told = market.told().await;
        assert_eq!(
            told,
            ["usdc_unconfirmed", "usdc_unconfirmed"],
            "{lying_first}"
        );
        let said = member(&market, "put_off_because").await;
        let said = said.as_str().expect("a text").to_owned();
        assert!(said.contains("confirmed by 127.0.0.1 only"), "{said}");
        // The operator sees which endpoint reported it.
        assert_eq!(member(&market, "found_by").await, "127.0.0.1");
        let told = "SELECT details ->> 'found_by' AS host FROM attention LIMIT 1";
        assert_eq!(market.bench.sql(told).await[0]["host"], "127.0.0.1");
    }
}

/// Of three endpoints one lies: the two others are enough, whichever it is.
#[tokio::test]
async fn one_liar_of_three_keeps_nothing_back_and_is_not_followed() {
    for fault in [
        Fault::FailedReceipts,
        Fault::EmptyReceipts,
        Fault::NoReceipts,
        Fault::OtherHashes(0),
        Fault::Only("eth_getLogs", Box::new(Fault::WrongLogIndex(3))),
        Fault::WrongLogIndex(3),
    ] {
        for liar in 0..3 {
            let market = Market::over(3, &[]).await;
            let case = format!("{fault:?} of {liar}");
            market.endpoints[liar].fault(fault.clone());
            let order = market.order().await;
            market.pay_order(&order);
            for _ in 0..3 {
                market.minute().await;
            }
            credited(&market, &[order], &case).await;
            assert_eq!(issued(&market.bench).await, [1; 4], "{case}");
            let doubted = "SELECT count(*) FROM rpc_endpoints WHERE reason = 'lies'";
            assert_eq!(market.bench.number(doubted).await, 0, "{case}");
        }
    }
}

#[tokio::test]
async fn a_credit_is_confirmed_by_two_endpoints() {
    let market = Market::over(3, &[]).await;
    let order = market.order().await;
    market.pay_order(&order);
    market.minute().await;
    credited(&market, &[order], "two of three").await;
    let asked: Vec<usize> = market
        .endpoints
        .iter()
        .map(|one| one.count("eth_getTransactionReceipt"))
        .collect();
    assert_eq!(asked, [1, 1, 0]);
    let by = member(&market, "confirmed_by").await;
    assert_eq!(by, "127.0.0.1, 127.0.0.1");
}

#[tokio::test]
async fn a_credit_waits_for_the_second_endpoint_and_the_operator_is_told() {
    for fault in [
        Fault::Cut,
        Fault::Status(503),
        Fault::ChainId(1),
        Fault::Status(429),
    ] {
        let case = format!("{fault:?}");
        let market = Market::over(2, &[]).await;
        market.endpoints[1].fault(fault);
        let order = market.order().await;
        market.pay_order(&order);
        for _ in 0..45 {
            market.minute().await;
        }
        assert_eq!(market.status(&order).await, "confirming", "{case}");
        assert_eq!(issued(&market.bench).await, [0; 4], "{case}");
        let told = market.told().await;
        assert!(
            told.contains(&"usdc_unconfirmed".to_owned()),
            "{case}: {told:?}"
        );
        market.endpoints[1].clear();
        market.pass(3_700);
        market.minute().await;
        market.minute().await;
        credited(&market, &[order], &case).await;
        let told = market.told().await;
        assert!(
            !told.contains(&"usdc_unconfirmed".to_owned()),
            "{case}: {told:?}"
        );
    }
}

/// Two that were each wrong once do not leave the shop without any.
#[tokio::test]
async fn endpoints_that_were_wrong_once_are_better_than_none() {
    let market = Market::over(2, &[]).await;
    let somebody = Address::from_bytes([0x77; 20]);
    market.chain.pay(Payment::usdc(BUYER, somebody, 5));
    for endpoint in &market.endpoints {
        endpoint.fault(Fault::LogsOfOthers);
    }
    market.minute().await;
    let doubted = "SELECT count(*) FROM rpc_endpoints WHERE reason = 'lies'";
    assert_eq!(market.bench.number(doubted).await, 2);
    for endpoint in &market.endpoints {
        endpoint.clear();
    }
    let order = market.order().await;
    market.pay_order(&order);
    market.minute().await;
    credited(&market, &[order], "both doubted").await;
    // One that is set aside is still good as the second voice.
    market.endpoints[0].fault(Fault::LogsOfOthers);
    market.pass(3_700);
    market.chain.pay(Payment::usdc(BUYER, somebody, 5));
    market.minute().await;
    market.endpoints[0].clear();
    let order = market.order().await;
    market.pay_order(&order);
    // An hour of blocks is read meanwhile.
    for _ in 0..8 {
        market.minute().await;
    }
    credited(&market, &[order], "one doubted").await;
}

/// As was served on Polygon: the log has one number, its receipt another.
#[tokio::test]
async fn a_wrong_number_of_a_log_costs_nobody_a_license_and_gives_nobody_two() {
    let market = Market::with_addresses().await;
    for _ in 0..4 {
        market.minute().await;
    }
    let wrong = Fault::Only("eth_getLogs", Box::new(Fault::WrongLogIndex(7)));
    market.endpoints[0].fault(wrong);
    let order = market.order().await;
    market.pay(order.address, order.units / 2);
    market.pay_order(&order);
    market.minute().await;
    market.minute().await;
    credited(&market, &[order], "a wrong number").await;
    // Read again, with the right number: still one payment.
    market.endpoints[0].clear();
    market.chain.reorganise(70, Kept::All);
    for _ in 0..4 {
        market.minute().await;
    }
    assert_eq!(issued(&market.bench).await, [1; 4]);
    let rows = "SELECT count(*) FROM chain_transfers";
    assert_eq!(market.bench.number(rows).await, 2);
}

/// One payment that is recorded under two numbers bears one part out.
#[tokio::test]
async fn a_payment_that_is_recorded_twice_counts_once() {
    let market = Market::with_addresses().await;
    let order = market.order().await;
    market.pay(order.address, order.units / 2);
    market.minute().await;
    let again = "INSERT INTO chain_transfers (id, chain_id, tx_hash, log_index, block, block_hash,
                   token, payer, recipient, amount_units, state, recorded_at, checked_at)
                 SELECT 'again', chain_id, tx_hash, 7, block, block_hash, token, payer, recipient,
                        amount_units, 'seen', recorded_at, checked_at FROM chain_transfers";
    market.bench.sql(again).await;
    for _ in 0..4 {
        market.minute().await;
    }
    let sql = "SELECT state FROM chain_transfers WHERE id = 'again'";
    assert_eq!(market.bench.sql(sql).await[0]["state"], "seen");
    assert_eq!(issued(&market.bench).await, [0; 4]);
}

#[tokio::test]
async fn a_rush_of_payments_is_credited_at_more_than_two_a_tick() {
    for endpoints in [1, 2] {
        let market = Market::over(endpoints, &[]).await;
        let mut orders = Vec::new();
        for _ in 0..9 {
            let order = market.order().await;
            market.pay_order(&order);
            orders.push(order);
        }
        market.chain.mine(1);
        let mut report = Value::Null;
        for _ in 0..3 {
            report = market.minute().await;
        }
        credited(&market, &orders, &format!("{endpoints}: {report}")).await;
    }
}

/// The states that a transfer can have, and what an operator can say of each.
#[tokio::test]
async fn a_transfer_is_resolved_by_hand_in_every_state() {
    let states = [
        ("seen", "state = 'seen'"),
        (
            "put off",
            "state = 'seen', tries = 9, next_try_at = 9999999999",
        ),
        ("unmatched", "state = 'unmatched', reason = 'unknown'"),
        (
            "given up",
            "state = 'unmatched', reason = 'unknown', finding = 'unconfirmed'",
        ),
        ("refunded", "state = 'resolved', resolution = 'refunded'"),
        ("ignored", "state = 'resolved', resolution = 'ignored'"),
        (
            "gone before it was judged",
            "state = 'reorged', was = 'seen', log_index = -1",
        ),
        (
            "gone",
            "state = 'reorged', was = 'unmatched', reason = 'unknown', log_index = -1",
        ),
        (
            "gone and ignored",
            "state = 'reorged', was = 'resolved', resolution = 'ignored', log_index = -1",
        ),
    ];
    for (case, set) in states {
        for resolution in ["settled", "refunded", "ignored"] {
            let market = Market::open().await;
            market.endpoints[0].fault(Fault::NoReceipts);
            let order = market.order().await;
            let hash = market.pay_order(&order);
            market.minute().await;
            market
                .bench
                .sql(&format!("UPDATE chain_transfers SET {set}"))
                .await;
            let mut body = json!({ "resolution": resolution });
            if resolution == "settled" {
                body["invoice_id"] = json!(order.id);
            }
            for _ in 0..2 {
                let resolved = resolve(&market, hash, &body).await;
                assert_eq!(resolved.status, 200, "{case} {resolution}: {resolved:?}");
                assert_eq!(resolved.json()["resolution"], resolution, "{case}");
            }
            let sold = i64::from(resolution == "settled");
            assert_eq!(
                issued(&market.bench).await,
                [sold; 4],
                "{case} {resolution}"
            );
            // Nothing else comes of it when the chain can be asked again.
            market.endpoints[0].clear();
            market.minute().await;
            assert_eq!(
                issued(&market.bench).await,
                [sold; 4],
                "{case} {resolution}"
            );
        }
    }
    // What has paid for a license stays.
    let market = Market::open().await;
    let order = market.order().await;
    let hash = market.pay_order(&order);
    market.minute().await;
    let other = market.order().await;
    for body in [
        json!({ "resolution": "refunded" }),
        json!({ "resolution": "ignored" }),
        json!({ "resolution": "settled", "invoice_id": other.id }),
    ] {
        let refused = resolve(&market, hash, &body).await;
        assert_eq!(refused.refusal(), (409, "conflict".to_owned()), "{body}");
    }
    assert_eq!(issued(&market.bench).await, [1; 4]);
}

#[tokio::test]
async fn a_payment_that_is_resolved_and_found_again_stays_resolved() {
    let market = Market::open().await;
    market.minute().await;
    let order = market.order().await;
    let hash = market.pay(order.address, 3_000_000);
    market.minute().await;
    market.chain.reorganise(25, Kept::Later);
    market.tick().await;
    assert_eq!(market.transfers().await[0].0, "reorged");
    let settle = json!({ "resolution": "settled", "invoice_id": order.id });
    let resolved = resolve(&market, hash, &settle).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    for _ in 0..3 {
        market.minute().await;
    }
    assert_eq!(market.transfers().await[0].0, "resolved");
    assert_eq!(issued(&market.bench).await, [1; 4]);
    let asked = market
        .bench
        .get(&format!("/v1/license/{hash}"))
        .await
        .json();
    assert_eq!(asked["claimable"], true, "{asked}");
}

#[tokio::test]
async fn what_is_settled_by_hand_runs_from_a_date_that_the_operator_sees() {
    let year = 31_536_000;
    let now = i64::try_from(crate::bench::NOW).expect("a time") + 30 * 86_400 + 60;
    let ago = |days: i64| keywright_domain::dates::rfc3339(now - days * 86_400);
    for (said, from) in [
        (None, Some(0)),
        (Some(ago(29)), Some(29)),
        (Some(ago(400)), None),
        (Some(ago(-1)), None),
        (Some("yesterday".to_owned()), None),
    ] {
        let market = Market::open().await;
        let policy = json!({ "duration_seconds": year });
        market.bench.policy("demo", "yearly", policy).await;
        let body = json!({ "product": "demo", "policy_slug": "yearly", "rail": "usdc" });
        let bought = market.bench.post("/v1/purchase", &body).await;
        let wallet: Address = WALLET.parse().expect("an address");
        let hash = market.pay(wallet, 18_500_000);
        market.minute().await;
        market.bench.clock.advance(30 * 86_400);
        let mut settle = json!({ "resolution": "settled", "invoice_id": bought.text("order_id") });
        settle["license_from"] = json!(said);
        let resolved = resolve(&market, hash, &settle).await;
        let Some(days) = from else {
            assert_eq!(
                resolved.refusal(),
                (400, "bad_request".to_owned()),
                "{said:?}"
            );
            assert_eq!(issued(&market.bench).await, [0; 4]);
            continue;
        };
        assert_eq!(resolved.status, 200, "{said:?}: {resolved:?}");
        assert_eq!(resolved.json()["license_from"], ago(days));
        let license = &market.bench.sql("SELECT expires_at FROM licenses").await[0];
        assert_eq!(license["expires_at"], now - days * 86_400 + year);
        // The books have the payment's own time.
        let books = "/v1/admin/transactions";
        let line = market
            .bench
            .operate("GET", books, &Value::Null)
            .await
            .json();
        let paid_at = keywright_domain::dates::rfc3339(market.chain.time(BEFORE + 1));
        assert_eq!(line["date"], paid_at, "{line}");
    }
}

#[tokio::test]
async fn a_payment_that_is_older_than_its_order_is_not_credited_to_it() {
    // The one amount that the first order of a price has with this.
    let one = [(name::USDC_AMOUNT_SPREAD, "1")];
    for (hours, settles) in [(0, true), (2, false), (5, false)] {
        let market = Market::over(1, &one).await;
        let wallet: Address = WALLET.parse().expect("an address");
        market.pay(wallet, 19_000_001);
        market.pass(60 + hours * 3_600);
        let order = market.order().await;
        assert_eq!(order.units, 19_000_001);
        for _ in 0..80 {
            market.tick().await;
        }
        market.minute().await;
        let (state, reason) = market.transfers().await[0].clone();
        if settles {
            assert_eq!(state, "credited");
        } else {
            assert_eq!(
                (state.as_str(), reason),
                ("unmatched", Some("unknown".to_owned()))
            );
            assert_eq!(member(&market, "reason").await, "early");
            assert_eq!(market.told().await, ["usdc_early"]);
            assert_eq!(market.status(&order).await, "waiting");
        }
        assert_eq!(issued(&market.bench).await, [i64::from(settles); 4]);
    }
}

/// Two instances sell to one wallet: what is paid to one settles nothing of the other.
#[tokio::test]
async fn instances_with_one_wallet_are_told_apart() {
    let chain = chain();
    let chains = [chain];
    let two = [
        Market::on(&chains, &[(name::USDC_INSTANCE, "1/2")]).await,
        Market::on(&chains, &[(name::USDC_INSTANCE, "2/2")]).await,
    ];
    let mut orders = [Vec::new(), Vec::new()];
    for (market, orders) in two.iter().zip(&mut orders) {
        for _ in 0..8 {
            orders.push(market.order().await);
        }
    }
    for (number, orders) in orders.iter().enumerate() {
        assert!(orders.iter().all(|one| one.units % 2 == number as u128));
    }
    for order in &orders[0] {
        two[0].pay_order(order);
    }
    two[0].chain.mine(30);
    for market in &two {
        market.bench.clock.advance(60);
        for _ in 0..4 {
            market.tick().await;
        }
    }
    assert_eq!(issued(&two[0].bench).await, [8; 4]);
    assert_eq!(issued(&two[1].bench).await, [0; 4]);
    assert_eq!(two[1].told().await, [""; 0]);
    // With a key for addresses, each has numbers of its own.
    let mut addresses = std::collections::BTreeSet::new();
    for instance in ["1/2", "2/2"] {
        let config = [(name::WALLET_XPUB, XPUB), (name::USDC_INSTANCE, instance)];
        let market = Market::over(1, &config).await;
        for _ in 0..5 {
            addresses.insert(market.order().await.address);
        }
    }
    assert_eq!(addresses.len(), 10);
}

#[tokio::test]
async fn an_own_address_takes_the_price_in_parts_and_more_than_the_price() {
    let market = Market::with_addresses().await;
    let parts = market.order().await;
    let more = market.order().await;
    market.pay(parts.address, 9_000_000);
    market.pay(more.address, more.units + 2_000_000);
    market.minute().await;
    assert_eq!(market.told().await, ["usdc_overpaid", "usdc_underpaid"]);
    let shown = crate::payments::poll(&market.bench, &more.id).await;
    assert_eq!(
        (&shown["status"], &shown["payment_state"]),
        (&json!("settled"), &json!("overpaid"))
    );
    let shown = crate::payments::poll(&market.bench, &parts.id).await;
    assert_eq!(
        (&shown["status"], &shown["payment_state"]),
        (&json!("pending"), &json!("underpaid"))
    );
    let other = Address::from_bytes([0x55; 20]);
    let last = market
        .chain
        .pay(Payment::usdc(other, parts.address, 10_000_000));
    market.minute().await;
    market.minute().await;
    credited(&market, &[parts, more], "parts").await;
    // What was too little needs nobody any more.
    assert_eq!(market.told().await, ["usdc_overpaid"]);
    assert_eq!(issued(&market.bench).await, [2; 4]);
    let amounts = "SELECT amount FROM receipts ORDER BY amount";
    let amounts = json!(market.bench.sql(amounts).await);
    assert_eq!(
        amounts,
        json!([{ "amount": 19_000_000 }, { "amount": 21_000_000 }])
    );
    // Whoever put in the last part did not pay for the license alone.
    let asked = market
        .bench
        .get(&format!("/v1/license/{last}"))
        .await
        .json();
    assert_eq!(asked["claimable"], false, "{asked}");
    // Each sale is one line of the books.
    let books = market
        .bench
        .operate("GET", "/v1/admin/transactions", &Value::Null)
        .await;
    let books = String::from_utf8(books.body.to_vec()).expect("text");
    assert_eq!(books.lines().count(), 2, "{books}");
}

#[tokio::test]
async fn an_amount_is_free_again_when_its_orders_time_is_over() {
    let market = Market::over(1, &[(name::USDC_AMOUNT_SPREAD, "1")]).await;
    let first = market.order().await;
    let held = "SELECT count(*) FROM usdc_orders WHERE reserved = 1";
    assert_eq!(market.bench.number(held).await, 1);
    market.pass(3_660);
    for _ in 0..40 {
        market.tick().await;
    }
    market.minute().await;
    assert_eq!(market.status(&first).await, "expired");
    assert_eq!(market.bench.number(held).await, 0);
    // As long as there are others, nobody gets it: its buyer may be late.
    let second = market.order().await;
    assert_ne!(second.units, first.units);
    market.pay_order(&first);
    market.minute().await;
    market.minute().await;
    assert_eq!(market.status(&first).await, "late");
    assert_eq!(market.status(&second).await, "waiting");
}

/// The newest part says where the order stands; the one before needs nobody.
#[tokio::test]
async fn an_order_that_is_paid_in_parts_has_one_open_item() {
    let market = Market::with_addresses().await;
    let order = market.order().await;
    for _ in 0..3 {
        market.pay(order.address, 2_000_000);
        market.minute().await;
        assert_eq!(market.told().await, ["usdc_underpaid"]);
    }
    market.pass(3_600);
    market.pay(order.address, 19_000_000);
    for _ in 0..30 {
        market.minute().await;
    }
    assert_eq!(market.told().await, ["usdc_late"]);
    assert_eq!(market.status(&order).await, "late");
    assert_eq!(issued(&market.bench).await, [0; 4]);
}

/// Dust counts on the word of one endpoint, so however much of it one makes up, it pays
/// nothing.
#[tokio::test]
async fn dust_is_no_part_of_a_payment() {
    let market = Market::with_addresses().await;
    priced(&market.bench, "cheap", 2).await;
    let order = crate::usdc_shop::order(&market.bench, "cheap").await;
    for _ in 0..3 {
        market.pay(order.address, 9_999);
    }
    for _ in 0..3 {
        market.minute().await;
    }
    assert_eq!(issued(&market.bench).await, [0; 4]);
    market.pay(order.address, 10_000);
    market.pay(order.address, 10_000);
    for _ in 0..3 {
        market.minute().await;
    }
    assert_eq!(market.status(&order).await, "paid");
}

/// Strangers who send next to nothing keep neither payments nor ends of orders waiting.
#[tokio::test]
async fn dust_keeps_no_payment_and_no_end_of_an_order_waiting() {
    let market = Market::open().await;
    let wallet: Address = WALLET.parse().expect("an address");
    let over = market.order().await;
    market.pass(3_660);
    for _ in 0..40 {
        market.tick().await;
    }
    for _ in 0..200 {
        market.pay(wallet, 1);
    }
    market.chain.mine(1);
    let order = market.order().await;
    market.pay_order(&order);
    market.minute().await;
    market.minute().await;
    credited(&market, &[order], "among dust").await;
    assert_eq!(market.status(&over).await, "expired");
}
