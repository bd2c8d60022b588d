//! An order's id is public and opens nothing; its secret opens the license key, and
//! only the buyer has it.

use crate::bench::{Bench, json_request, played_store};
use crate::payments::{deliver, order, poll};
use crate::usdc_shop::Market;
use http::Method;
use serde_json::{Value, json};

/// Everything that is stored and logged, as one text.
async fn kept(bench: &Bench) -> String {
    format!("{:?} {}", bench.dump().await, bench.log())
}

#[tokio::test]
async fn the_id_of_an_order_opens_nothing() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let wanted = json!({ "product": "demo", "buyer_email": "a@b.example" });
    let bought = bench.post("/v1/purchase", &wanted).await;
    let (id, secret) = (bought.text("order_id"), bought.text("invoice_id"));
    assert_ne!(id, secret);
    let poll_url = format!("http://shop.test/v1/purchase/{secret}");
    assert_eq!(bought.text("poll_url"), poll_url);
    let remote = bought.text("btcpay_invoice_id");
    pay.pay_in_full(&remote).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &remote).await;
    let unknown = (404, "not_found".to_owned());
    let hash = bench.sql("SELECT poll_hash FROM invoices").await[0]["poll_hash"].clone();
    let hash = hash.as_str().expect("a hash").to_owned();
    for wrong in [
        &id,
        &remote,
        &hash,
        &secret[1..].to_owned(),
        &secret.to_uppercase(),
    ] {
        let answer = bench.get(&format!("/v1/purchase/{wrong}")).await;
        assert_eq!(answer.refusal(), unknown, "{wrong}");
        let recover = json!({ "invoice_id": wrong, "email": "a@b.example" });
        let answer = bench.post("/v1/recover", &recover).await;
        assert_eq!(answer.refusal(), unknown, "{wrong}");
        bench.clock.advance(60);
    }
    let progress = bench.get(&format!("/v1/purchase/{secret}")).await;
    assert_eq!(progress.text("order_id"), id);
    assert_eq!(progress.text("invoice_id"), secret);
    let key = progress.text("license_key");
    let recover = json!({ "invoice_id": secret, "email": "a@b.example" });
    let found = bench.post("/v1/recover", &recover).await;
    assert_eq!(found.text("license_key"), key);
    assert!(!kept(&bench).await.contains(&secret));
}

#[tokio::test]
async fn the_payment_provider_is_never_told_the_secret() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let (id, secret) = (bought.text("order_id"), bought.text("invoice_id"));
    pay.pay_in_full(&bought.text("btcpay_invoice_id"))
        .expect("a payment");
    bench.clock.advance(crate::bench::UNTIL_DUE);
    bench.tick().await;
    assert_eq!(poll(&bench, &secret).await["status"], "settled");
    let sent: Vec<String> = pay
        .requests()
        .iter()
        .map(|one| {
            format!(
                "{} {} {}",
                one.path,
                one.query,
                String::from_utf8_lossy(&one.body)
            )
        })
        .collect();
    assert!(sent.iter().any(|text| text.contains(&id)), "{sent:?}");
    assert!(sent.iter().all(|text| !text.contains(&secret)), "{sent:?}");
}

/// A vendor's template gets the secret only where it names it.
#[tokio::test]
async fn a_template_gets_what_it_names() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let product = bench.product("demo", 1_000).await;
    for (template, names_secret) in [
        ("https://shop.example/done?o={order_id}", false),
        ("https://shop.example/done#{invoice_id}", true),
    ] {
        let body = json!({ "name": template, "post_purchase_redirect_url": template });
        let made = bench
            .operate("POST", "/v1/admin/merchant-profiles", &body)
            .await;
        let id = made.text("id");
        let path = format!("/v1/admin/merchant-profiles/{id}/set-default");
        assert_eq!(bench.operate("POST", &path, &json!({})).await.status, 200);
        let path = format!("/v1/admin/products/{product}");
        let moved = json!({ "merchant_profile_id": id });
        assert_eq!(bench.operate("PATCH", &path, &moved).await.status, 200);
        let bought = bench
            .post("/v1/purchase", &json!({ "product": "demo" }))
            .await;
        let remote = pay.invoice(&bought.text("btcpay_invoice_id"));
        let address = remote.expect("an invoice").checkout.redirect_url;
        let expected = template
            .replace("{order_id}", &bought.text("order_id"))
            .replace("{invoice_id}", &bought.text("invoice_id"));
        assert_eq!(address.as_deref(), Some(expected.as_str()));
        assert_eq!(expected.contains(&bought.text("invoice_id")), names_secret);
    }
}

#[tokio::test]
async fn an_order_from_before_is_opened_by_its_id() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let wanted = json!({ "product": "demo", "buyer_email": "a@b.example" });
    let old = bench.post("/v1/purchase", &wanted).await;
    let (id, secret) = (old.text("order_id"), old.text("invoice_id"));
    // As the release before recorded it.
    bench.sql("UPDATE invoices SET poll_hash = NULL").await;
    let remote = old.text("btcpay_invoice_id");
    pay.pay_in_full(&remote).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &remote).await;
    let progress = bench.get(&format!("/v1/purchase/{id}")).await.json();
    assert_eq!(
        (&progress["invoice_id"], &progress["order_id"]),
        (&json!(id), &json!(id))
    );
    let key = progress["license_key"].as_str().expect("a key");
    let recover = json!({ "invoice_id": format!(" {id} "), "email": "A@b.example" });
    let found = bench.post("/v1/recover", &recover).await;
    assert_eq!(found.text("license_key"), key);
    let gone = bench.get(&format!("/v1/purchase/{secret}")).await;
    assert_eq!(gone.status, 404);
    // A newer order beside it is not opened by its id.
    let (new, _) = order(&bench, "demo").await;
    assert_eq!(bench.get(&format!("/v1/purchase/{new}")).await.status, 404);
}

