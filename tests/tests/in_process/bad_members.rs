//! Members outside their limits: prices, slugs, names, terms, orders.

use crate::bench::{Bench, json_request, raw_request, signed_in};
use http::Method;
use serde_json::{Value, json};

/// Sends a body of the operator; asserts that nothing changed.
async fn refused(bench: &Bench, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = raw_request(method, path, "application/json", body.to_owned());
    bench.untouched_by(signed_in(request)).await.refusal()
}

fn bad() -> (u16, String) {
    (400, "bad_request".to_owned())
}

fn unfit() -> (u16, String) {
    (422, "unprocessable_entity".to_owned())
}

#[tokio::test]
async fn a_price_is_a_whole_number_of_sats_that_exists() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 1).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    for (price, refusal) in [
        ("-1", bad()),
        ("2100000000000001", bad()),
        ("9223372036854775807", bad()),
        ("9223372036854775808", unfit()),
        ("-9223372036854775809", unfit()),
        ("1e3", unfit()),
        ("1e400", unfit()),
        ("0.5", unfit()),
        ("100.0", unfit()),
        ("\"100\"", unfit()),
        ("true", unfit()),
        ("[1]", unfit()),
    ] {
        let wanted = |refusal: &(u16, String), got: (u16, String), what: &str| {
            // A number that no machine holds is no JSON number to the reader.
            let no_number = price == "1e400" && got == bad();
            assert!(no_number || got == *refusal, "{what} {price}: {got:?}");
        };
        let product = format!("{{\"slug\":\"p\",\"name\":\"P\",\"price_sats\":{price}}}");
        let answer = refused(&bench, Method::POST, "/v1/admin/products", &product).await;
        wanted(&refusal, answer, "a product at");
        let product = format!(
            "{{\"slug\":\"p\",\"name\":\"P\",\"price_currency\":\"SAT\",\"price_value\":{price}}}"
        );
        let answer = refused(&bench, Method::POST, "/v1/admin/products", &product).await;
        wanted(&refusal, answer, "a product with a value of");
        let path = format!("/v1/admin/products/{product_id}");
        let change = format!("{{\"price_sats\":{price}}}");
        wanted(
            &refusal,
            refused(&bench, Method::PATCH, &path, &change).await,
            "changed to",
        );
        let policy = format!(
            "{{\"product_slug\":\"demo\",\"slug\":\"q\",\"name\":\"Q\",\"price_sats_override\":{price}}}"
        );
        let answer = refused(&bench, Method::POST, "/v1/admin/policies", &policy).await;
        wanted(&refusal, answer, "a policy at");
        let path = format!("/v1/admin/policies/{policy_id}");
        let change = format!("{{\"price_sats\":{price}}}");
        wanted(
            &refusal,
            refused(&bench, Method::PATCH, &path, &change).await,
            "a policy to",
        );
    }
    for body in [
        json!({ "slug": "p", "name": "P" }),
        json!({ "slug": "p", "name": "P", "price_sats": null }),
        json!({ "slug": "p", "name": "P", "price_currency": "SAT" }),
        json!({ "slug": "p", "name": "P", "price_currency": "USD" }),
        json!({ "slug": "p", "name": "P", "price_currency": "usd", "price_value": 1 }),
        json!({ "slug": "p", "name": "P", "price_currency": "GBP", "price_value": 1 }),
        json!({ "slug": "p", "name": "P", "price_currency": "USD", "price_value": -1 }),
        json!({ "slug": "p", "name": "P", "price_currency": "EUR", "price_value": 100_000_000_001_i64 }),
        json!({ "slug": "p", "name": "P", "price_sats": 1, "price_currency": "USD", "price_value": 1 }),
        json!({ "slug": "p", "name": "P", "price_sats": 1, "price_value": 1 }),
        json!({ "slug": "p", "name": "P", "price_sats": 1, "price_currency": "SAT" }),
    ] {
        let answer = refused(
            &bench,
            Method::POST,
            "/v1/admin/products",
            &body.to_string(),
        )
        .await;
        assert_eq!(answer, bad(), "{body}");
    }
    // The most there is may be asked for.
    let most = json!({ "slug": "p", "name": "P", "price_sats": 2_100_000_000_000_000_i64 });
    let answer = bench.operate("POST", "/v1/admin/products", &most).await;
    assert_eq!(answer.json()["price_sats"], 2_100_000_000_000_000_i64);
}

