//! What the operator looks up of what was sold.

use crate::bench::{Answer, Bench, played_store};
use crate::payments::{deliver, order, poll};
use http::header;
use keywright_license::LicenseKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(crate) async fn get(bench: &Bench, path: &str) -> Answer {
    bench
        .operate("GET", &format!("/v1/admin/{path}"), &json!({}))
        .await
}

/// The ids of a list's rows, in order.
pub(crate) fn ids(list: &Value, member: &str) -> Vec<String> {
    let rows = list[member].as_array();
    let rows = rows.unwrap_or_else(|| panic!("{list} has no list {member}"));
    let id = |row: &Value| row["id"].as_str().expect("an id").to_owned();
    rows.iter().map(id).collect()
}

/// The ids of all pages, following `Link` and `next_cursor`, which agree.
pub(crate) async fn walk(bench: &Bench, path: &str, member: &str, limit: usize) -> Vec<String> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let mut next = format!("/v1/admin/{path}{joint}limit={limit}");
    let mut found = Vec::new();
    for _ in 0..100 {
        let answer = bench.operate("GET", &next, &json!({})).await;
        assert_eq!(answer.status, 200, "{next}: {answer:?}");
        let page = answer.json();
        let rows = ids(&page, member);
        assert!(rows.len() <= limit, "{next}");
        found.extend(rows);
        let link = answer.headers.get(header::LINK);
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["next_cursor"], Value::Null);
            assert!(link.is_none(), "{link:?}");
            return found;
        };
        let link = link.and_then(|link| link.to_str().ok()).expect("a link");
        let target = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        target.expect("a target").clone_into(&mut next);
        assert!(next.ends_with(&format!("cursor={cursor}")), "{next}");
    }
    panic!("{path} does not end: {found:?}");
}

/// The search of a query; one with a key goes by its body, as it has to.
async fn search(bench: &Bench, query: &str) -> Answer {
    if !query.contains("key=") {
        return get(bench, &format!("licenses/search?{query}")).await;
    }
    let members = query.split('&').filter_map(|member| member.split_once('='));
    let members = members.map(|(name, value)| (name.to_owned(), json!(value)));
    let body = Value::Object(members.collect());
    bench
        .operate("POST", "/v1/admin/licenses/search", &body)
        .await
}

#[tokio::test]
async fn pages_have_every_row_once_newest_first() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 1).await;
    let mut sold = Vec::new();
    // Three of a second, so that a page ends between rows of the same time.
    for number in 0..12 {
        if number % 3 == 0 {
            bench.clock.advance(1);
        }
        let id = bench.issue("demo", json!({})).await.text("license_id");
        bench.machine(&format!("m{number:02}"), &id).await;
        sold.push(id);
    }
    let rows = bench
        .sql("SELECT id FROM licenses ORDER BY issued_at DESC, id DESC")
        .await;
    let newest_first: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    for limit in [1, 2, 5, 12, 13] {
        for path in [
            "licenses".to_owned(),
            format!("licenses?product_id={product_id}"),
            "licenses?product_slug=demo&status=active".to_owned(),
        ] {
            let walked = walk(&bench, &path, "licenses", limit).await;
            assert_eq!(walked, newest_first, "{path} by {limit}");
        }
    }
    let by_license: BTreeSet<String> = walk(&bench, "machines", "machines", 5)
        .await
        .into_iter()
        .collect();
    assert_eq!(by_license.len(), 12);
    // A license sold meanwhile comes before the first page, and moves nothing.
    let first = get(&bench, "licenses?limit=5").await.json();
    bench.clock.advance(1);
    bench.issue("demo", json!({})).await;
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = get(&bench, &format!("licenses?limit=5&cursor={cursor}")).await;
    assert_eq!(ids(&second.json(), "licenses"), newest_first[5..10]);
}

