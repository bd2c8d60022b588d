//! The gate beside a database: what was revoked opens nothing any more, and
//! downloads are logged. Without one it does the rest.

use crate::gatehouse::{House, LINUX, claims, refusal, token};
use axum::body::Body;
use http::{Request, header};
use keywright_native_host::Fault;
use keywright_ports::name;
use keywright_tests::published::{Published, release};
use serde_json::json;

const FILE: &str = "/releases/demo/1.2.0/x86_64-unknown-linux-gnu";
const KEPT: (&str, &str) = (name::DOWNLOAD_LOG_DAYS, "");

fn demo() -> [Published; 1] {
    [release("demo", "1.2.0").file(LINUX, "demo", b"the program")]
}

fn keeping_a_log() -> House {
    House::with(&demo(), &[KEPT], true)
}

#[tokio::test]
async fn what_is_revoked_or_suspended_opens_nothing_from_then_on() {
    let house = House::new(&demo());
    house.bench.product("demo", 1).await;
    let [id, _, token] = house.license("demo", json!({})).await;
    let verify = json!({ "license_key_b64": token, "product_id": "demo" });
    for (verb, code) in [
        ("suspend", Some("token-revoked")),
        ("unsuspend", None),
        ("revoke", Some("token-revoked")),
    ] {
        assert_eq!(
            house.get_with(FILE, &token).await.status,
            if verb == "unsuspend" { 403 } else { 200 }
        );
        let path = format!("/v1/admin/licenses/{id}/{verb}");
        let done = house.bench.operate("POST", &path, &json!({})).await;
        assert_eq!(done.status, 200, "{done:?}");
        let answer = house.get_with(FILE, &token).await;
        let judged = house.bench.post("/verify-key", &verify).await;
        match code {
            Some(code) => {
                assert_eq!(refusal(&answer), (403, code.to_owned()), "{verb}");
                assert_eq!(judged.status, 403);
                assert_eq!(judged.json(), json!({ "valid": false, "reason": code }));
            }
            None => assert_eq!((answer.status, judged.status), (200, 200)),
        }
    }
    // Issued again it is another license, and the old token stays shut.
    let [_, _, other] = house.license("demo", json!({})).await;
    assert_eq!(house.get_with(FILE, &other).await.status, 200);
    assert_eq!(house.get_with(FILE, &token).await.status, 403);
}

/// A stolen token is told of the product and the revocation before its date.
#[tokio::test]
async fn revocation_comes_between_product_and_expiry() {
    let house = House::new(&demo());
    house.bench.product("demo", 1).await;
    let past = json!({ "expires_at": "2027-01-14T00:00:00Z" });
    let [id, _, token] = house.license("demo", past).await;
    assert_eq!(
        refusal(&house.get_with(FILE, &token).await),
        (403, "channel-expired".to_owned())
    );
    house
        .bench
        .sql(&format!(
            "UPDATE licenses SET status = 'revoked' WHERE id = '{id}'"
        ))
        .await;
    assert_eq!(
        refusal(&house.get_with(FILE, &token).await),
        (403, "token-revoked".to_owned())
    );
    let elsewhere = format!("/releases/other/1.0.0/{LINUX}");
    assert_eq!(
        refusal(&house.get_with(&elsewhere, &token).await),
        (403, "wrong-product".to_owned())
    );
}

#[tokio::test]
async fn a_database_that_does_not_answer_opens_nothing() {
    let house = House::new(&demo());
    house.bench.product("demo", 1).await;
    let [_, _, licensed] = house.license("demo", json!({})).await;
    house.bench.shop.database.break_call(0, Fault::Before);
    assert_eq!(house.get_with(FILE, &licensed).await.status, 503);
    // Once it is back, so is the gate; a token of old asks nothing of it.
    assert_eq!(house.get_with(FILE, &licensed).await.status, 200);
    house.bench.shop.database.break_call(0, Fault::Before);
    let old = token(&claims("demo"));
    assert_eq!(house.get_with(FILE, &old).await.status, 200);
}

#[tokio::test]
async fn without_a_database_everything_else_works() {
    let house = House::alone(&demo());
    assert!(house.bench.shop.function("DOWNLOAD").0.database.is_none());
    house.bench.product("demo", 1).await;
    let [id, key, token] = house.license("demo", json!({})).await;
    let path = format!("/v1/admin/licenses/{id}/revoke");
    house.bench.operate("POST", &path, &json!({})).await;
    house.bench.shop.database.count_anew();
    assert_eq!(
        house.get_with(FILE, &token).await.status,
        200,
        "nobody tells"
    );
    for path in [
        "/releases/",
        "/releases/demo/",
        "/releases/demo/1.2.0/MANIFEST",
    ] {
        assert_eq!(house.get(path).await.status, 200, "{path}");
    }
    let package = format!("/api/v1/licensing/download/demo/1.2.0.zip?dlid={key}");
    let answer = house.get(&package).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.text("error").contains("no database"), "{answer:?}");
    assert_eq!(house.bench.shop.database.calls(), 0);
}

