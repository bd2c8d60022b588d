//! Signed links, and the downloads of Joomla sites.

use crate::gatehouse::{House, LINUX, claims, link, refusal, signing_key, token};
use http::header;
use keywright_domain::release::DownloadId;
use keywright_license::{Date, DownloadLink, SigningKey};
use keywright_ports::name;
use keywright_tests::published::{BUILT_AT, Published, release};
use serde_json::json;

const FILE: &str = "/releases/demo/1.2.0/any";
pub(crate) const PACKAGE: &str = "/api/v1/licensing/download/demo/1.2.0.zip";

fn ids() -> [String; 2] {
    [1_u8, 2].map(|byte| DownloadId::from_random([byte; 14]).as_str().to_owned())
}

fn demo() -> [Published; 3] {
    [
        release("demo", "1.2.0").file("any", "com_demo.zip", b"PK the extension"),
        release("demo", "1.3.0")
            .file("any", "com_demo.zip", b"PK for professionals")
            .with("requires_entitlement", json!("pro")),
        release("other", "1.2.0").file("any.zip", "com_other.zip", b"PK another"),
    ]
}

/// A house with a license of two seats of `demo` that has the first download id.
pub(crate) async fn sold() -> (House, String, [String; 2]) {
    let house = House::with(&demo(), &[(name::DOWNLOAD_LOG_DAYS, "")], true);
    for product in ["demo", "other"] {
        house.bench.product(product, 1).await;
    }
    let [id, ..] = house.license("demo", json!({ "max_machines": 2 })).await;
    let ids = ids();
    house.give_download_id(&id, &ids[0]).await;
    (house, id, ids)
}

pub(crate) async fn refused(house: &House, path: &str, status: u16, code: &str) {
    let answer = house.get(path).await;
    assert_eq!(refusal(&answer), (status, code.to_owned()), "{path}");
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/json",
        "{path}"
    );
    assert!(
        !String::from_utf8_lossy(&answer.body).contains("PK"),
        "{path}"
    );
}

#[tokio::test]
async fn a_link_opens_what_it_names_for_five_minutes() {
    let [id, _] = ids();
    for with_database in [true, false] {
        for path in [FILE, PACKAGE] {
            let house = if with_database {
                sold().await.0
            } else {
                House::alone(&demo())
            };
            let good = link("demo", "1.2.0", &id, 300);
            let answer = house.get(&format!("{path}?{good}")).await;
            assert_eq!(
                (answer.status, &answer.body[..]),
                (200, &b"PK the extension"[..]),
                "{path}"
            );
            assert_eq!(answer.headers[header::CACHE_CONTROL], "private, no-cache");
            for (query, code) in [
                (link("demo", "1.2.0", &id, 0), "link-expired"),
                (link("demo", "1.2.0", &id, -1), "link-expired"),
                (link("demo", "1.2.0", &id, 331), "link-too-long"),
                // Of another version, another product, another license.
                (link("demo", "1.3.0", &id, 300), "invalid-signature"),
                (link("other", "1.2.0", &id, 300), "invalid-signature"),
                (good.replace(&id, &ids()[1]), "invalid-signature"),
                // Made good for longer.
                (good.replace("expires=1", "expires=2"), "invalid-signature"),
                (good.replace("token=", "token=A"), "malformed-link"),
                (good.replace("expires=", "expires=+"), "invalid-signature"),
                (good.replace("expires=", "expires=x"), "malformed-link"),
                (good.replace("expires=", "expires=-"), "malformed-link"),
                (good.replace("&dlid=", "&id="), "malformed-link"),
                (good.replace("token=", "t="), "malformed-link"),
                ("expires=1".to_owned(), "malformed-link"),
            ] {
                if code == "invalid-signature" && query.contains("expires=+") {
                    // `+` is a space in a query: no number.
                    refused(&house, &format!("{path}?{query}"), 403, "malformed-link").await;
                    continue;
                }
                refused(&house, &format!("{path}?{query}"), 403, code).await;
            }
            house.bench.clock.advance(299);
            assert_eq!(house.get(&format!("{path}?{good}")).await.status, 200);
            house.bench.clock.advance(1);
            refused(&house, &format!("{path}?{good}"), 403, "link-expired").await;
        }
    }
}

