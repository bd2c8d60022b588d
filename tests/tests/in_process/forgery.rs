//! What somebody who writes the database, and holds no key, can make of it: which
//! forged records are not signed, and which changes stay possible.

use crate::bench::{Answer, Bench, json_request, played_store};
use crate::payments::{deliver, order, poll};
use crate::receipts::{list, states};
use crate::signing::sign_license;
use crate::usdc_shop::Market;
use http::Method;
use keywright_ports::name;
use keywright_tests::hosts::root;
use serde_json::json;
use std::path::Path;

/// A license of the attacker's own choice.
const FORGED: &str = "01890000-0000-7000-8000-0000000000f1";

/// Status, word and reason of a refusal.
type Refusal = (u16, &'static str, &'static str);

/// What is done, in which statements, which license is asked for, and what sign says.
type Attack = (&'static str, Vec<String>, usize, Refusal);

const NOT_SEALED: Refusal = (503, "receipt_not_sealed", "has no seal");
const CHANGED: Refusal = (
    409,
    "not_entitled",
    "the receipt, its license or its seal was changed in the database",
);
const OTHER_PRODUCT: Refusal = (409, "not_entitled", "the receipt is for another product");

/// A shop with a cheap license that was bought, and a granted one of a dear product.
async fn shop() -> (Bench, [String; 2]) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("cheap", 1).await;
    bench.product("dear", 5_000_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "cheap").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let sold = poll(&bench, &invoice_id).await;
    bench.verified(sold["license_key"].as_str().expect("a key"));
    let bought = sold["license_id"].as_str().expect("an id").to_owned();
    bench.clock.advance(1);
    let granted = bench.issue("dear", json!({})).await.text("license_id");
    (bench, [bought, granted])
}

/// Inserts a license with this receipt, otherwise like the granted one.
fn with_receipt(receipt: &str) -> String {
    format!(
        "INSERT INTO licenses (id, receipt_id, product_id, status, issued_at, grace_seconds,
                               max_machines, entitlements, is_trial, updated_at)
         SELECT '{FORGED}', {receipt}, product_id, 'active', issued_at, 0, 0, '[]', 0, 1
         FROM licenses WHERE product_id = (SELECT id FROM products WHERE slug = 'dear')"
    )
}