#[tokio::test]
async fn a_list_takes_filters_that_all_have_to_fit() {
    let bench = Bench::new();
    let demo = bench.product("demo", 1).await;
    bench.product("other", 1).await;
    let mut license = Vec::new();
    for (product, email) in [
        ("demo", "a@example.com"),
        ("demo", "b@example.com"),
        ("other", "a@example.com"),
    ] {
        bench.clock.advance(1);
        let members = json!({ "buyer_email": email });
        license.push(bench.issue(product, members).await.text("license_id"));
    }
    let suspend = format!("/v1/admin/licenses/{}/suspend", license[1]);
    bench.operate("POST", &suspend, &json!({})).await;
    let (a, b, o) = (&license[0], &license[1], &license[2]);
    for (query, expected) in [
        (String::new(), vec![o, b, a]),
        (format!("product_id={demo}"), vec![b, a]),
        ("product_slug=demo".to_owned(), vec![b, a]),
        ("status=active".to_owned(), vec![o, a]),
        ("status=suspended".to_owned(), vec![b]),
        ("status=revoked".to_owned(), vec![]),
        ("status=active&product_slug=demo".to_owned(), vec![a]),
        ("buyer_email=A%40Example.com".to_owned(), vec![o, a]),
        (
            "buyer_email=%20a%40example.com%20&product_slug=other".to_owned(),
            vec![o],
        ),
        (
            "buyer_email=a%40example.com&status=suspended".to_owned(),
            vec![],
        ),
        (format!("product_id={demo}&product_slug=other"), vec![]),
        ("product_slug=none".to_owned(), vec![]),
        ("product_id=none".to_owned(), vec![]),
        (
            "product_slug=&status=&buyer_email=".to_owned(),
            vec![o, b, a],
        ),
        ("buyer_email=%25".to_owned(), vec![]),
    ] {
        let answer = get(&bench, &format!("licenses?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let found = answer.json();
        assert_eq!(
            ids(&found, "licenses").iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
        assert!(
            !answer.body.windows(4).any(|four| four == b"LIC1"),
            "no key: {query}"
        );
    }
    for query in [
        "status=expired",
        "status=Active",
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=x",
    ] {
        let answer = get(&bench, &format!("licenses?{query}")).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{query}");
    }
}

#[expect(clippy::too_many_lines, reason = "a table of what is looked for")]
#[tokio::test]
async fn a_license_is_found_by_what_a_buyer_has() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    let policy_id = bench
        .policy("demo", "default", json!({ "name": "The usual" }))
        .await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    let bought = progress["license_id"].as_str().expect("an id").to_owned();
    let key = progress["license_key"].as_str().expect("a key").to_owned();
    bench.clock.advance(1);
    let given = bench
        .issue("demo", json!({ "buyer_email": "Press@Example.com" }))
        .await;
    let (by_hand, other_key) = (given.text("license_id"), given.text("license_key"));
    let free = json!({ "product": "free", "buyer_email": "press@example.com" });
    bench.clock.advance(1);
    let free = bench.post("/v1/purchase", &free).await;
    let (free_invoice, gift) = (free.text("order_id"), free.text("license_id"));
    let lower = format!("LIC1-{}", key["LIC1-".len()..].to_ascii_lowercase());
    // Anybody's signature: finding is not validating.
    let forged = format!(
        "{}-{}",
        &key[..key.rfind('-').expect("a dash")],
        "A".repeat(103)
    );
    assert!(LicenseKey::parse(&forged).is_ok());
    let emails = "buyer_email=press%40example.com";
    for (query, expected) in [
        (format!("license_id={bought}"), vec![&bought]),
        (format!("invoice_id={invoice_id}"), vec![&bought]),
        (format!("invoice_id={btcpay_id}"), vec![&bought]),
        (format!("invoice_id=free-{free_invoice}"), vec![&gift]),
        (format!("invoice_id={free_invoice}"), vec![&gift]),
        (format!("key={key}"), vec![&bought]),
        (format!("key={lower}"), vec![&bought]),
        (format!("key={forged}"), vec![&bought]),
        (format!("key={other_key}"), vec![&by_hand]),
        (emails.to_owned(), vec![&gift, &by_hand]),
        (format!("{emails}&invoice_id={free_invoice}"), vec![&gift]),
        (format!("{emails}&license_id={by_hand}"), vec![&by_hand]),
        (format!("{emails}&license_id={bought}"), vec![]),
        (format!("key={key}&license_id={bought}"), vec![&bought]),
        (format!("key={key}&license_id={by_hand}"), vec![]),
        (format!("key={key}&invoice_id={free_invoice}"), vec![]),
        ("invoice_id=none".to_owned(), vec![]),
        ("license_id=none".to_owned(), vec![]),
        ("license_id=%27".to_owned(), vec![]),
    ] {
        let answer = search(&bench, &query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let found = answer.json();
        assert_eq!(
            ids(&found, "licenses").iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
        assert!(
            !answer.body.windows(4).any(|four| four == b"LIC1"),
            "no key: {query}"
        );
    }
    for query in [
        "",
        "limit=5",
        "buyer_email=",
        "license_id=%20&invoice_id=",
        "product_slug=demo",
        "key=x",
        "key=LIC1-AA-AA",
        "license_id=x&limit=0",
        "license_id=x&cursor=!",
    ] {
        let answer = get(&bench, &format!("licenses/search?{query}")).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{query}");
        let answer = search(&bench, query).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{query}");
    }
    // A key has no place in an address, good or not.
    let answer = get(&bench, &format!("licenses/search?key={key}")).await;
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    assert!(
        answer
            .text("message")
            .contains("POST /v1/admin/licenses/search")
    );
    let found = get(&bench, &format!("licenses/search?license_id={bought}"))
        .await
        .json();
    let row = &found["licenses"][0];
    for (member, value) in [
        ("policy_id", json!(policy_id)),
        ("policy_slug", json!("default")),
        ("policy_name", json!("The usual")),
        ("product_slug", json!("demo")),
        ("invoice_id", json!(invoice_id)),
        ("active_machines", json!(0)),
        ("status", json!("active")),
    ] {
        assert_eq!(row[member], value, "{member}");
    }
    // Pages of a search, too.
    assert_eq!(
        walk(&bench, &format!("licenses/search?{emails}"), "licenses", 1).await,
        [gift, by_hand]
    );
}

#[tokio::test]
async fn a_license_is_shown_with_all_that_belongs_to_it() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let body = json!({ "product": "demo", "buyer_email": "a@example.com", "buyer_note": "Hello" });
    let ordered = bench.post("/v1/purchase", &body).await;
    let (invoice_id, btcpay_id) = (ordered.text("order_id"), ordered.text("btcpay_invoice_id"));
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench.clock.advance(5);
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    let id = progress["license_id"].as_str().expect("an id");
    for machine in ["m1", "m2"] {
        bench.machine(machine, id).await;
    }
    bench
        .operate("POST", "/v1/admin/machines/m1/deactivate", &json!({}))
        .await;
    let suspend = format!("/v1/admin/licenses/{id}/suspend");
    let reason = json!({ "reason": "chargeback" });
    bench.operate("POST", &suspend, &reason).await;
    let answer = get(&bench, &format!("licenses/{id}")).await;
    assert!(
        !answer.body.windows(4).any(|four| four == b"LIC1"),
        "no key"
    );
    let shown = answer.json();
    assert_eq!(shown["status"], "suspended");
    assert_eq!(shown["status_reason"], "chargeback");
    assert_eq!(shown["active_machines"], 1);
    let invoice = json!({
        "id": invoice_id, "status": "settled", "provider": "btcpay",
        "provider_invoice_id": btcpay_id, "amount_sats": 50_000, "base_price_sats": 50_000,
        "price_currency": "SAT", "price_value": 50_000, "base_price_value": 50_000,
        "buyer_email": "a@example.com", "buyer_note": "Hello",
        "created_at": "2027-01-15T08:00:00Z", "settled_at": "2027-01-15T08:00:05Z",
    });
    assert_eq!(shown["invoice"], invoice);
    let receipt = &shown["receipt"];
    for (member, value) in [
        ("kind", json!("btcpay")),
        ("external_ref", json!(btcpay_id)),
        ("amount", json!(50_000)),
        ("currency", json!("SAT")),
        ("received_at", json!("2027-01-15T08:00:05Z")),
    ] {
        assert_eq!(receipt[member], value, "{member}");
    }
    let machine = json!([{
        "id": "m2", "fingerprint_hash": "hash of m2", "hostname": "host", "platform": null,
        "activated_at": "2027-01-15T08:00:00Z", "last_seen_at": "2027-01-15T08:00:00Z",
    }]);
    assert_eq!(shown["machines"], machine);
    let by_hand = bench.issue("demo", json!({})).await.text("license_id");
    let shown = get(&bench, &format!("licenses/{by_hand}")).await.json();
    assert_eq!(
        (&shown["invoice"], &shown["invoice_id"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shown["receipt"]["kind"], "grant");
    assert_eq!(shown["machines"], json!([]));
    for unknown in [
        "x",
        "%00",
        "%ff",
        "%27",
        "searches",
        "019b0000-0000-7000-8000-000000000000",
    ] {
        let answer = get(&bench, &format!("licenses/{unknown}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{unknown}");
    }
}

#[tokio::test]
async fn a_license_shows_its_newest_hundred_machines_and_the_list_all() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({ "max_machines": 0 })).await;
    let id = issued.text("license_id");
    for number in 0..120 {
        bench.machine(&format!("m{number:03}"), &id).await;
    }
    let shown = get(&bench, &format!("licenses/{id}")).await.json();
    assert_eq!(shown["active_machines"], 120);
    let machines = ids(&shown, "machines");
    assert_eq!((machines.len(), &machines[0]), (100, &"m119".to_owned()));
    let all = get(&bench, &format!("machines?license_id={id}&limit=1000"))
        .await
        .json();
    assert_eq!(ids(&all, "machines").len(), 120);
    assert_eq!(all["next_cursor"], Value::Null);
}

#[tokio::test]
async fn licenses_are_counted_by_state_and_product() {
    let bench = Bench::new();
    let demo = bench.product("demo", 1).await;
    bench.product("bare", 1).await;
    let none = json!({ "total": 0, "active": 0, "suspended": 0, "revoked": 0, "expired": 0 });
    let empty = get(&bench, "licenses/summary").await.json();
    for (member, value) in none.as_object().expect("counts") {
        assert_eq!(&empty[member], value, "{member}");
    }
    let hour = json!({ "expires_at": "2027-01-15T09:00:00Z" });
    let hour_and_grace = json!({ "expires_at": "2027-01-15T09:00:00Z", "grace_seconds": 60 });
    let mut issued = Vec::new();
    for members in [
        json!({}),
        json!({}),
        json!({}),
        hour.clone(),
        hour_and_grace,
        hour,
    ] {
        issued.push(bench.issue("demo", members).await.text("license_id"));
    }
    for (index, verb) in [(0, "suspend"), (1, "revoke"), (5, "suspend")] {
        let path = format!("/v1/admin/licenses/{}/{verb}", issued[index]);
        bench.operate("POST", &path, &json!({})).await;
    }
    for (seconds, expired) in [(3_599, 0), (1, 1), (59, 1), (1, 2)] {
        bench.clock.advance(seconds);
        let summary = get(&bench, "licenses/summary").await.json();
        let counts =
            json!({ "total": 6, "active": 3, "suspended": 2, "revoked": 1, "expired": expired });
        let mut all = counts.clone();
        let mut of_demo = counts;
        of_demo["product_id"] = json!(demo);
        of_demo["product_slug"] = json!("demo");
        of_demo["product_name"] = json!("demo");
        assert_eq!(summary["products"][1], of_demo);
        assert_eq!(summary["products"][0]["product_slug"], "bare");
        assert_eq!(summary["products"][0]["total"], 0);
        all["products"] = summary["products"].clone();
        assert_eq!(summary, all);
    }
}
