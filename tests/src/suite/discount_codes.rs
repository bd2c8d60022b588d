//! Discount codes as the operator sees them.

use super::cases;
use super::floor::{NOBODY, code, policy, product, text, uses};
use crate::hosts::{Answer, Instance};
use http::Method;
use serde_json::{Value, json};

cases![
    made_and_shown,
    limits,
    taken,
    changes,
    fixed_members,
    switched_off_and_on,
    deleted,
    listed_in_pages,
    unknown_ids,
];

async fn make(instance: &Instance, body: Value) -> Answer {
    let api = &instance.api;
    api.admin(Method::POST, "discount-codes", &body).await
}

fn path_of(code: &Value) -> String {
    format!("discount-codes/{}", text(code, "id"))
}

async fn show(instance: &Instance, code: &Value) -> Value {
    let api = &instance.api;
    let path = path_of(code);
    api.admin(Method::GET, &path, &json!({})).await.ok()
}

async fn made_and_shown(instance: &Instance) {
    let made = product(instance, "coded", 100).await;
    for slug in ["pro", "basic"] {
        policy(instance, "coded", slug, json!({})).await;
    }
    let whole = json!({
        "code": " coded-1 ", "kind": "fixed_sats", "amount": 7, "discount_currency": "SAT",
        "max_uses": 3, "expires_at": "2099-01-01T00:00:00+01:00", "product_slug": "coded",
        "policy_slugs": ["pro", "basic", "pro"], "featured": true, "description": "For all",
        "referrer_label": "A friend",
    });
    let first = make(instance, whole).await.ok();
    let expected = json!({
        "id": first["id"], "code": "CODED-1", "kind": "fixed_sats", "amount": 7,
        "discount_currency": "SAT", "max_uses": 3, "used_count": 0, "remaining_uses": 3,
        "expires_at": "2098-12-31T23:00:00Z", "product_id": made["id"], "product_slug": "coded",
        "policy_slugs": ["basic", "pro"], "active": true, "featured": true, "cycles": 1,
        "description": "For all", "referrer_label": "A friend",
        "created_at": first["created_at"], "updated_at": first["created_at"],
    });
    assert_eq!(first, expected);
    assert_eq!(show(instance, &first).await, first);
    let least = json!({ "code": "CODED_2", "kind": "free_license", "amount": 77 });
    let second = make(instance, least).await.ok();
    for (member, value) in [
        ("amount", json!(0)),
        ("max_uses", Value::Null),
        ("remaining_uses", Value::Null),
        ("expires_at", Value::Null),
        ("product_id", Value::Null),
        ("product_slug", Value::Null),
        ("policy_slugs", Value::Null),
        ("featured", json!(false)),
        ("description", json!("")),
        ("referrer_label", Value::Null),
    ] {
        assert_eq!(second[member], value, "{member}");
    }
    assert_eq!(show(instance, &second).await, second);
    let one = json!({ "code": "CODED-3", "kind": "set_price", "amount": 1,
                      "product_slug": "coded", "policy_slug": "pro" });
    let third = make(instance, one).await.ok();
    assert_eq!(third["policy_slugs"], json!(["pro"]));
}

async fn limits(instance: &Instance) {
    product(instance, "code-limits", 100).await;
    policy(instance, "code-limits", "pro", json!({})).await;
    let usual = || json!({ "code": "LIMITS", "kind": "percent", "amount": 1 });
    let many: Vec<String> = (0..101).map(|number| format!("p{number}")).collect();
    let of_product = |member: &str, value: Value| {
        let mut body = usual();
        body["product_slug"] = json!("code-limits");
        body[member] = value;
        body
    };
    for (member, value) in [
        ("code", json!("")),
        ("code", json!("A B")),
        ("code", json!("50%")),
        ("code", json!("ÄÖ")),
        ("code", json!("x".repeat(65))),
        ("amount", json!(-1)),
        ("amount", json!(10_001)),
        ("amount", Value::Null),
        ("discount_currency", json!("GBP")),
        ("discount_currency", json!("sat")),
        ("max_uses", json!(0)),
        ("max_uses", json!(-1)),
        ("expires_at", json!("soon")),
        ("expires_at", json!("2099-01-01")),
        ("description", json!("d".repeat(2_001))),
        ("referrer_label", json!("r".repeat(201))),
        ("policy_slug", json!("pro")),
        ("policy_slugs", json!(["pro"])),
    ] {
        let mut body = usual();
        body[member] = value.clone();
        let answer = make(instance, body).await;
        answer.is_error(400, "bad_request");
        let says = answer.text().contains(member) || member == "policy_slug";
        assert!(says, "{member} {value}: {}", answer.text());
    }
    for (kind, amount) in [
        ("fixed_sats", json!(0)),
        ("fixed_sats", json!(2_100_000_000_000_001_i64)),
        ("set_price", json!(0)),
        ("set_price", json!(-5)),
    ] {
        let body = json!({ "code": "LIMITS", "kind": kind, "amount": amount });
        make(instance, body).await.is_error(400, "bad_request");
    }
    let mut both = of_product("policy_slug", json!("pro"));
    both["policy_slugs"] = json!(["pro"]);
    for body in [both, of_product("policy_slugs", json!(many))] {
        make(instance, body).await.is_error(400, "bad_request");
    }
    for body in [
        of_product("product_slug", json!("no-such")),
        of_product("policy_slug", json!("none")),
        of_product("policy_slugs", json!(["pro", "none"])),
    ] {
        make(instance, body).await.is_error(404, "not_found");
    }
    for (member, value) in [
        ("kind", json!("half")),
        ("amount", json!("1")),
        ("amount", json!(1.5)),
        ("policy_slugs", json!("pro")),
        ("featured", json!("yes")),
        ("code", json!(1)),
    ] {
        make(instance, of_product(member, value))
            .await
            .is_error(422, "unprocessable_entity");
    }
    let sql = "SELECT count(*) AS n FROM discount_codes WHERE code = ?1";
    assert_eq!(instance.database.count(sql, &["LIMITS"]).await, 0);
}

