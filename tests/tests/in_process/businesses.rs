//! Businesses: exactly one default whatever races, what holds one in place, and
//! what buyers see of the one that sells.

use crate::announcements::announced;
use crate::bench::{Bench, json_request, played_store, signed_in};
use crate::payments::order;
use http::Method;
use keywright_ports::name;
use serde_json::{Value, json};

const PROFILES: &str = "/v1/admin/merchant-profiles";
/// The business that is there from the start.
const FIRST: &str = "00000000-0000-7000-8000-000000000001";

async fn business(bench: &Bench, members: Value) -> String {
    let answer = bench.operate("POST", PROFILES, &members).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("id")
}

async fn operate(bench: &Bench, method: &str, path: &str, body: Value) -> Value {
    let answer = bench
        .operate(method, &format!("{PROFILES}/{path}"), &body)
        .await;
    assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    answer.json()
}

async fn refused(bench: &Bench, method: Method, path: &str, body: Value) -> (u16, String) {
    let request = signed_in(json_request(method, path, &body));
    bench.untouched_by(request).await.refusal()
}

async fn defaults(bench: &Bench) -> Vec<String> {
    let rows = bench
        .sql("SELECT id FROM merchant_profiles WHERE is_default = 1")
        .await;
    rows.iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn the_first_business_is_there_and_is_the_default() {
    let bench = Bench::new();
    let list = bench.operate("GET", PROFILES, &json!({})).await.json();
    let [first] = list["merchant_profiles"]
        .as_array()
        .expect("a list")
        .as_slice()
    else {
        panic!("one business: {list}");
    };
    assert_eq!(first["id"], FIRST);
    assert_eq!(
        (&first["name"], &first["is_default"]),
        (&json!(""), &json!(true))
    );
    assert_eq!(first["smtp_configured"], false);
    assert_eq!(first["providers"], json!([]));
    bench.product("demo", 1).await;
    let detail = operate(&bench, "GET", FIRST, json!({})).await;
    assert_eq!(
        detail["product_count"], 1,
        "it sells what names no business"
    );
    assert_eq!(detail["rail_preferences"], json!([]));
    assert_eq!(detail["active_subscription_count"], 0);
}

#[tokio::test]
async fn of_many_that_become_the_default_one_does() {
    let bench = Bench::new();
    let mut ids = vec![FIRST.to_owned()];
    for number in 0..5 {
        ids.push(business(&bench, json!({ "name": format!("B{number}") })).await);
    }
    for _ in 0..3 {
        let rush = ids.iter().map(|id| {
            let path = format!("{id}/set-default");
            let bench = &bench;
            async move { operate(bench, "POST", &path, json!({})).await }
        });
        futures_util::future::join_all(rush).await;
        assert_eq!(defaults(&bench).await.len(), 1);
    }
    // Repeating it is not recorded again.
    let [last] = defaults(&bench).await.try_into().expect("one");
    let before = bench.dump().await;
    operate(&bench, "POST", &format!("{last}/set-default"), json!({})).await;
    assert!(
        announced(&bench)
            .await
            .contains("merchant_profile.set_default")
    );
    assert_eq!(bench.dump().await, before);
    let unknown = format!("{PROFILES}/none/set-default");
    assert_eq!(
        refused(&bench, Method::POST, &unknown, json!({})).await,
        (404, "not_found".to_owned())
    );
    // The schema itself holds it.
    let two = "UPDATE merchant_profiles SET is_default = 1";
    let port = &bench.shop.database;
    let statement = keywright_ports::Statement::new(two, []);
    assert!(
        keywright_ports::DatabasePort::query(&**port, statement)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_change_says_what_it_changes_and_null_clears() {
    let bench = Bench::new();
    let id = business(&bench, json!({ "name": "A", "brand_color": "#0a7cff" })).await;
    let change = json!({ "name": "B", "brand_color": null, "support_email": "a@b.example" });
    let changed = operate(&bench, "PATCH", &id, change.clone()).await;
    assert_eq!(changed["name"], "B");
    assert_eq!(changed["brand_color"], Value::Null);
    assert_eq!(changed["support_email"], "a@b.example");
    let sql = "SELECT before, after FROM audit WHERE action = 'merchant_profile.change'";
    let entries = bench.sql(sql).await;
    assert_eq!(entries.len(), 1);
    let before: Value =
        serde_json::from_str(entries[0]["before"].as_str().expect("JSON")).expect("JSON");
    assert_eq!(
        before,
        json!({ "name": "A", "brand_color": "#0a7cff", "support_email": null })
    );
    let again = bench.dump().await;
    operate(&bench, "PATCH", &id, change).await;
    assert_eq!(bench.dump().await, again, "the same again is no change");
    for (member, wrong) in [
        ("name", json!("")),
        ("name", json!("x".repeat(81))),
        ("legal_name", json!("a\nb")),
        ("support_url", json!("javascript:alert(1)")),
        ("support_email", json!("nobody")),
        ("brand_color", json!("red")),
        (
            "post_purchase_redirect_url",
            json!("https://{invoice_id}.example/"),
        ),
        (
            "post_purchase_redirect_url",
            json!("https://a.example/{order}"),
        ),
    ] {
        let mut new = json!({ "name": "N" });
        new[member] = wrong.clone();
        for (method, path) in [
            (Method::POST, PROFILES.to_owned()),
            (Method::PATCH, format!("{PROFILES}/{id}")),
        ] {
            let answer = refused(&bench, method.clone(), &path, new.clone()).await;
            assert_eq!(
                answer,
                (400, "bad_request".to_owned()),
                "{method} {member}: {wrong}"
            );
        }
    }
}

#[tokio::test]
async fn what_uses_a_business_holds_it() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let bad = (400, "bad_request".to_owned());
    let at = |id: &str| format!("{PROFILES}/{id}");
    assert_eq!(
        refused(&bench, Method::DELETE, &at(FIRST), json!({})).await,
        bad,
        "the default"
    );
    assert_eq!(
        refused(&bench, Method::DELETE, &at("none"), json!({}))
            .await
            .0,
        404
    );
    let id = business(&bench, json!({ "name": "Used" })).await;
    let product = bench.product("demo", 1).await;
    let product = format!("/v1/admin/products/{product}");
    let moved = json!({ "merchant_profile_id": id });
    let moved = bench.operate("PATCH", &product, &moved).await.json();
    assert_eq!(moved["merchant_profile_id"], id);
    assert_eq!(
        operate(&bench, "GET", &id, json!({})).await["product_count"],
        1
    );
    assert_eq!(
        refused(&bench, Method::DELETE, &at(&id), json!({})).await,
        bad,
        "a product"
    );
    let nobody = json!({ "merchant_profile_id": "none", "name": "other" });
    assert_eq!(
        refused(&bench, Method::PATCH, &product, nobody).await,
        (404, "not_found".to_owned()),
        "and nothing else of it is changed"
    );
    let new = json!({ "slug": "p", "name": "P", "price_sats": 1, "merchant_profile_id": "none" });
    assert_eq!(
        refused(&bench, Method::POST, "/v1/admin/products", new)
            .await
            .0,
        404
    );
    let cleared = json!({ "merchant_profile_id": null });
    let cleared = bench.operate("PATCH", &product, &cleared).await.json();
    assert_eq!(cleared["merchant_profile_id"], Value::Null);
    // An old store with an order that is not decided, then decided.
    let store = format!(
        "INSERT INTO payment_providers (id, merchant_profile_id, kind, label, base_url, store_id,
                                        network, connected_at, disconnected_at)
         VALUES ('p1', '{id}', 'btcpay', 's', 'https://x', 's', 'unknown', 1, NULL)"
    );
    bench.sql(&store).await;
    assert_eq!(
        refused(&bench, Method::DELETE, &at(&id), json!({})).await,
        bad,
        "a store"
    );
    let prefer = json!({ "payment_provider_id": "p1" });
    let path = format!("{id}/rail-preferences/onchain");
    operate(&bench, "PUT", &path, prefer).await;
    bench
        .sql("UPDATE payment_providers SET disconnected_at = 2")
        .await;
    order(&bench, "demo").await;
    bench
        .sql("UPDATE invoices SET payment_provider_id = 'p1'")
        .await;
    assert_eq!(
        refused(&bench, Method::DELETE, &at(&id), json!({})).await,
        bad,
        "an order"
    );
    bench.sql("UPDATE invoices SET status = 'expired'").await;
    operate(&bench, "DELETE", &id, json!({})).await;
    let owner = bench
        .sql("SELECT merchant_profile_id FROM payment_providers")
        .await;
    assert_eq!(
        owner[0]["merchant_profile_id"], FIRST,
        "old orders keep their store"
    );
    assert_eq!(
        refused(&bench, Method::DELETE, &at(&id), json!({})).await.0,
        404,
        "again"
    );
    assert!(announced(&bench).await.contains("merchant_profile.prefer"));
}

#[tokio::test]
async fn a_preference_is_for_a_connected_store_that_takes_it() {
    let bench = Bench::new();
    let id = business(&bench, json!({ "name": "Two" })).await;
    let other = business(&bench, json!({ "name": "Other" })).await;
    for (provider, owner, gone) in [
        ("mine", &id, "NULL"),
        ("gone", &id, "2"),
        ("theirs", &other, "NULL"),
    ] {
        bench
            .sql(&format!(
                "INSERT INTO payment_providers (id, merchant_profile_id, kind, label, base_url,
                                                store_id, network, connected_at, disconnected_at)
                 VALUES ('{provider}', '{owner}', 'btcpay', 's', 'https://x', '{provider}',
                         'unknown', 1, {gone})"
            ))
            .await;
    }
    let path = |rail: &str| format!("{PROFILES}/{id}/rail-preferences/{rail}");
    let choice = |id: &str| json!({ "payment_provider_id": id });
    let bad = (400, "bad_request".to_owned());
    for (rail, provider) in [
        ("onchain", "none"),
        ("onchain", "gone"),
        ("onchain", "theirs"),
        ("card", "mine"),
        ("usdc", "mine"),
    ] {
        let answer = refused(&bench, Method::PUT, &path(rail), choice(provider)).await;
        assert_eq!(answer, bad, "{rail} {provider}");
    }
    let unknown = format!("{PROFILES}/none/rail-preferences/onchain");
    assert_eq!(
        refused(&bench, Method::PUT, &unknown, choice("mine"))
            .await
            .0,
        404
    );
    let set = bench
        .operate("PUT", &path("onchain"), &choice("mine"))
        .await
        .json();
    let expected = json!([{ "rail": "onchain", "payment_provider_id": "mine" }]);
    assert_eq!(set["rail_preferences"], expected);
    let before = bench.dump().await;
    bench
        .operate("PUT", &path("onchain"), &choice("mine"))
        .await;
    assert_eq!(bench.dump().await, before, "the same again");
    let cleared = bench
        .operate("DELETE", &path("onchain"), &json!({}))
        .await
        .json();
    assert_eq!(cleared["rail_preferences"], json!([]));
    let before = bench.dump().await;
    bench.operate("DELETE", &path("onchain"), &json!({})).await;
    assert_eq!(bench.dump().await, before, "once more");
}

