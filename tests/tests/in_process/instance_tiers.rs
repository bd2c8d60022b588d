//! Caps of an instance: one Keywright sells instance licenses to another, which is capped,
//! upgrades, and is not.

use crate::bench::{Answer, Bench, json_request, public_key, signed_in};
use crate::races::at_once;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use keywright_native_host::Fault;
use keywright_ports::{BoxFuture, Fetch, FetchError, FetchLimits, name};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const HOST: &str = "licenses.host.test";
const UNLIMITED: [&str; 4] = [
    "unlimited_products",
    "unlimited_policies",
    "unlimited_codes",
    "unlimited_merchant_profiles",
];

/// The way to the issuer, which may be down.
struct WayToIssuer {
    issuer: Arc<Bench>,
    is_down: AtomicBool,
    questions: AtomicUsize,
}

impl Fetch for WayToIssuer {
    fn send(
        &self,
        request: Request<Bytes>,
        _: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        assert_eq!(request.uri().host(), Some(HOST));
        assert_eq!(request.uri().path(), "/v1/validate");
        self.questions.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if self.is_down.load(Ordering::SeqCst) {
                return Err(FetchError::Unreachable(HOST.to_owned()));
            }
            let (parts, body) = request.into_parts();
            let request = Request::post(parts.uri.path())
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body));
            let answer = self.issuer.send(request.expect("a request")).await;
            let response = Response::builder().status(answer.status).body(answer.body);
            Ok(response.expect("a response"))
        })
    }
}

/// An issuer, and a shop whose host set caps.
struct House {
    issuer: Arc<Bench>,
    way: Arc<WayToIssuer>,
    config: Vec<(&'static str, String)>,
    shop: Arc<Bench>,
}

impl House {
    async fn with(license: Option<Value>) -> (Self, Option<Value>) {
        let issuer = Arc::new(Bench::new());
        let product_id = issuer.product("hosting", 0).await;
        issuer.product("other", 0).await;
        let pro = json!({ "entitlements": UNLIMITED[..1], "tier_rank": 2 });
        issuer.policy("hosting", "pro", pro).await;
        issuer
            .policy("hosting", "patron", json!({ "entitlements": ["patron"] }))
            .await;
        let license = match license {
            Some(members) => Some(issuer.issue("hosting", members).await.json()),
            None => None,
        };
        let key = license.as_ref().and_then(|one| one["license_key"].as_str());
        let config = vec![
            (name::INSTANCE_ISSUER_KEY, public_key()),
            (name::INSTANCE_ISSUER_URL, format!("https://{HOST}")),
            (name::INSTANCE_PRODUCT_SLUG, "hosting".to_owned()),
            (name::INSTANCE_PRODUCT_ID, product_id),
            (name::INSTANCE_LICENSE, key.unwrap_or_default().to_owned()),
        ];
        let way = Arc::new(WayToIssuer {
            issuer: issuer.clone(),
            is_down: AtomicBool::new(false),
            questions: AtomicUsize::new(0),
        });
        let texts: Vec<_> = config
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let shop = Arc::new(Bench::with_outbound(&texts, way.clone()));
        let house = Self {
            issuer,
            way,
            config,
            shop,
        };
        (house, license)
    }

    /// The shop started anew, over its database.
    fn restarted(&self) -> Bench {
        let texts: Vec<_> = self
            .config
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Bench::over_outbound(&self.shop, &texts, self.way.clone())
    }

    async fn enter(&self, key: &str) -> Answer {
        let body = json!({ "license_key": key });
        self.shop
            .operate("POST", "/v1/admin/self-license", &body)
            .await
    }