#[tokio::test]
async fn a_slug_stays_inside_its_path() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let long = "a".repeat(65);
    for slug in [
        "", " ", "a/b", "/a", "a/", "..", "../a", "a%2fb", "a.b", "A", "ä", "a b", "-a", "a-",
        "_a", "a\u{0}", "a\\b", "a?b", "a#b", &long,
    ] {
        let product = json!({ "slug": slug, "name": "P", "price_sats": 1 }).to_string();
        let answer = refused(&bench, Method::POST, "/v1/admin/products", &product).await;
        assert_eq!(answer, bad(), "{slug:?}");
        let policy = json!({ "product_slug": "demo", "slug": slug, "name": "P" }).to_string();
        let answer = refused(&bench, Method::POST, "/v1/admin/policies", &policy).await;
        assert_eq!(answer, bad(), "{slug:?}");
        // As the name of a product that is meant, it names none.
        let order = json!({ "product": slug });
        let request = json_request(Method::POST, "/v1/purchase", &order);
        let answer = bench.untouched_by(request).await;
        let unknown = if slug.contains('\0') {
            bad()
        } else {
            (404, "not_found".to_owned())
        };
        assert_eq!(answer.refusal(), unknown, "{slug:?}");
    }
    for path in ["a%2fb", "%00", "%ff", "A", "..", "demo%20", &long] {
        let path = format!("/v1/products/{path}");
        assert_eq!(
            bench.get(&path).await.refusal(),
            (404, "not_found".to_owned()),
            "{path}"
        );
        let path = format!("{path}/policies");
        assert_eq!(
            bench.get(&path).await.refusal(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn names_and_free_form_members_have_their_limits() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 1).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    let long = "x".repeat(20_001);
    for (member, value) in [
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("x".repeat(201))),
        ("description", json!(long)),
        ("metadata", json!([])),
        ("metadata", json!("text")),
        ("metadata", json!({ "a": long })),
        (
            "entitlements_catalog",
            json!([{ "slug": "a", "name": long }]),
        ),
    ] {
        let mut product = json!({ "slug": "p", "name": "P", "price_sats": 1 });
        product[member] = value.clone();
        let product = product.to_string();
        let answer = refused(&bench, Method::POST, "/v1/admin/products", &product).await;
        assert_eq!(answer, bad(), "{member}");
        let change = json!({ member: value }).to_string();
        let path = format!("/v1/admin/products/{product_id}");
        assert_eq!(
            refused(&bench, Method::PATCH, &path, &change).await,
            bad(),
            "{member}"
        );
        if matches!(member, "name" | "metadata") {
            let path = format!("/v1/admin/policies/{policy_id}");
            assert_eq!(
                refused(&bench, Method::PATCH, &path, &change).await,
                bad(),
                "{member}"
            );
        }
    }
}