async fn taken(instance: &Instance) {
    code(instance, "TAKEN", json!({})).await;
    let again = json!({ "code": "taken", "kind": "free_license" });
    make(instance, again).await.is_error(409, "conflict");
}

async fn changes(instance: &Instance) {
    product(instance, "code-changes", 0).await;
    policy(instance, "code-changes", "pro", json!({})).await;
    let made = code(
        instance,
        "CHANGES",
        json!({ "product_slug": "code-changes" }),
    )
    .await;
    let path = path_of(&made);
    let change = |body: Value| {
        let path = path.clone();
        async move { instance.api.admin(Method::PATCH, &path, &body).await }
    };
    let all = json!({
        "amount": 2_500, "max_uses": 2, "expires_at": "2099-01-01T00:00:00Z",
        "description": "More", "referrer_label": "R", "featured": true, "policy_slugs": ["pro"],
    });
    let changed = change(all.clone()).await.ok();
    for (member, value) in all.as_object().expect("members") {
        assert_eq!(&changed[member], value, "{member}");
    }
    assert_eq!(show(instance, &made).await, changed);
    // What is not sent stays; what changes nothing is not told of.
    assert_eq!(change(json!({})).await.ok(), changed);
    assert_eq!(change(all.clone()).await.ok(), changed);
    let sql = "SELECT count(*) AS n FROM audit
               WHERE action = 'discount_code.change' AND object_id = ?1";
    let told = instance.database.count(sql, &[&text(&made, "id")]).await;
    assert_eq!(told, 1);
    // Null clears what may be empty.
    let cleared = json!({ "max_uses": null, "expires_at": null, "referrer_label": null,
                          "policy_slugs": null });
    let cleared = change(cleared).await.ok();
    for member in ["max_uses", "expires_at", "referrer_label", "policy_slugs"] {
        assert_eq!(cleared[member], Value::Null, "{member}");
    }
    assert_eq!(
        (&cleared["amount"], &cleared["featured"]),
        (&json!(2_500), &json!(true))
    );
    for body in [
        json!({ "amount": 10_001 }),
        json!({ "max_uses": 0 }),
        json!({ "expires_at": "never" }),
        json!({ "description": "d".repeat(2_001) }),
        json!({ "referrer_label": "r".repeat(201) }),
    ] {
        change(body).await.is_error(400, "bad_request");
    }
    change(json!({ "policy_slugs": ["none"] }))
        .await
        .is_error(404, "not_found");
    // The limit stays at or above what was used.
    for _ in 0..2 {
        let order = json!({ "product": "code-changes", "code": "CHANGES" });
        instance.api.post("/v1/purchase", &order).await.ok();
    }
    let too_low = change(json!({ "max_uses": 1, "amount": 5 })).await;
    too_low.is_error(400, "bad_request");
    assert!(too_low.text().contains("max_uses"), "{}", too_low.text());
    assert_eq!(show(instance, &made).await["amount"], 2_500);
    let full = change(json!({ "max_uses": 2 })).await.ok();
    assert_eq!(
        (&full["used_count"], &full["remaining_uses"]),
        (&json!(2), &json!(0))
    );
    let everywhere = code(instance, "CHANGES-ALL", json!({})).await;
    let narrow = json!({ "policy_slugs": ["pro"] });
    instance
        .api
        .admin(Method::PATCH, &path_of(&everywhere), &narrow)
        .await
        .is_error(400, "bad_request");
}