    /// Runs the hourly check.
    async fn check(&self) {
        self.shop.clock.advance(3_601);
        self.shop.tick().await;
    }
}

async fn tier(shop: &Bench) -> Value {
    let tier = shop.operate("GET", "/v1/admin/tier", &json!({})).await;
    assert_eq!(tier.status, 200, "{tier:?}");
    tier.json()
}

async fn add_product(shop: &Bench, slug: &str) -> Answer {
    let body = json!({ "slug": slug, "name": slug, "price_sats": 0 });
    shop.operate("POST", "/v1/admin/products", &body).await
}

async fn add_policy(shop: &Bench, slug: &str) -> Answer {
    let body = json!({ "product_slug": "p0", "slug": slug, "name": slug });
    shop.operate("POST", "/v1/admin/policies", &body).await
}

async fn add_code(shop: &Bench, code: &str) -> Answer {
    let body = json!({ "code": code, "kind": "percent", "amount": 1_000 });
    shop.operate("POST", "/v1/admin/discount-codes", &body)
        .await
}

async fn add_business(shop: &Bench, name: &str) -> Answer {
    let body = json!({ "name": name });
    shop.operate("POST", "/v1/admin/merchant-profiles", &body)
        .await
}

fn at_cap(answer: &Answer, resource: &str, cap: i64) {
    assert_eq!(answer.status, 402, "{answer:?}");
    let body = answer.json();
    let url = format!("https://{HOST}/buy/hosting?policy=pro");
    let expected = json!({ "ok": false, "error": "tier_cap", "message": body["message"],
                           "resource": resource, "cap": cap, "usage": cap, "upgrade_url": url });
    assert_eq!(body, expected);
}

/// The product sells licenses to itself.
#[tokio::test]
async fn a_capped_shop_upgrades_and_is_not() {
    let (house, _) = House::with(None).await;
    let shop = &house.shop;
    let shown = tier(shop).await;
    assert_eq!(
        (&shown["tier"], &shown["next_tier"]),
        (&json!("creator"), &json!("pro"))
    );
    let caps = json!({ "products": 5, "policies_per_product": 5, "active_codes": 10,
                       "merchant_profiles": 1 });
    assert_eq!(shown["caps"], caps);
    for number in 0..5 {
        assert_eq!(add_product(shop, &format!("p{number}")).await.status, 200);
        assert_eq!(add_policy(shop, &format!("y{number}")).await.status, 200);
    }
    for number in 0..10 {
        assert_eq!(add_code(shop, &format!("C{number}")).await.status, 200);
    }
    at_cap(&add_product(shop, "p5").await, "products", 5);
    at_cap(&add_policy(shop, "y5").await, "policies_per_product", 5);
    at_cap(&add_code(shop, "C10").await, "active_codes", 10);
    at_cap(&add_business(shop, "Second").await, "merchant_profiles", 1);
    let taken = add_product(shop, "p0").await;
    assert_eq!(
        taken.status, 402,
        "the cap comes before the slug: {taken:?}"
    );
    // Bought at the issuer, and then upgraded there.
    let bought = house
        .issuer
        .issue("hosting", json!({ "policy_slug": "pro" }))
        .await;
    let entered = house
        .enter(&format!("Key: {}", bought.text("license_key")))
        .await;
    assert_eq!(entered.status, 200, "{entered:?}");
    assert_eq!(
        (entered.text("tier"), entered.text("verdict")),
        ("pro".into(), "good".into())
    );
    assert!(!entered.json().to_string().contains("LIC1-"));
    let dump = format!("{:?}", shop.dump().await);
    assert!(
        !dump.contains(&bought.text("license_key")),
        "the key is sealed"
    );
    assert_eq!(add_product(shop, "p5").await.status, 200);
    let refused = add_code(shop, "C10").await.json();
    assert!(
        refused["upgrade_url"]
            .as_str()
            .is_some_and(|url| url.ends_with("=patron"))
    );
    let license = format!("/v1/admin/licenses/{}", bought.text("license_id"));
    let patron = json!({ "entitlements": ["patron"] });
    house.issuer.operate("PATCH", &license, &patron).await;
    house.check().await;
    let shown = tier(shop).await;
    assert_eq!(
        (&shown["tier"], &shown["upgrade_url"]),
        (&json!("patron"), &Value::Null)
    );
    assert_eq!(shown["usage"]["products"], 6);
    for answer in [
        add_code(shop, "C10").await,
        add_policy(shop, "y5").await,
        add_business(shop, "Second").await,
    ] {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // Revoked: nothing that exists is touched, and what is new is capped.
    house
        .issuer
        .operate("POST", &format!("{license}/revoke"), &json!({}))
        .await;
    house.check().await;
    let shown = tier(shop).await;
    assert_eq!(
        (&shown["tier"], &shown["usage"]["active_codes"]),
        (&json!("creator"), &json!(11))
    );
    assert_eq!(add_product(shop, "p6").await.status, 402);
    let order = json!({ "product": "p5" });
    assert_eq!(
        shop.post("/v1/purchase", &order).await.status,
        200,
        "it goes on selling"
    );
    let entries = shop
        .number("SELECT count(*) FROM audit WHERE action = 'instance.license'")
        .await;
    assert_eq!(entries, 3, "entered, upgraded, revoked");
}

/// What is put into use counts, by every way in.
#[tokio::test]
async fn what_comes_back_into_use_counts() {
    let (house, _) = House::with(None).await;
    let shop = &house.shop;
    add_product(shop, "p0").await;
    let mut codes = Vec::new();
    for number in 0..10 {
        codes.push(add_code(shop, &format!("C{number}")).await.text("id"));
    }
    let turn = async |id: &str, active: bool| {
        let path = format!("/v1/admin/discount-codes/{id}/active");
        shop.operate("PATCH", &path, &json!({ "active": active }))
            .await
    };
    assert_eq!(turn(&codes[0], false).await.status, 200);
    assert_eq!(add_code(shop, "C10").await.status, 200);
    at_cap(&turn(&codes[0], true).await, "active_codes", 10);
    // Enabling what is enabled puts nothing into use.
    assert_eq!(turn(&codes[1], true).await.status, 200);
    let mut policies = Vec::new();
    for number in 0..5 {
        policies.push(add_policy(shop, &format!("y{number}")).await.text("id"));
    }
    let first = format!("/v1/admin/policies/{}", policies[0]);
    let archived = json!({ "archived": true });
    let back = json!({ "archived": false });
    shop.operate("PATCH", &format!("{first}/archived"), &archived)
        .await;
    assert_eq!(add_policy(shop, "y5").await.status, 200);
    let switched = shop
        .operate("PATCH", &format!("{first}/archived"), &back)
        .await;
    at_cap(&switched, "policies_per_product", 5);
    let changed = json!({ "archived": false, "name": "New" });
    at_cap(
        &shop.operate("PATCH", &first, &changed).await,
        "policies_per_product",
        5,
    );
    // A refused change changes nothing else, and every other change is free.
    let renamed = shop
        .operate("PATCH", &first, &json!({ "name": "Renamed" }))
        .await;
    assert_eq!(
        (renamed.status, renamed.text("name")),
        (200, "Renamed".to_owned())
    );
    let entry = "SELECT count(*) FROM audit WHERE after LIKE '%\"cap\"%'";
    assert_eq!(shop.number(entry).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_do_not_exceed_a_cap() {
    let (house, _) = House::with(None).await;
    let shop = &house.shop;
    add_product(shop, "p0").await;
    let disabled = add_code(shop, "OLD").await.text("id");
    let path = format!("/v1/admin/discount-codes/{disabled}/active");
    shop.operate("PATCH", &path, &json!({ "active": false }))
        .await;
    let requests = (0..200).map(|number| {
        let (shop, path) = (shop.clone(), path.clone());
        async move {
            let admin = |path: &str, body: Value| {
                signed_in(json_request(
                    Method::POST,
                    &format!("/v1/admin/{path}"),
                    &body,
                ))
            };
            let slug = format!("x{number}");
            let request = match number % 5 {
                0 => admin(
                    "products",
                    json!({ "slug": slug, "name": "X", "price_sats": 0 }),
                ),
                1 => admin(
                    "policies",
                    json!({ "product_slug": "p0", "slug": slug, "name": "X" }),
                ),
                2 => admin("merchant-profiles", json!({ "name": slug })),
                3 => signed_in(json_request(
                    Method::PATCH,
                    &path,
                    &json!({ "active": true }),
                )),
                _ => admin(
                    "discount-codes",
                    json!({ "code": slug, "kind": "percent", "amount": 1_000 }),
                ),
            };
            shop.send(request).await.status
        }
    });
    let statuses = at_once(requests).await;
    assert!(
        statuses.iter().all(|status| [200, 402].contains(status)),
        "{statuses:?}"
    );
    let usage = json!({ "products": 5, "policies_per_product": 5, "active_codes": 10,
                        "merchant_profiles": 1 });
    assert_eq!(tier(shop).await["usage"], usage);
}

#[tokio::test]
async fn only_a_good_license_of_the_right_product_lifts_a_cap() {
    let (house, _) = House::with(None).await;
    let issuer = &house.issuer;
    let other = issuer
        .issue("other", json!({ "entitlements": ["patron"] }))
        .await;
    let refused = house.enter(&other.text("license_key")).await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
    let message = refused.text("message");
    assert!(
        message.contains("product other") && message.contains("hosting"),
        "{message}"
    );
    let pro = json!({ "policy_slug": "pro" });
    let [revoked, suspended, replaced] = [
        issuer.issue("hosting", pro.clone()).await,
        issuer.issue("hosting", pro.clone()).await,
        issuer.issue("hosting", pro.clone()).await,
    ];
    for (license, change, code) in [
        (&revoked, "revoke", "revoked"),
        (&suspended, "suspend", "suspended"),
        (&replaced, "replace-key", "revoked"),
    ] {
        let path = format!("/v1/admin/licenses/{}/{change}", license.text("license_id"));
        issuer.operate("POST", &path, &json!({})).await;
        let refused = house.enter(&license.text("license_key")).await;
        assert_eq!(refused.refusal(), (400, code.to_owned()), "{change}");
    }
    for garbage in ["", "LIC1-AAAA", "patron"] {
        assert_eq!(house.enter(garbage).await.refusal().0, 400, "{garbage}");
    }
    assert_eq!(tier(&house.shop).await["tier"], "creator");
    // Scoped keys see the tier, and never the license.
    let key = json!({ "label": "all", "role": "full-admin" });
    let key = house
        .shop
        .operate("POST", "/v1/admin/api-keys", &key)
        .await
        .text("token");
    for (path, status) in [("tier", 200), ("self-license", 403)] {
        let request = Request::get(format!("/v1/admin/{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .body(Body::empty());
        let answer = house.shop.send(request.expect("a request")).await;
        assert_eq!(answer.status, status, "{path}");
    }
    // No caps without a host that sets them: no license is not the lowest tier.
    let free = Bench::new();
    let shown = tier(&free).await;
    assert_eq!(
        (&shown["tier"], &shown["caps"]["products"]),
        (&json!("unlimited"), &Value::Null)
    );
    let body = json!({ "license_key": revoked.text("license_key") });
    let refused = free.operate("POST", "/v1/admin/self-license", &body).await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
    for number in 0..7 {
        assert_eq!(add_product(&free, &format!("p{number}")).await.status, 200);
    }
}

/// The last good answer outlives the date in the pinned key, also over a restart without a
/// network; an issuer that is away takes nothing.
#[tokio::test]
async fn an_issuer_that_is_away_takes_nothing() {
    // Until 2027-01-16; the clock stands at 2027-01-15.
    let members = json!({ "policy_slug": "pro", "expires_at": "2027-01-16T08:00:00Z" });
    let (house, license) = House::with(Some(members)).await;
    let license = license.expect("a license");
    let shop = &house.shop;
    let path = format!(
        "/v1/admin/licenses/{}",
        license["license_id"].as_str().expect("an id")
    );
    // Never reached: the key counts as it is signed, to its date.
    house.way.is_down.store(true, Ordering::SeqCst);
    house.check().await;
    let shown = shop
        .operate("GET", "/v1/admin/self-license", &json!({}))
        .await;
    assert_eq!(
        (shown.text("tier"), shown.text("verdict")),
        ("pro".into(), "unchecked".into())
    );
    assert_eq!(shown.text("source"), "setting");
    assert!(shown.text("failure").contains(HOST));
    // Renewed at the issuer, and seen once.
    let renewed = json!({ "expires_at": "2028-01-16T08:00:00Z" });
    house.issuer.operate("PATCH", &path, &renewed).await;
    house.way.is_down.store(false, Ordering::SeqCst);
    house.check().await;
    let before = house.way.questions.load(Ordering::SeqCst);
    house.shop.tick().await;
    assert_eq!(
        house.way.questions.load(Ordering::SeqCst),
        before,
        "once an hour"
    );
    house.way.is_down.store(true, Ordering::SeqCst);
    shop.clock.advance(3 * 86_400);
    house.check().await;
    assert_eq!(tier(shop).await["tier"], "pro", "the key's date is over");
    assert_eq!(
        tier(&house.restarted()).await["tier"],
        "pro",
        "also after a restart"
    );
    let entered = house
        .enter(license["license_key"].as_str().expect("a key"))
        .await;
    assert_eq!(
        entered.refusal(),
        (409, "conflict".to_owned()),
        "the setting comes first"
    );
    // Suspended and back.
    house.way.is_down.store(false, Ordering::SeqCst);
    for (change, tier_now) in [("suspend", "creator"), ("unsuspend", "pro")] {
        house
            .issuer
            .operate("POST", &format!("{path}/{change}"), &json!({}))
            .await;
        house.check().await;
        assert_eq!(tier(shop).await["tier"], tier_now, "{change}");
    }
}

/// A key that is entered while the issuer is away counts as it is signed; every call of the
/// check may break.
#[tokio::test]
async fn a_broken_check_is_made_up_for() {
    let (house, _) = House::with(None).await;
    let bought = house
        .issuer
        .issue("hosting", json!({ "policy_slug": "pro" }))
        .await;
    house.way.is_down.store(true, Ordering::SeqCst);
    let entered = house.enter(&bought.text("license_key")).await;
    assert_eq!(
        (entered.text("tier"), entered.text("verdict")),
        ("pro".into(), "unchecked".into())
    );
    house.way.is_down.store(false, Ordering::SeqCst);
    let path = format!("/v1/admin/licenses/{}/revoke", bought.text("license_id"));
    house.issuer.operate("POST", &path, &json!({})).await;
    for fault in [Fault::Before, Fault::After] {
        for call in 0..40 {
            house.shop.clock.advance(3_601);
            house.shop.shop.database.break_call(call, fault);
            house.shop.tick().await;
        }
    }
    house.check().await;
    assert_eq!(tier(&house.shop).await["tier"], "creator");
    let entries = "SELECT count(*) FROM audit WHERE action = 'instance.license'";
    assert_eq!(
        house.shop.number(entries).await,
        2,
        "entered and revoked, once each"
    );
}