#[tokio::test]
async fn a_repeated_order_answers_the_same_secret() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let send = || {
        let mut request = json_request(Method::POST, "/v1/purchase", &json!({ "product": "free" }));
        let key = "0190a8b2-0000-7000-8000-000000000000"
            .parse()
            .expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        bench.send(request)
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first.json(), again.json());
    let secret = first.text("invoice_id");
    assert_eq!(
        poll(&bench, &secret).await["license_key"],
        first.json()["license_key"]
    );
    // Kept for the repetition, but sealed.
    assert!(!kept(&bench).await.contains(&secret));
}

/// The checkout of an order in USDC is a page of ours: its address carries the secret
/// where no server is told, and the database does not.
#[tokio::test]
async fn an_order_in_usdc_carries_its_secret_behind_the_hash() {
    let market = Market::open().await;
    let bench = &market.bench;
    let back = "https://app.example/done?x=1&o={order_id}&b={OrderId}&p={InvoiceId}#{invoice_id}";
    let body = json!({ "product": "demo", "rail": "usdc", "redirect_url": back });
    let bought = bench.post("/v1/purchase", &body).await;
    let (id, secret) = (bought.text("order_id"), bought.text("invoice_id"));
    let checkout = format!("http://shop.test/pay/{id}#{secret}");
    assert_eq!(bought.text("checkout_url"), checkout);
    let waiting = poll(bench, &secret).await;
    assert_eq!(waiting["checkout_url"], checkout);
    assert_eq!(waiting.get("redirect_url"), None);
    let code = |opener: &str| format!("/v1/purchase/{opener}/qr.svg");
    assert_eq!(bench.get(&code(&secret)).await.status, 200);
    assert_eq!(bench.get(&code(&id)).await.status, 404);
    assert!(!kept(bench).await.contains(&secret));
    let usdc = &bought.json()["usdc"];
    let units = u128::from(usdc["amount_units"].as_u64().expect("an amount"));
    let to = usdc["address"].as_str().expect("an address");
    market.pay(to.parse().expect("an address"), units);
    market.chain.mine(1);
    for _ in 0..20 {
        market.minute().await;
    }
    let paid = poll(bench, &secret).await;
    assert_eq!(paid["status"], "settled", "{paid}");
    let filled = format!("https://app.example/done?x=1&o={id}&b={id}&p=usdc-{id}#{secret}");
    assert_eq!(paid["redirect_url"], filled);
}

/// A store fills in what it calls the invoice; the rest is the same for every rail.
#[tokio::test]
async fn the_address_of_an_order_is_filled_at_a_store_as_in_usdc() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let back = "https://app.example/done?x=1&o={order_id}&b={OrderId}&p={InvoiceId}#{invoice_id}";
    let body = json!({ "product": "demo", "redirect_url": back });
    let bought = bench.post("/v1/purchase", &body).await;
    let (id, secret) = (bought.text("order_id"), bought.text("invoice_id"));
    let there = pay
        .invoice(&bought.text("btcpay_invoice_id"))
        .expect("an invoice");
    let filled = format!("https://app.example/done?x=1&o={id}&b={id}&p={{InvoiceId}}#{secret}");
    assert_eq!(there.checkout.redirect_url, Some(filled));
    assert!(!kept(&bench).await.contains(&secret));
}

/// Where the buyer did not say where to go, the business does, for every rail.
#[tokio::test]
async fn an_order_in_usdc_leads_where_the_business_sends_its_buyers() {
    let market = Market::open().await;
    let bench = &market.bench;
    let first = bench.sql("SELECT id FROM merchant_profiles").await[0]["id"].clone();
    let path = format!(
        "/v1/admin/merchant-profiles/{}",
        first.as_str().expect("an id")
    );
    let template = json!({ "post_purchase_redirect_url": "https://shop.example/{order_id}" });
    let changed = bench.operate("PATCH", &path, &template).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let order = market.order().await;
    market.pay_order(&order);
    market.chain.mine(1);
    for _ in 0..20 {
        market.minute().await;
    }
    let paid = poll(bench, &order.id).await;
    assert_eq!(paid["status"], "settled", "{paid}");
    assert_eq!(
        paid["redirect_url"],
        format!("https://shop.example/{}", order.id)
    );
}

#[tokio::test]
async fn a_redirect_that_reads_as_another_host_is_refused_for_every_rail() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    for (product, rail) in [
        ("demo", Value::Null),
        ("demo", json!("lightning")),
        ("demo", json!("onchain")),
        ("demo", json!("usdc")),
        ("free", Value::Null),
    ] {
        for bad in [
            "https://shop.example@evil.example/",
            "https://shop.example:x@evil.example/",
            "https://shop.example\\@evil.example/",
            "javascript:alert(1)",
        ] {
            let body = json!({ "product": product, "rail": rail, "redirect_url": bad });
            let request = json_request(Method::POST, "/v1/purchase", &body);
            let answer = bench.untouched_by(request).await;
            assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{body}");
            assert!(answer.text("message").starts_with("redirect_url must be"));
        }
    }
    for member in ["support_url", "post_purchase_redirect_url"] {
        let mut body = json!({ "name": "A business" });
        body[member] = json!("https://shop.example@evil.example/");
        let answer = bench
            .operate("POST", "/v1/admin/merchant-profiles", &body)
            .await;
        assert_eq!(
            answer.refusal(),
            (400, "bad_request".to_owned()),
            "{member}"
        );
    }
}