async fn fixed_members(instance: &Instance) {
    let made = code(instance, "FIXED", json!({})).await;
    for (member, value) in [
        ("code", json!("OTHER")),
        ("kind", json!("set_price")),
        ("product_slug", json!("other")),
        ("product_id", json!(NOBODY)),
        ("discount_currency", json!("SAT")),
        ("active", json!(false)),
    ] {
        let mut body = json!({ "amount": 5 });
        body[member] = value;
        let api = &instance.api;
        let answer = api.admin(Method::PATCH, &path_of(&made), &body).await;
        answer.is_error(400, "bad_request");
        assert!(answer.text().contains(member), "{}", answer.text());
    }
    assert_eq!(show(instance, &made).await, made, "nothing changed");
}

async fn switched_off_and_on(instance: &Instance) {
    let made = code(instance, "SWITCHED", json!({})).await;
    let path = format!("{}/active", path_of(&made));
    for (active, entries) in [(false, 1), (false, 1), (true, 2), (true, 2)] {
        let body = json!({ "active": active });
        let done = instance.api.admin(Method::PATCH, &path, &body).await;
        assert_eq!(done.ok(), json!({ "ok": true }));
        assert_eq!(show(instance, &made).await["active"], active);
        let sql = "SELECT count(*) AS n FROM audit
                   WHERE action = 'discount_code.change' AND object_id = ?1";
        let told = instance.database.count(sql, &[&text(&made, "id")]).await;
        assert_eq!(told, entries, "repeating is not told again");
    }
    for body in [json!({}), json!({ "active": "no" })] {
        let refused = instance.api.admin(Method::PATCH, &path, &body).await;
        refused.is_error(422, "unprocessable_entity");
    }
}

async fn deleted(instance: &Instance) {
    product(instance, "code-deleted", 100).await;
    let unused = code(instance, "UNUSED", json!({})).await;
    let remove = |code: &Value| {
        let path = path_of(code);
        async move { instance.api.admin(Method::DELETE, &path, &json!({})).await }
    };
    assert_eq!(remove(&unused).await.ok(), json!({ "ok": true }));
    remove(&unused).await.is_error(404, "not_found");
    code(instance, "UNUSED", json!({})).await;
    let used = code(instance, "ONCE-USED", json!({ "kind": "free_license" })).await;
    let order = json!({ "product": "code-deleted", "code": "ONCE-USED" });
    instance.api.post("/v1/redeem", &order).await.ok();
    remove(&used).await.is_error(409, "conflict");
    assert_eq!(uses(instance, "ONCE-USED").await, [1, 0, 1, 0]);
}

async fn listed_in_pages(instance: &Instance) {
    product(instance, "code-pages", 100).await;
    let mut made = Vec::new();
    for number in 0..5 {
        let members = json!({ "product_slug": "code-pages" });
        made.push(code(instance, &format!("PAGE-{number}"), members).await);
    }
    let off = format!("{}/active", path_of(&made[1]));
    let body = json!({ "active": false });
    instance.api.admin(Method::PATCH, &off, &body).await.ok();
    let list = |query: String| {
        let path = format!("discount-codes?product_slug=code-pages{query}");
        async move { instance.api.admin(Method::GET, &path, &json!({})).await }
    };
    let codes = |page: &Value| -> Vec<String> {
        let page = page["discount_codes"].as_array().expect("a list");
        page.iter().map(|code| text(code, "code")).collect()
    };
    let whole = list(String::new()).await.ok();
    let mut all = codes(&whole);
    assert_eq!(whole["next_cursor"], Value::Null);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = list(format!("&limit=2{cursor}")).await;
        let page = answer.ok();
        paged.extend(codes(&page));
        let Some(next) = page["next_cursor"].as_str() else {
            assert_eq!(answer.header("link"), "");
            break;
        };
        assert!(
            answer.header("link").contains(next),
            "{}",
            answer.header("link")
        );
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all, "the pages are the list");
    all.sort();
    assert_eq!(all, ["PAGE-0", "PAGE-1", "PAGE-2", "PAGE-3", "PAGE-4"]);
    let off = list("&active=false".to_owned()).await.ok();
    assert_eq!(codes(&off), ["PAGE-1"]);
    let on = list("&active=true".to_owned()).await.ok();
    assert_eq!(codes(&on).len(), 4);
    for query in ["&active=maybe", "&limit=0", "&limit=1001", "&cursor=x"] {
        list(query.to_owned()).await.is_error(400, "bad_request");
    }
    let none = "discount-codes?product_slug=no-such";
    let answer = instance.api.admin(Method::GET, none, &json!({})).await;
    answer.is_error(404, "not_found");
}

async fn unknown_ids(instance: &Instance) {
    for id in [NOBODY, "x", "%00", "%ff"] {
        let path = format!("discount-codes/{id}");
        for (method, path, body) in [
            (Method::GET, path.clone(), json!({})),
            (Method::PATCH, path.clone(), json!({ "amount": 1 })),
            (Method::DELETE, path.clone(), json!({})),
            (
                Method::PATCH,
                format!("{path}/active"),
                json!({ "active": true }),
            ),
        ] {
            let answer = instance.api.admin(method, &path, &body).await;
            answer.is_error(404, "not_found");
        }
    }
}