#[tokio::test]
async fn a_link_of_another_vendor_opens_nothing() {
    let alone = House::alone(&demo());
    let [id, _] = ids();
    let expires = i64::try_from(crate::bench::NOW).expect("a time") + 300;
    let said = DownloadLink::new("demo", "1.2.0", &id, expires).expect("a link");
    let other = SigningKey::from_bytes(&[9; 32])
        .expect("a seed")
        .sign_link(&said);
    let query = format!("token={other}&expires={expires}&dlid={id}");
    refused(
        &alone,
        &format!("{PACKAGE}?{query}"),
        403,
        "invalid-signature",
    )
    .await;
    // A signature over a token or a license key is none over a link.
    let own = token(&claims("demo"));
    let query = format!("token={own}&expires={expires}&dlid={id}");
    refused(&alone, &format!("{PACKAGE}?{query}"), 403, "malformed-link").await;
    assert!(signing_key().sign_link(&said) != other);
}

#[tokio::test]
async fn the_database_has_its_say_about_links_and_download_ids() {
    let (house, id, [own, foreign]) = sold().await;
    let ask = |query: String| format!("{PACKAGE}?{query}");
    let signed = link("demo", "1.2.0", &own, 300);
    let both = [signed.clone(), format!("dlid={own}")];
    for query in both.clone() {
        assert_eq!(house.get(&ask(query)).await.status, 200);
    }
    // Of nobody; of somebody else's product.
    refused(
        &house,
        &ask(link("demo", "1.2.0", &foreign, 300)),
        403,
        "unknown-download-id",
    )
    .await;
    refused(
        &house,
        &ask(format!("dlid={foreign}")),
        403,
        "unknown-download-id",
    )
    .await;
    let [other, other_key, _] = house.license("other", json!({})).await;
    house.give_download_id(&other, &foreign).await;
    refused(
        &house,
        &ask(link("demo", "1.2.0", &foreign, 300)),
        403,
        "wrong-product",
    )
    .await;
    refused(
        &house,
        &ask(format!("dlid={foreign}")),
        403,
        "wrong-product",
    )
    .await;
    refused(
        &house,
        &ask(format!("dlid={other_key}")),
        403,
        "wrong-product",
    )
    .await;
    // What the version requires, and what was bought.
    let professional = PACKAGE.replace("1.2.0", "1.3.0");
    for query in [link("demo", "1.3.0", &own, 300), format!("dlid={own}")] {
        let path = format!("{professional}?{query}");
        refused(&house, &path, 403, "entitlement-missing").await;
        house
            .bench
            .sql(&format!(
                "UPDATE licenses SET entitlements = '[\"pro\"]' WHERE id = '{id}'"
            ))
            .await;
        assert_eq!(house.get(&path).await.status, 200);
        house
            .bench
            .sql("UPDATE licenses SET entitlements = '[]'")
            .await;
    }
    for (change, code) in [
        (
            format!("maintenance_until = {}", BUILT_AT - 1),
            "maintenance-expired",
        ),
        (format!("expires_at = {BUILT_AT}"), "channel-expired"),
        ("status = 'suspended'".to_owned(), "token-revoked"),
        ("status = 'revoked'".to_owned(), "token-revoked"),
    ] {
        house
            .bench
            .sql(&format!("UPDATE licenses SET {change} WHERE id = '{id}'"))
            .await;
        for query in both.clone() {
            refused(&house, &ask(query), 403, code).await;
        }
    }
    // The operator gave the license another download id.
    house.bench.sql(&format!("UPDATE licenses SET status = 'active', expires_at = NULL, maintenance_until = NULL WHERE id = '{id}'")).await;
    house.bench.sql("DELETE FROM download_ids").await;
    for query in both {
        refused(&house, &ask(query), 403, "unknown-download-id").await;
    }
}

#[tokio::test]
async fn without_a_database_a_link_opens_no_more_than_it_can_tell() {
    let alone = House::alone(&demo());
    let [id, _] = ids();
    let path = PACKAGE.replace("1.2.0", "1.3.0");
    let query = link("demo", "1.3.0", &id, 300);
    refused(
        &alone,
        &format!("{path}?{query}"),
        403,
        "entitlement-missing",
    )
    .await;
    // A token tells.
    let mut professional = claims("demo");
    professional.entitlements = vec!["pro".to_owned()];
    assert_eq!(
        alone.get_with(&path, &token(&professional)).await.status,
        200
    );
}