fn is_refused(answer: &Answer, expected: Refusal, attack: &str) {
    let (status, word, reason) = expected;
    assert_eq!(
        (answer.status, answer.text("error").as_str()),
        (status, word),
        "{attack}: {answer:?}"
    );
    assert!(
        answer.text("message").contains(reason),
        "{attack}: {answer:?}"
    );
    assert!(answer.json().get("license_key").is_none(), "{attack}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn what_a_database_writer_forges_is_not_signed() {
    let forged_receipt = "INSERT INTO receipts
        SELECT 'forged', kind, 'forged', NULL, product_id, amount, currency, received_at, NULL,
               NULL
        FROM receipts WHERE kind = 'grant'";
    let copied_seal = "INSERT INTO receipt_seals
        SELECT 'forged', seal_key_id, seal_mac, 1 FROM receipts
        WHERE kind = 'grant' AND id <> 'forged'";
    let copied_column = "UPDATE receipts SET (seal_key_id, seal_mac) =
        (SELECT seal_key_id, seal_mac FROM receipts WHERE kind = 'grant' AND id <> 'forged')
        WHERE id = 'forged'";
    let of = |slug: &str| format!("(SELECT id FROM products WHERE slug = '{slug}')");
    let dear = of("dear");
    let bought = "(SELECT receipt_id FROM licenses ORDER BY issued_at, id LIMIT 1)";
    let forged = |more: &[&str]| {
        let mut all = vec![forged_receipt.to_owned()];
        all.extend(more.iter().map(|sql| (*sql).to_owned()));
        all.push(with_receipt("'forged'"));
        all
    };
    let moved = |table: &str| {
        format!(
            "UPDATE {table} SET product_id = {dear} WHERE product_id = {}",
            of("cheap")
        )
    };
    let (new, old) = (0, 1);
    let attacks: Vec<Attack> = vec![
        ("a new receipt and license", forged(&[]), new, NOT_SEALED),
        (
            "with the seal of another receipt",
            forged(&[copied_seal]),
            new,
            CHANGED,
        ),
        (
            "with the seal of another receipt in its own row",
            forged(&[copied_column]),
            new,
            CHANGED,
        ),
        (
            "with a seal of a key that is made up",
            forged(&["INSERT INTO receipt_seals VALUES ('forged', 'x', 'v1.x', 1)"]),
            new,
            (503, "receipt_not_sealed", "are not in RECEIPT_KEYS"),
        ),
        (
            "the product of a cheap license",
            vec![moved("licenses")],
            old,
            OTHER_PRODUCT,
        ),
        (
            "the product of a cheap license and its receipt",
            vec![moved("licenses"), moved("receipts"), moved("invoices")],
            old,
            CHANGED,
        ),
        (
            "the receipt of another license, once more",
            vec![
                "CREATE TABLE l AS SELECT * FROM licenses".to_owned(),
                "ALTER TABLE licenses RENAME TO licenses_aside".to_owned(),
                "ALTER TABLE l RENAME TO licenses".to_owned(),
                with_receipt(
                    "(SELECT receipt_id FROM licenses ORDER BY issued_at DESC, id DESC LIMIT 1)",
                ),
            ],
            new,
            CHANGED,
        ),
        (
            "a second license in the place of the first one",
            vec![
                "UPDATE licenses SET receipt_id = 'gone' WHERE product_id IN
                 (SELECT id FROM products WHERE slug = 'dear')"
                    .to_owned(),
                with_receipt("(SELECT id FROM receipts WHERE kind = 'grant')"),
            ],
            new,
            CHANGED,
        ),
        (
            "receipts of two products swapped",
            vec![
                "UPDATE licenses SET receipt_id = 'swap-' || receipt_id".to_owned(),
                "UPDATE licenses SET receipt_id =
                       (SELECT id FROM receipts
                        WHERE 'swap-' || id <> licenses.receipt_id)"
                    .to_owned(),
            ],
            old,
            OTHER_PRODUCT,
        ),
        (
            "what was paid",
            vec!["UPDATE receipts SET amount = 5000000".to_owned()],
            old,
            CHANGED,
        ),
        (
            "in which currency",
            vec!["UPDATE receipts SET currency = 'USD'".to_owned()],
            old,
            CHANGED,
        ),
        (
            "when",
            vec!["UPDATE receipts SET received_at = received_at + 1".to_owned()],
            old,
            CHANGED,
        ),
        (
            "what was paid for",
            vec![format!(
                "UPDATE receipts SET invoice_id = NULL, kind = 'grant' WHERE id = {bought}"
            )],
            old,
            CHANGED,
        ),
        (
            "the provider's reference",
            vec!["UPDATE receipts SET external_ref = external_ref || 'x'".to_owned()],
            old,
            CHANGED,
        ),
        (
            "the receipt's id",
            vec![
                "UPDATE receipts SET id = 'x' || id".to_owned(),
                "UPDATE licenses SET receipt_id = 'x' || receipt_id".to_owned(),
            ],
            old,
            CHANGED,
        ),
        (
            "the seal",
            vec![
                "UPDATE receipts SET seal_mac =
                   'v1.' || iif(seal_mac LIKE 'v1.A%', 'B', 'A') || substr(seal_mac, 5)"
                    .to_owned(),
            ],
            old,
            CHANGED,
        ),
        (
            "no seal any more",
            vec!["UPDATE receipts SET seal_key_id = NULL, seal_mac = NULL".to_owned()],
            old,
            NOT_SEALED,
        ),
    ];
    for (attack, statements, which, expected) in attacks {
        let (bench, [bought, _]) = shop().await;
        bench.sql("PRAGMA foreign_keys = OFF").await;
        for sql in &statements {
            bench.sql(sql).await;
        }
        let license_id = if which == new { FORGED } else { &bought };
        let answer = sign_license(&bench, license_id).await;
        is_refused(&answer, expected, attack);
        assert!(bench.log().contains(expected.2), "{attack}: not in the log");
        let link = json!({ "license_id": license_id, "version": "1.0.0" });
        let answer = crate::signing::sign_at(&bench, "/link", &link).await;
        is_refused(&answer, expected, attack);
    }
}

/// Named here and in the manual, so that nobody relies on more.
#[tokio::test]
async fn what_a_database_writer_can_still_do() {
    // The terms of a license that exists.
    let (bench, [bought, granted]) = shop().await;
    for sql in [
        "UPDATE licenses SET entitlements = '[\"all\"]', expires_at = NULL, max_machines = 0,
                             grace_seconds = 1, is_trial = 0, policy_id = NULL",
        "UPDATE licenses SET buyer_email = 'me@evil.example'",
    ] {
        bench.sql(sql).await;
        for license_id in [&bought, &granted] {
            assert_eq!(sign_license(&bench, license_id).await.status, 200, "{sql}");
        }
    }
    // A license that was taken back.
    let revoke = format!("/v1/admin/licenses/{granted}/revoke");
    bench.operate("POST", &revoke, &json!({})).await;
    assert_eq!(sign_license(&bench, &granted).await.status, 409);
    bench.sql("UPDATE licenses SET status = 'active'").await;
    assert_eq!(sign_license(&bench, &granted).await.status, 200);
    // A price, with an order after it: the sale is recorded and sealed as it was made.
    bench
        .sql("UPDATE products SET price_amount = 0 WHERE slug = 'dear'")
        .await;
    let answer = bench
        .post("/v1/purchase", &json!({ "product": "dear" }))
        .await;
    bench.verified(&answer.text("license_key"));
    let free = "SELECT count(*) FROM receipts WHERE kind = 'free' AND amount = 0";
    assert_eq!(bench.number(free).await, 1);
    assert_eq!(states(&bench).await, ["sealed"; 3]);
}

/// Every way to a license: each writes a receipt that is sealed for it.
#[tokio::test]
async fn every_way_to_a_license_seals_its_receipt() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    bench.code("GIFT", json!({ "kind": "free_license" })).await;
    bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    let redeemed = json!({ "product": "demo", "code": "GIFT" });
    let redeemed = bench.post("/v1/redeem", &redeemed).await;
    bench.verified(&redeemed.text("license_key"));
    let (told, told_at) = order(&bench, "demo").await;
    pay.pay_in_full(&told_at).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &told_at).await;
    let (found, found_at) = order(&bench, "demo").await;
    pay.pay_in_full(&found_at).expect("a payment");
    bench.clock.advance(crate::bench::UNTIL_DUE);
    bench.tick().await;
    for invoice_id in [told, found] {
        let sold = poll(&bench, &invoice_id).await;
        bench.verified(sold["license_key"].as_str().expect("a key"));
    }
    bench.issue("demo", json!({})).await;
    assert_eq!(states(&bench).await, ["sealed"; 5]);

    let market = Market::open().await;
    let [credited, by_hand] = [market.order().await, market.order().await];
    market.pay_order(&credited);
    market.minute().await;
    market.pay(by_hand.address, by_hand.units + 3_000_000);
    market.minute().await;
    let left = "SELECT id FROM chain_transfers WHERE state = 'unmatched'";
    let left = &market.bench.sql(left).await[0]["id"];
    let path = format!(
        "/v1/admin/transfers/{}/resolve",
        left.as_str().expect("an id")
    );
    let settled = json!({ "resolution": "settled", "invoice_id": by_hand.id });
    let resolved = market.bench.operate("POST", &path, &settled).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    for bought in [credited, by_hand] {
        let sold = poll(&market.bench, &bought.id).await;
        market
            .bench
            .verified(sold["license_key"].as_str().expect("a key"));
    }
    assert_eq!(states(&market.bench).await, ["sealed"; 2]);
}