#[tokio::test]
async fn terms_have_their_limits() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    let century = 100_i64 * 365 * 86_400;
    let many: Vec<String> = (0..256).map(|number| number.to_string()).collect();
    for (member, value, refusal) in [
        ("duration_seconds", json!(-1), bad()),
        ("duration_seconds", json!(century + 1), bad()),
        ("duration_seconds", json!(1.5), unfit()),
        ("duration_seconds", json!(i64::MAX), bad()),
        ("grace_seconds", json!(-1), bad()),
        ("grace_seconds", json!(century + 1), bad()),
        ("max_machines", json!(-1), bad()),
        ("max_machines", json!(1_000_001), bad()),
        ("entitlements", json!("all"), unfit()),
        ("entitlements", json!([1]), unfit()),
        ("entitlements", json!([""]), bad()),
        ("entitlements", json!(["a b"]), bad()),
        ("entitlements", json!(["ä"]), bad()),
        ("entitlements", json!(["x".repeat(256)]), bad()),
        ("entitlements", json!(many), bad()),
        ("is_trial", json!("yes"), unfit()),
        ("is_trial", json!(1), unfit()),
    ] {
        let mut policy = json!({ "product_slug": "demo", "slug": "q", "name": "Q" });
        policy[member] = value.clone();
        let policy = policy.to_string();
        let answer = refused(&bench, Method::POST, "/v1/admin/policies", &policy).await;
        assert_eq!(answer, refusal, "a policy with {member} {value}");
        let change = json!({ member: value }).to_string();
        let path = format!("/v1/admin/policies/{policy_id}");
        let answer = refused(&bench, Method::PATCH, &path, &change).await;
        assert_eq!(answer, refusal, "a change to {member} {value}");
        if member != "duration_seconds" {
            let mut license = json!({ "product_slug": "demo" });
            license[member] = value.clone();
            let license = license.to_string();
            let answer = refused(&bench, Method::POST, "/v1/admin/licenses", &license).await;
            assert_eq!(answer, refusal, "a license with {member} {value}");
        }
    }
    for expires_at in [
        "",
        "tomorrow",
        "2027-01-01",
        "2027-13-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
    ] {
        let license = json!({ "product_slug": "demo", "expires_at": expires_at }).to_string();
        let answer = refused(&bench, Method::POST, "/v1/admin/licenses", &license).await;
        assert_eq!(answer, bad(), "{expires_at}");
    }
}

/// The most that terms allow is also what a key and a token can carry.
#[tokio::test]
async fn the_largest_license_can_be_signed() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let slug = "x".repeat(64);
    bench.product(&slug, 1).await;
    // Many short ones, few long ones, and ones that JSON writes twice as long.
    for (count, length, byte) in [
        (255, 19, 'a'),
        (22, 255, 'b'),
        (11, 255, '"'),
        (11, 255, '\\'),
    ] {
        let text = byte.to_string().repeat(length);
        let entitlements = vec![text.clone(); count];
        let members = json!({ "entitlements": entitlements, "expires_at": "9999-12-31T23:59:59Z" });
        let key = bench.issue(&slug, members).await.text("license_key");
        assert_eq!(bench.verified(&key).payload().entitlements(), entitlements);
        let longer = vec![text; 255];
        let policy =
            json!({ "product_slug": "demo", "slug": "q", "name": "Q", "entitlements": longer });
        let policy = policy.to_string();
        if length == 255 {
            let answer = refused(&bench, Method::POST, "/v1/admin/policies", &policy).await;
            assert_eq!(answer, bad(), "{count} of {length}");
        }
    }
    let members = json!({ "entitlements": vec!["x".repeat(255); 22] });
    let issued = bench.issue("demo", members).await;
    let key = issued.text("license_key");
    let answer = bench.post("/v1/validate", &json!({ "key": key })).await;
    assert_eq!(answer.json()["ok"], true, "{answer:?}");
    let token = issued.text("token");
    let request = http::Request::get(crate::bench::FILE)
        .header("authorization", format!("Bearer {token}"))
        .body(axum::body::Body::empty());
    assert_eq!(bench.send(request.expect("a request")).await.status, 200);
}