#[tokio::test]
async fn joomla_gets_its_package() {
    let (house, id, [own, _]) = sold().await;
    let key = house.license("demo", json!({})).await[1].clone();
    for query in [
        format!("dlid={own}"),
        format!("amp;dlid={own}"),
        format!("x=1&amp;dlid={own}"),
        format!("dlid={own}&amp;dlid={own}"),
        format!("dlid={key}"),
        format!("dlid={}", key.replace("LIC1-", "lic1-")),
        // Appended by Joomla to a link that has it.
        format!("{}&amp;dlid={own}", link("demo", "1.2.0", &own, 300)),
    ] {
        let answer = house.get(&format!("{PACKAGE}?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, &b"PK the extension"[..]),
            "{query}"
        );
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/zip");
        assert_eq!(
            answer.headers[header::CONTENT_DISPOSITION],
            "attachment; filename=\"com_demo.zip\""
        );
    }
    refused(&house, PACKAGE, 401, "token required").await;
    for (query, code) in [
        ("dlid=", "malformed-download-id".to_owned()),
        ("dlid=nonsense", "malformed-download-id".to_owned()),
        (
            &format!("dlid={}0", &own[..31]),
            "malformed-download-id".to_owned(),
        ),
        ("dlid=LIC1-AAAA-BBBB", "invalid-license-key".to_owned()),
    ] {
        refused(&house, &format!("{PACKAGE}?{query}"), 403, &code).await;
    }
    refused(
        &house,
        &format!("{PACKAGE}?dlid=a&dlid=b"),
        400,
        "bad query",
    )
    .await;
    // A download id opens no binary by itself: it stands in places that are not
    // fit for that.
    refused(&house, &format!("{FILE}?dlid={own}"), 401, "token required").await;
    for version in ["latest", "channels", "beta", "v1.2.0", "9.9.9"] {
        let path = PACKAGE.replace("1.2.0", version);
        refused(
            &house,
            &format!("{path}?dlid={own}"),
            404,
            "binary not found",
        )
        .await;
    }
    refused(
        &house,
        "/api/v1/licensing/download/demo/1.2.0",
        404,
        "binary not found",
    )
    .await;
    refused(
        &house,
        "/api/v1/licensing/download/demo/..%2f1.2.0.zip",
        400,
        "bad path",
    )
    .await;
    let lines = house.log().await;
    let ok = lines.iter().filter(|line| line.starts_with("ok "));
    assert_eq!(ok.count(), 7, "{lines:?}");
    assert!(
        lines.contains(&format!("ok demo 1.2.0 any {id} -")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn the_package_is_found_in_both_layouts() {
    let two = release("demo", "2.0.0")
        .file(LINUX, "a", b"a")
        .file("any.deb", "b", b"b");
    let one = release("demo", "2.1.0").file(LINUX, "demo-2.1.0-linux", b"PK only one");
    let house = House::alone(&[two, one]);
    house.put("demo/1.0.0/any.zip", b"PK of old");
    house.put("demo/1.0.0/any.zip.sig", b"-");
    house.put("demo/1.1.0/x86_64", b"PK only one of old");
    house.put("demo/1.1.0/MANIFEST.json", b"{}");
    house.put("demo/1.2.0/x86_64", b"-");
    house.put("demo/1.2.0/aarch64", b"-");
    let token = token(&claims("demo"));
    for (version, bytes, name) in [
        ("1.0.0", "PK of old", "demo-1.0.0.zip"),
        ("1.1.0", "PK only one of old", "demo-1.1.0.zip"),
        ("2.1.0", "PK only one", "demo-2.1.0.zip"),
    ] {
        let answer = house
            .get_with(&PACKAGE.replace("1.2.0", version), &token)
            .await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, bytes.as_bytes()),
            "{version}"
        );
        assert_eq!(
            answer.headers[header::CONTENT_DISPOSITION],
            format!("attachment; filename=\"{name}\"")
        );
    }
    for version in ["1.2.0", "2.0.0"] {
        let answer = house
            .get_with(&PACKAGE.replace("1.2.0", version), &token)
            .await;
        assert_eq!(answer.status, 404, "{version}");
    }
}

#[tokio::test]
async fn an_open_extension_needs_nothing() {
    let house = House::new(&demo());
    house.put("demo/MANIFEST.json", br#"{"requires_license":false}"#);
    house.bench.shop.database.count_anew();
    for query in ["", "?dlid=nonsense", "?amp;dlid="] {
        assert_eq!(
            house.get(&format!("{PACKAGE}{query}")).await.status,
            200,
            "{query}"
        );
    }
    assert_eq!(house.bench.shop.database.calls(), 0);
}

#[tokio::test]
async fn a_token_with_a_day_of_old_stays_shut() {
    let house = House::alone(&demo());
    let mut past = claims("demo");
    past.channel_expiry = Date::parse("0001-01-01").expect("a day");
    let answer = house.get_with(FILE, &token(&past)).await;
    assert_eq!(refusal(&answer), (403, "channel-expired".to_owned()));
    let mut past = claims("demo");
    past.maintenance_until = Some(Date::parse("1969-12-31").expect("a day"));
    let answer = house.get_with(FILE, &token(&past)).await;
    assert_eq!(refusal(&answer), (403, "maintenance-expired".to_owned()));
}