/// A receipt is read from the parameters that were sealed, also where the order was
/// changed between the reading and the batch.
#[tokio::test]
async fn an_order_whose_product_changes_before_the_batch_gets_no_receipt() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("cheap", 1).await;
    bench.product("dear", 5_000_000).await;
    let (_, btcpay_id) = order(&bench, "cheap").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench
        .shop
        .database
        .before_batch(keywright_ports::Statement::new(
            "UPDATE invoices SET product_id = (SELECT id FROM products WHERE slug = 'dear')",
            [],
        ));
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(
        states(&bench).await,
        [""; 0],
        "nothing is sealed that was not read"
    );
    assert_eq!(bench.number("SELECT count(*) FROM licenses").await, 0);
}

/// Without a key nothing is sold or settled, and no payment is lost: it is recorded
/// when there is a key.
#[tokio::test]
async fn without_a_key_for_receipts_nothing_is_settled_and_nothing_lost() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let account = crate::bench::account_of(&pay);
    for (key, why) in [
        ("", "RECEIPT_KEYS is not configured"),
        ("not base64", "RECEIPT_KEYS must be keys of 32 random bytes"),
    ] {
        let config = [&account[..], &[(name::RECEIPT_KEYS, key)]].concat();
        let without = bench.redeployed(&config);
        for product in ["demo", "free"] {
            let body = json!({ "product": product });
            let request = json_request(Method::POST, "/v1/purchase", &body);
            let answer = without.untouched_by(request).await;
            assert_eq!(answer.refusal(), (503, "service_unavailable".to_owned()));
        }
        let told = deliver(&without, &pay, "InvoiceSettled", &btcpay_id).await;
        assert_eq!(told.status, 503, "BTCPay sends it again: {told:?}");
        without.clock.advance(crate::bench::UNTIL_DUE);
        let ticked = without.tick().await;
        assert_eq!((ticked.status, &ticked.json()["checked"]), (200, &json!(0)));
        let granted = json!({ "product_slug": "demo" });
        let granted = without
            .operate("POST", "/v1/admin/licenses", &granted)
            .await;
        assert_eq!(granted.refusal(), (503, "service_unavailable".to_owned()));
        assert!(without.log().contains(why), "{}", without.log());
        assert!(!without.log().contains("not base64"));
    }
    let with = bench.redeployed(&account);
    assert_eq!(with.tick().await.json()["settled"], 1);
    let sold = poll(&with, &invoice_id).await;
    with.verified(sold["license_key"].as_str().expect("a key"));
    assert_eq!(list(&with).await.len(), 1);
}