#[tokio::test]
async fn unknown_things_are_not_found() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let not_found = (404, "not_found".to_owned());
    let operator: [(Method, &str, Value); 10] = [
        (Method::PATCH, "/v1/admin/products/x", json!({})),
        (Method::PATCH, "/v1/admin/products/%00", json!({})),
        (Method::PATCH, "/v1/admin/products/%ff", json!({})),
        (
            Method::PATCH,
            "/v1/admin/products/x/active",
            json!({ "active": false }),
        ),
        (Method::PATCH, "/v1/admin/policies/x", json!({})),
        (Method::POST, "/v1/admin/licenses/x/revoke", json!({})),
        (
            Method::POST,
            "/v1/admin/policies",
            json!({ "product_slug": "no", "slug": "q", "name": "Q" }),
        ),
        (Method::GET, "/v1/admin/policies?product_slug=no", json!({})),
        (
            Method::POST,
            "/v1/admin/licenses",
            json!({ "product_slug": "no" }),
        ),
        (
            Method::POST,
            "/v1/admin/licenses",
            json!({ "product_slug": "demo", "policy_slug": "no" }),
        ),
    ];
    for (method, path, body) in operator {
        let answer = refused(&bench, method, path, &body.to_string()).await;
        assert_eq!(answer, not_found, "{path} {body}");
    }
    let long = "x".repeat(5_000);
    for invoice_id in [
        "x",
        "%00",
        "%ff",
        "..",
        "019b0000-0000-7000-8000-000000000000",
        &long,
    ] {
        let answer = bench.get(&format!("/v1/purchase/{invoice_id}")).await;
        assert_eq!(answer.refusal(), not_found, "{invoice_id}");
    }
    let answer = bench.operate("GET", "/v1/admin/policies", &json!({})).await;
    assert_eq!(answer.refusal(), bad());
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_before_it_is_recorded() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench
        .policy("demo", "hidden", json!({ "public": false }))
        .await;
    bench
        .policy("demo", "off", json!({ "active": false }))
        .await;
    let archived = bench.policy("demo", "old", json!({})).await;
    let path = format!("/v1/admin/policies/{archived}");
    assert_eq!(
        bench
            .operate("PATCH", &path, &json!({ "archived": true }))
            .await
            .status,
        200
    );
    let off_sale = bench.product("gone", 0).await;
    let path = format!("/v1/admin/products/{off_sale}/active");
    assert_eq!(
        bench
            .operate("PATCH", &path, &json!({ "active": false }))
            .await
            .status,
        200
    );
    let not_found = (404, "not_found".to_owned());
    let long_url = format!("https://a.example/{}", "x".repeat(2_000));
    for (members, refusal) in [
        (json!({ "product": "no" }), &not_found),
        (json!({ "product": "gone" }), &bad()),
        (json!({ "policy_slug": "no" }), &not_found),
        (json!({ "policy_slug": "old" }), &not_found),
        (json!({ "policy_slug": "hidden" }), &bad()),
        (json!({ "policy_slug": "off" }), &bad()),
        (json!({ "code": "SAVE" }), &bad()),
        (json!({ "rail": "card" }), &bad()),
        (json!({ "rail": "Lightning" }), &bad()),
        (json!({ "buyer_email": "nobody" }), &unfit()),
        (json!({ "buyer_email": "a@b@c" }), &unfit()),
        (json!({ "buyer_email": "a b@c.example" }), &unfit()),
        (
            json!({ "buyer_email": format!("{}@c.example", "a".repeat(255)) }),
            &bad(),
        ),
        (json!({ "buyer_note": "x".repeat(2_001) }), &bad()),
        (json!({ "redirect_url": "javascript:alert(1)" }), &bad()),
        (json!({ "redirect_url": "/thanks" }), &bad()),
        (json!({ "redirect_url": "ftp://a.example/" }), &bad()),
        (json!({ "redirect_url": long_url }), &bad()),
        (json!({ "buyer_email": 1 }), &unfit()),
        (json!({ "product": 1 }), &unfit()),
        (json!({ "product": null }), &unfit()),
    ] {
        let mut order = json!({ "product": "demo" });
        for (name, value) in members.as_object().expect("members") {
            order[name] = value.clone();
        }
        let request = json_request(Method::POST, "/v1/purchase", &order);
        assert_eq!(
            bench.untouched_by(request).await.refusal(),
            *refusal,
            "{members}"
        );
    }
    // An empty text is an absent one.
    bench.policy("demo", "default", json!({})).await;
    let order = json!({
        "product": "demo", "policy_slug": "", "buyer_email": "", "buyer_note": "", "code": "",
        "redirect_url": "", "rail": "",
    });
    assert_eq!(bench.post("/v1/purchase", &order).await.status, 200);
}