#[tokio::test]
async fn buyers_see_who_sells_and_come_back_to_them() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("ours", 1_000).await;
    let theirs = bench.product("theirs", 1_000).await;
    let members = json!({
        "name": "Other Shop", "legal_name": "Other Shop Ltd", "brand_color": "#123abc",
        "support_url": "https://other.example/help", "support_email": "help@other.example",
        "post_purchase_redirect_url": "https://other.example/done?o={order_id}",
    });
    let id = business(&bench, members.clone()).await;
    let moved = json!({ "merchant_profile_id": id });
    bench
        .operate("PATCH", &format!("/v1/admin/products/{theirs}"), &moved)
        .await;

    let shown = bench.get("/v1/storefront?product=theirs").await.json();
    for member in [
        "name",
        "legal_name",
        "brand_color",
        "support_url",
        "support_email",
    ] {
        assert_eq!(shown[member], members[member], "{member}");
    }
    assert_eq!(shown["rails"], json!([]), "no store is connected for it");
    let ours = bench.get("/v1/storefront?product=ours").await.json();
    assert_eq!(
        ours,
        json!({ "name": "Test Operator", "rails": ["lightning", "onchain"],
                "recovers_by_mail": false })
    );

    // Nothing can be paid to a business without a store, and nothing is recorded.
    let request = json_request(
        Method::POST,
        "/v1/purchase",
        &json!({ "product": "theirs" }),
    );
    let answer = bench.untouched_by(request).await;
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    assert!(
        answer
            .text("message")
            .contains("has not connected a payment provider"),
        "{answer:?}"
    );

    // As the default it is paid at the store of the configuration.
    operate(&bench, "POST", &format!("{id}/set-default"), json!({})).await;
    let redirect = |id: String| pay.invoice(&id).expect("an invoice").checkout.redirect_url;
    let (order_id, remote) = order(&bench, "theirs").await;
    let back = format!("https://other.example/done?o={order_id}");
    assert_eq!(redirect(remote), Some(back));
    let asked = json!({ "product": "ours", "redirect_url": "https://app.example/x" });
    let bought = bench.post("/v1/purchase", &asked).await;
    assert_eq!(
        redirect(bought.text("btcpay_invoice_id")).as_deref(),
        Some("https://app.example/x")
    );
    operate(&bench, "POST", &format!("{FIRST}/set-default"), json!({})).await;
    let (order_id, remote) = order(&bench, "ours").await;
    let back = format!("http://shop.test/thank-you?order_id={order_id}");
    assert_eq!(redirect(remote), Some(back));
}

#[tokio::test]
async fn links_to_the_checkout_lead_where_browsers_reach_it() {
    let pay = played_store();
    let account = crate::bench::account_of(&pay);
    let outside = [(name::BTCPAY_BROWSER_URL, "https://pay.example/")];
    let bench = Bench::with(&[&account[..], &outside].concat());
    bench.product("demo", 1_000).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let link = format!("https://pay.example/i/{}", bought.text("btcpay_invoice_id"));
    assert_eq!(bought.text("checkout_url"), link);
    let progress = crate::payments::poll(&bench, &bought.text("invoice_id")).await;
    assert_eq!(progress["checkout_url"], link);
}
