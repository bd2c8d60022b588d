//! What the operator looks up of what was sold.

use super::cases;
use super::floor::{buy, issue, policy, product, text, until};
use super::license_changes::turn;
use crate::hosts::{Answer, Instance};
use http::Method;
use serde_json::{Value, json};

cases![listed, pages, searched, bought, counted];

/// An id that no license has.
pub(super) const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

pub(super) async fn get(instance: &Instance, path: &str) -> Answer {
    instance.api.admin(Method::GET, path, &json!({})).await
}

pub(super) fn ids(list: &Value, member: &str) -> Vec<String> {
    let rows = list[member].as_array().expect("a list");
    rows.iter().map(|row| text(row, "id")).collect()
}

async fn listed(instance: &Instance) {
    let product_id = text(&product(instance, "licenses-listed", 10).await, "id");
    policy(
        instance,
        "licenses-listed",
        "pro",
        json!({ "name": "Professional" }),
    )
    .await;
    let members = json!({ "policy_slug": "pro", "buyer_email": "Lister@Example.com" });
    let one = issue(instance, "licenses-listed", members).await;
    let other = text(
        &issue(instance, "licenses-listed", json!({})).await,
        "license_id",
    );
    turn(instance, &other, "suspend", &json!({ "reason": "late" }))
        .await
        .ok();
    let id = text(&one, "license_id");
    for (query, expected) in [
        (format!("product_id={product_id}&status=active"), vec![&id]),
        (
            "product_slug=licenses-listed&status=suspended".to_owned(),
            vec![&other],
        ),
        (
            "product_slug=licenses-listed&status=revoked".to_owned(),
            vec![],
        ),
        ("buyer_email=lister%40example.com".to_owned(), vec![&id]),
    ] {
        let answer = get(instance, &format!("licenses?{query}")).await;
        let found = ids(&answer.ok(), "licenses");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        assert!(!answer.text().contains("LIC1-"), "{query}");
    }
    let found = get(
        instance,
        "licenses?product_slug=licenses-listed&status=active",
    )
    .await
    .ok();
    let row = &found["licenses"][0];
    assert_eq!(row["policy_slug"], "pro");
    assert_eq!(row["policy_name"], "Professional");
    assert_eq!(row["product_slug"], "licenses-listed");
    assert_eq!(row["active_machines"], 0);
    for query in ["status=expired", "limit=0", "limit=1001", "cursor=x"] {
        let answer = get(instance, &format!("licenses?{query}")).await;
        answer.is_error(400, "bad_request");
    }
}

async fn pages(instance: &Instance) {
    product(instance, "license-pages", 10).await;
    let mut issued = Vec::new();
    for _ in 0..5 {
        issued.push(text(
            &issue(instance, "license-pages", json!({})).await,
            "license_id",
        ));
    }
    let mut found = Vec::new();
    let mut next = "licenses?product_slug=license-pages&limit=2".to_owned();
    for rest in [3, 1, 0] {
        let answer = get(instance, &next).await;
        let page = answer.ok();
        found.extend(ids(&page, "licenses"));
        assert_eq!(issued.len() - found.len(), rest);
        if rest == 0 {
            assert_eq!(page["next_cursor"], Value::Null);
            assert_eq!(answer.header("link"), "");
        } else {
            let link = answer.header("link");
            let target = link.strip_prefix("</v1/admin/").expect(link);
            let target = target.strip_suffix(">; rel=\"next\"").expect(link);
            target.clone_into(&mut next);
        }
    }
    found.sort();
    issued.sort();
    assert_eq!(found, issued);
}

