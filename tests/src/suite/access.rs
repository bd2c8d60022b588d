//! Every route of the operator with every kind of key, compared with the
//! table of access.

use super::cases;
use super::floor::{NOBODY, api_key, product, text};
use crate::hosts::{Answer, Instance};
use crate::shop::{ADMIN_KEY, CRON_TOKEN};
use http::Method;
use keywright_admin::Api;
use keywright_domain::access::{Caller, Gate, Role, Scope};
use keywright_web::endpoints::Endpoint;
use serde_json::json;

cases![
    no_bearer_key,
    every_route_with_every_key,
    reading_by_head,
    what_a_key_did,
];

/// A bearer credential, and whose it is; `None` is nobody's.
struct Offered {
    what: String,
    token: String,
    caller: Option<Caller>,
}

/// Calls a route on an object that does not exist, with a body that no route
/// takes, so that being let in changes nothing.
async fn call(instance: &Instance, route: &Endpoint<Gate>, token: Option<&str>) -> Answer {
    let path = route.path.replace("{id}", NOBODY);
    let path = path
        .replace("{product}", "no-such-product")
        .replace("{rail}", "onchain");
    assert!(!path.contains('{'), "{path}: say here what to put there");
    let mut request = instance.api.request(route.method.clone(), &path);
    if !matches!(route.method, Method::GET | Method::DELETE) {
        request = request.json(&json!([]));
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    instance.api.send(request).await
}

async fn no_bearer_key(instance: &Instance) {
    for route in Api::endpoints() {
        let answer = call(instance, &route, None).await;
        answer.is_error(401, "unauthorized");
        let path = route.path.replace("{id}", NOBODY);
        let path = path
            .replace("{product}", "no-such-product")
            .replace("{rail}", "onchain");
        let request = instance.api.request(route.method.clone(), &path);
        let basic = request.basic_auth("admin", Some(ADMIN_KEY));
        instance.api.send(basic).await.is_error(401, "unauthorized");
    }
}

/// Scoped keys of every role, with and without what can be given by name.
async fn scoped(instance: &Instance) -> Vec<Offered> {
    let mut offered = Vec::new();
    for role in Role::ALL {
        for extra in [vec![], vec![Scope::PaymentProvidersWrite]] {
            let made = api_key(instance, *role, &extra).await;
            offered.push(Offered {
                what: format!("{role} with {extra:?}"),
                token: text(&made, "token"),
                caller: Some(Caller::Key {
                    id: text(&made, "id"),
                    role: *role,
                    extra,
                }),
            });
        }
    }
    offered
}

/// What opens nothing.
async fn of_nobody(instance: &Instance) -> Vec<Offered> {
    let revoked = api_key(instance, Role::FullAdmin, &[]).await;
    let path = format!("api-keys/{}", text(&revoked, "id"));
    let ended = instance.api.admin(Method::DELETE, &path, &json!({})).await;
    assert_eq!(ended.ok()["ok"], true);
    let good = text(&api_key(instance, Role::FullAdmin, &[]).await, "token");
    [
        ("revoked", text(&revoked, "token")),
        ("unknown", format!("ks_{}", "A".repeat(43))),
        ("cut", good[..45].to_owned()),
        ("longer", format!("{good}A")),
        ("in capitals", good.to_uppercase()),
        ("without its prefix", good[3..].to_owned()),
        ("two", format!("{good} {ADMIN_KEY}")),
        ("the cron token", CRON_TOKEN.to_owned()),
        ("the operator's, cut", ADMIN_KEY[1..].to_owned()),
        ("the operator's, in capitals", ADMIN_KEY.to_uppercase()),
    ]
    .map(|(what, token)| Offered {
        what: what.to_owned(),
        token,
        caller: None,
    })
    .into()
}

async fn every_route_with_every_key(instance: &Instance) {
    let mut all = vec![Offered {
        what: "the operator's".to_owned(),
        token: ADMIN_KEY.to_owned(),
        caller: Some(Caller::Master),
    }];
    all.extend(scoped(instance).await);
    all.extend(of_nobody(instance).await);
    for route in Api::endpoints() {
        for offered in &all {
            let answer = call(instance, &route, Some(&offered.token)).await;
            let what = format!("{}, {}: {answer:?}", answer.asked, offered.what);
            let opens = |caller: &Caller| route.access.opens_to(caller);
            if offered.caller.as_ref().is_some_and(opens) {
                // In, and what it says then is the route's own affair.
                assert!(!matches!(answer.status, 401 | 403 | 405), "{what}");
                assert!(answer.status < 500, "{what}");
                assert!(!answer.text().contains("no such route"), "{what}");
                continue;
            }
            assert_eq!(answer.status, 403, "{what}");
            answer.is_error(403, "forbidden");
            assert!(!answer.text().contains(&offered.token), "{what}");
            if let (Some(_), Gate::Scope(scope)) = (&offered.caller, route.access) {
                assert!(answer.text().contains(scope.as_str()), "{what}");
            }
        }
    }
}

async fn reading_by_head(instance: &Instance) {
    let reader = text(&api_key(instance, Role::ReadOnly, &[]).await, "token");
    let head = |path: &'static str, token: &str| {
        let request = instance.api.request(Method::HEAD, path);
        instance.api.send(request.bearer_auth(token.to_owned()))
    };
    assert_eq!(head("/v1/admin/audit", &reader).await.status, 200);
    assert_eq!(head("/v1/admin/api-keys", &reader).await.status, 403);
    assert_eq!(head("/v1/admin/api-keys", ADMIN_KEY).await.status, 200);
}

/// A change is in the audit table under the key that made it.
async fn what_a_key_did(instance: &Instance) {
    product(instance, "by-a-key", 1).await;
    let key = api_key(instance, Role::LicenseIssuer, &[]).await;
    let issue = instance.api.request(Method::POST, "/v1/admin/licenses");
    let issue = issue
        .bearer_auth(text(&key, "token"))
        .json(&json!({ "product_slug": "by-a-key" }));
    let issued = instance.api.send(issue).await.ok();
    let sql = "SELECT actor FROM audit WHERE object_id = ?1";
    let license_id = text(&issued, "license_id");
    let rows = instance.database.rows(sql, &[&license_id]).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["actor"], format!("api_key:{}", text(&key, "id")));
    // It may not touch what it does not sell.
    let change = instance.api.request(Method::POST, "/v1/admin/products");
    let change = change
        .bearer_auth(text(&key, "token"))
        .json(&json!({ "slug": "by-a-key-2", "name": "No", "price_sats": 1 }));
    instance.api.send(change).await.is_error(403, "forbidden");
    let none = instance.api.get("/v1/products/by-a-key-2").await;
    none.is_error(404, "not_found");
}