#[tokio::test]
async fn downloads_are_logged_after_the_answer() {
    let house = keeping_a_log();
    house.bench.product("demo", 1).await;
    let [id, _, licensed] = house.license("demo", json!({})).await;
    let from = |address: &str| {
        Request::get(FILE)
            .header(header::AUTHORIZATION, format!("Bearer {licensed}"))
            .header("x-forwarded-for", address)
    };
    house.bench.shop.database.count_anew();
    let whole = from("203.0.113.9").body(Body::empty()).expect("a request");
    assert_eq!(house.bench.send(whole).await.status, 200);
    assert_eq!(
        house.bench.shop.database.calls(),
        1,
        "the answer waits for no log"
    );
    let part = from("2001:db8:1:2::3")
        .header(header::RANGE, "bytes=4-")
        .body(Body::empty());
    assert_eq!(house.bench.send(part.expect("a request")).await.status, 206);
    // No bytes: no download.
    let again = from("203.0.113.9")
        .header(header::IF_NONE_MATCH, "*")
        .body(Body::empty());
    assert_eq!(
        house.bench.send(again.expect("a request")).await.status,
        304
    );
    assert_eq!(
        house.head(&format!("{FILE}?token={licensed}")).await.status,
        200
    );
    assert_eq!(house.get(&format!("{FILE}.sig")).await.status, 200);
    // What anybody can send is not worth a line.
    for token in ["garbage", &token(&claims("demo"))[..90]] {
        assert_eq!(house.get_with(FILE, token).await.status, 401);
    }
    assert_eq!(house.get(FILE).await.status, 401);
    house
        .bench
        .sql("UPDATE licenses SET status = 'suspended'")
        .await;
    assert_eq!(house.get_with(FILE, &licensed).await.status, 403);
    let mut elsewhere = claims("other");
    elsewhere.license = Some("somebody".to_owned());
    assert_eq!(house.get_with(FILE, &token(&elsewhere)).await.status, 403);
    assert_eq!(
        house.log().await,
        [
            format!("ok demo 1.2.0 {LINUX} {id} -"),
            format!("part demo 1.2.0 {LINUX} {id} -"),
            format!("token-revoked demo 1.2.0 {LINUX} {id} -"),
            format!("wrong-product demo 1.2.0 {LINUX} - -"),
        ]
    );
    let prefixes = house
        .bench
        .sql("SELECT address_prefix AS a FROM download_log ORDER BY id")
        .await;
    assert_eq!(prefixes[0]["a"], "203.0.113.0/24");
    assert_eq!(prefixes[1]["a"], "2001:db8:1::/48");
    let dump = format!("{:?}", house.bench.dump().await["download_log"]);
    assert!(
        !dump.contains(&licensed) && !dump.contains("203.0.113.9"),
        "{dump}"
    );
}

#[tokio::test]
async fn the_log_is_kept_for_as_long_as_configured() {
    let off = House::with(&demo(), &[(name::DOWNLOAD_LOG_DAYS, "0")], true);
    let old = token(&claims("demo"));
    assert_eq!(off.get_with(FILE, &old).await.status, 200);
    assert!(off.log().await.is_empty());
    let house = House::with(&demo(), &[(name::DOWNLOAD_LOG_DAYS, "2")], true);
    assert_eq!(house.get_with(FILE, &old).await.status, 200);
    assert_eq!(house.log().await.len(), 1);
    for (seconds, kept) in [(2 * 86_400, 1), (1, 0)] {
        house.bench.clock.advance(seconds);
        house.bench.tick().await;
        assert_eq!(house.log().await.len(), kept);
    }
    let unread = House::with(&demo(), &[(name::DOWNLOAD_LOG_DAYS, "long")], true);
    assert_eq!(unread.get_with(FILE, &old).await.status, 200);
    assert_eq!(
        unread.log().await.len(),
        1,
        "what cannot be read stops no log"
    );
    let log = unread.bench.shop.native.log.lines();
    assert!(
        log.iter().any(|line| line.contains("DOWNLOAD_LOG_DAYS")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_no_download() {
    let house = keeping_a_log();
    let old = token(&claims("demo"));
    house.bench.sql("DROP TABLE download_log").await;
    for _ in 0..3 {
        assert_eq!(house.get_with(FILE, &old).await.status, 200);
    }
    crate::holder::written().await;
    assert_eq!(house.get_with(FILE, &old).await.status, 200);
}