async fn searched(instance: &Instance) {
    product(instance, "searched", 10).await;
    let members = json!({ "buyer_email": "seeker@example.com" });
    let one = issue(instance, "searched", members.clone()).await;
    let two = issue(instance, "searched", members).await;
    let (id, key) = (text(&one, "license_id"), text(&one, "license_key"));
    let other = text(&two, "license_id");
    for (query, expected) in [
        (format!("license_id={id}"), vec![&id]),
        (
            format!("buyer_email=SEEKER%40example.com&license_id={other}"),
            vec![&other],
        ),
        (format!("license_id={NOBODY}"), vec![]),
    ] {
        let found = get(instance, &format!("licenses/search?{query}"))
            .await
            .ok();
        let found = ids(&found, "licenses");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for (search, expected) in [
        (json!({ "key": key }), vec![&id]),
        (json!({ "key": key, "license_id": other }), vec![]),
    ] {
        let admin = instance.api.admin(Method::POST, "licenses/search", &search);
        let found = ids(&admin.await.ok(), "licenses");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{search}");
    }
    let in_address = get(instance, &format!("licenses/search?key={key}")).await;
    in_address.is_error(400, "bad_request");
    let found = get(instance, "licenses/search?buyer_email=seeker%40example.com")
        .await
        .ok();
    assert_eq!(ids(&found, "licenses").len(), 2);
    for query in ["", "buyer_email=", "key=LIC1", "product_slug=searched"] {
        let answer = get(instance, &format!("licenses/search?{query}")).await;
        answer.is_error(400, "bad_request");
    }
}

async fn bought(instance: &Instance) {
    product(instance, "looked-up", 1_000).await;
    let order = buy(instance, "looked-up").await;
    let (invoice, theirs) = (
        text(&order, "invoice_id"),
        text(&order, "btcpay_invoice_id"),
    );
    instance.btcpay.pay_in_full(&theirs).expect("a payment");
    let id = text(&until(instance, &invoice, "settled").await, "license_id");
    let invoice = text(&order, "order_id");
    for query in [&invoice, &theirs] {
        let found = get(instance, &format!("licenses/search?invoice_id={query}"))
            .await
            .ok();
        assert_eq!(ids(&found, "licenses"), std::slice::from_ref(&id));
    }
    let shown = get(instance, &format!("licenses/{id}")).await.ok();
    assert_eq!(shown["invoice_id"], invoice);
    assert_eq!(shown["invoice"]["id"], invoice);
    assert_eq!(shown["invoice"]["status"], "settled");
    assert_eq!(shown["invoice"]["provider_invoice_id"], theirs);
    assert_eq!(shown["invoice"]["amount_sats"], 1_000);
    assert_eq!(shown["receipt"]["kind"], "btcpay");
    assert_eq!(shown["receipt"]["external_ref"], theirs);
    assert_eq!(shown["machines"], json!([]));
    let issued = issue(instance, "looked-up", json!({})).await;
    let by_hand = get(
        instance,
        &format!("licenses/{}", text(&issued, "license_id")),
    )
    .await
    .ok();
    assert_eq!(by_hand["invoice"], Value::Null);
    assert_eq!(by_hand["receipt"]["kind"], "grant");
}

async fn counted(instance: &Instance) {
    product(instance, "counted", 10).await;
    let expired = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    for members in [json!({}), expired, json!({}), json!({})] {
        issue(instance, "counted", members).await;
    }
    let found = get(instance, "licenses?product_slug=counted&limit=2")
        .await
        .ok();
    for (id, verb) in ids(&found, "licenses").iter().zip(["suspend", "revoke"]) {
        turn(instance, id, verb, &json!({})).await.ok();
    }
    let summary = get(instance, "licenses/summary").await.ok();
    let products = summary["products"].as_array().expect("a list");
    let mine = products
        .iter()
        .find(|product| product["product_slug"] == "counted");
    let mine = mine.expect("a product");
    for (member, count) in [
        ("total", 4),
        ("suspended", 1),
        ("revoked", 1),
        ("active", 2),
    ] {
        assert_eq!(mine[member], count, "{member}");
        assert!(summary[member].as_i64() >= Some(count), "{member}");
    }
    assert!(mine["expired"].as_i64() <= Some(1));
}