/// Receipts and seals are only ever added, and only in the one file that seals them.
#[test]
fn receipts_are_written_in_one_place_and_never_changed() {
    let mut sources = Vec::new();
    for folder in ["shared", "functions", "cli/src"] {
        rust_files(&root().join(folder), &mut sources);
    }
    assert!(sources.len() > 100, "the sources are where they were");
    let mut inserts = Vec::new();
    for (path, text) in &sources {
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for table in ["receipts", "receipt_seals"] {
            for change in [
                "UPDATE",
                "DELETE FROM",
                "REPLACE INTO",
                "INSERT OR REPLACE INTO",
            ] {
                let sql = format!("{change} {table} ").to_lowercase();
                assert!(!plain.to_lowercase().contains(&sql), "{path}: {sql}");
            }
            let sql = format!("insert into {table} (");
            let count = plain.to_lowercase().matches(&sql).count();
            inserts.extend(std::iter::repeat_n((path.as_str(), table), count));
        }
    }
    let file = "shared/store/src/sales/receipts.rs";
    let (receipts, seals) = ((file, "receipts"), (file, "receipt_seals"));
    assert_eq!(inserts, [receipts, receipts, seals]);
}

/// The Rust files below a folder that are part of what is deployed.
fn rust_files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("tests") && !path.ends_with("target") && !path.ends_with("build") {
                rust_files(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text");
            let below = path.strip_prefix(root()).expect("a path below");
            found.push((below.display().to_string(), text));
        }
    }
}
