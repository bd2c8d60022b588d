//! What was wrong with release gates of this kind before, one test for each:
//! it is not wrong here.

use crate::bench::NOW;
use crate::gatehouse::{House, LINUX, claims, link, refusal, token};
use axum::body::Body;
use data_encoding::HEXLOWER;
use http::{Request, header};
use keywright_domain::release::DownloadId;
use keywright_ports::name;
use keywright_tests::published::{Published, release, sha256};
use serde_json::json;
use sha2::{Digest, Sha256};

const FILE: &str = "/releases/paid/1.0.0/x86_64-unknown-linux-gnu";

fn paid() -> Published {
    release("paid", "1.0.0").file(LINUX, "paid", b"what was paid for")
}

/// A slash that is decoded after routing led out of the folder, and from an
/// open product into a paid one.
#[tokio::test]
async fn no_path_leaves_its_product() {
    let open = release("open", "1.0.0").file(LINUX, "open", b"for everybody");
    let house = House::new(&[paid(), open]);
    house.put("open/MANIFEST.json", br#"{"requires_license":false}"#);
    let outside = house
        .folder
        .path()
        .parent()
        .expect("a folder")
        .join("keywright-outside");
    std::fs::write(&outside, "outside").expect("a file");
    let stored = format!(".files%2f{}", sha256(b"what was paid for"));
    for path in [
        "/releases/open/..%2f../keywright-outside".to_owned(),
        "/releases/open/%2fetc/hostname".to_owned(),
        format!("/releases/open/..%2fpaid%2f1.0.0/{LINUX}"),
        format!("/releases/open/..%2fpaid/{stored}"),
        format!("/releases/open/1.0.0/..%2f..%2fpaid%2f{stored}"),
        "/releases/%2fetc/".to_owned(),
        "/releases/..%2f/".to_owned(),
        "/releases/open/latest/..%2f..%2fpaid".to_owned(),
        "/releases/open/..%2fpaid%2f1.0.0/MANIFEST".to_owned(),
        "/releases/..%2fx/install.sh".to_owned(),
        "/releases/open/channels/..%2f..%2fpaid.json".to_owned(),
        format!("/api/v1/licensing/download/open/..%2f..%2fpaid%2f{stored}.zip"),
    ] {
        let answer = house.get_with(&path, &token(&claims("open"))).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        let shown = String::from_utf8_lossy(&answer.body);
        assert!(
            !shown.contains("paid for") && !shown.contains("outside\""),
            "{path}: {shown}"
        );
        assert!(
            !shown.contains(house.folder.path().to_str().expect("text")),
            "{path}: {shown}"
        );
    }
    std::fs::remove_file(outside).expect("the file");
}

/// A token bought in the store did not verify in the product, and what it said
/// of entitlements and versions was never looked at.
#[tokio::test]
async fn what_a_token_says_counts() {
    let house = House::new(&[paid().with("requires_entitlement", json!("pro"))]);
    house.bench.product("paid", 1).await;
    let [_, _, plain] = house.license("paid", json!({})).await;
    let [_, _, pro] = house
        .license("paid", json!({ "entitlements": ["pro"] }))
        .await;
    assert_eq!(
        refusal(&house.get_with(FILE, &plain).await),
        (403, "entitlement-missing".to_owned())
    );
    assert_eq!(house.get_with(FILE, &pro).await.status, 200);
    let mut floored = claims("paid");
    floored.entitlements = vec!["pro".to_owned()];
    floored.version_floor = Some("1.0.1".to_owned());
    assert_eq!(
        refusal(&house.get_with(FILE, &token(&floored)).await),
        (403, "version-below-floor".to_owned())
    );
    // And under the key that the server gives out, as a product would verify it.
    let key = house.get("/verify-key.pub").await;
    let keys = String::from_utf8_lossy(&key.body).parse().expect("a key");
    let now = i64::try_from(NOW).expect("a time");
    let read = keywright_license::verify_token(&pro, &keys, "paid", now).expect("a good token");
    assert_eq!(read.entitlements, ["pro"]);
}

/// Changing the key made every token worthless.
#[tokio::test]
async fn tokens_outlive_a_change_of_the_key() {
    let old = crate::gatehouse::signing_key().public_key().to_hex();
    let newer = keywright_license::SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let keys = format!("{},{old}", newer.public_key().to_hex());
    let house = House::with(&[paid()], &[(name::VERIFY_KEYS, &keys)], false);
    assert_eq!(
        house.get_with(FILE, &token(&claims("paid"))).await.status,
        200
    );
    let new = newer.sign_token(&claims("paid")).expect("a token");
    assert_eq!(house.get_with(FILE, &new).await.status, 200);
    let first = house.get("/verify-key.pub").await;
    assert_eq!(
        String::from_utf8_lossy(&first.body),
        newer.public_key().to_hex()
    );
}

/// A deny list of tokens was passed by with a new token of the same license,
/// was empty where its file was missing, and was reloaded by whoever came
/// through the local proxy.
#[tokio::test]
async fn revoking_concerns_the_license_and_fails_shut() {
    let house = House::new(&[paid()]);
    house.bench.product("paid", 1).await;
    let [id, _, first] = house.license("paid", json!({})).await;
    // The same license again, with another text.
    let path = format!("/v1/admin/licenses/{id}");
    let change = json!({ "entitlements": ["more"] });
    let second = house
        .bench
        .operate("PATCH", &path, &change)
        .await
        .text("token");
    assert_ne!(first, second);
    house
        .bench
        .operate("POST", &format!("{path}/revoke"), &json!({}))
        .await;
    for token in [&first, &second] {
        assert_eq!(
            refusal(&house.get_with(FILE, token).await),
            (403, "token-revoked".to_owned())
        );
    }
    house.bench.sql("ALTER TABLE licenses RENAME TO gone").await;
    for token in [&first, &second] {
        assert_eq!(house.get_with(FILE, token).await.status, 503);
    }
    for address in ["127.0.0.1", "::1"] {
        let request = Request::post("/admin/reload-revocation-list")
            .header("x-forwarded-for", address)
            .body(Body::empty());
        let answer = house.bench.send(request.expect("a request")).await;
        assert_eq!(answer.status, 404, "there is nothing to reload");
    }
}

/// Installers took the first digest that they found, of whatever platform.
#[tokio::test]
async fn a_manifest_says_of_each_platform_what_it_is() {
    let two = paid().file("aarch64-apple-darwin", "paid", b"for another machine");
    let house = House::new(&[two]);
    let manifest = house.get("/releases/paid/1.0.0/MANIFEST").await.json();
    assert!(
        manifest.get("sha256").is_none(),
        "no digest that is not of a platform"
    );
    let token = token(&claims("paid"));
    let artifacts = manifest["artifacts"].as_array().expect("a list");
    assert_eq!(artifacts.len(), 2);
    for artifact in artifacts {
        let platform = artifact["platform"].as_str().expect("a platform");
        let path = format!("/releases/paid/1.0.0/{platform}");
        let answer = house.get_with(&path, &token).await;
        let digest = HEXLOWER.encode(&Sha256::digest(&answer.body));
        assert_eq!(artifact["sha256"], digest, "{platform}");
        assert_eq!(answer.headers["etag"], format!("\"{digest}\""));
        let signature = house.get(&format!("{path}.sig")).await;
        assert_eq!(
            artifact["signature"],
            String::from_utf8_lossy(&signature.body).as_ref()
        );
    }
}

/// A token stood in `Location` as it came: `&` and `#` cut it, a line end broke
/// the answer off. A folder in place of a file did so, too.
#[tokio::test]
async fn a_token_is_handed_on_whole_and_strange_things_are_answered() {
    let house = House::new(&[paid()]);
    for (sent, handed_on) in [
        ("a%26b%23c", "a%26b%23c"),
        ("a%0d%0aSet-Cookie:%20x", "a%0D%0ASet-Cookie%3A%20x"),
        ("a+b%2Bc", "a%20b%2Bc"),
        ("%00", "%00"),
    ] {
        let path = format!("/releases/paid/latest/{LINUX}?token={sent}");
        let answer = house.get(&path).await;
        assert_eq!(answer.status, 307);
        let location = answer.headers[header::LOCATION].to_str().expect("text");
        assert_eq!(location, format!("{FILE}?token={handed_on}"));
        assert_eq!(answer.headers[header::CACHE_CONTROL], "private, no-store");
        assert!(answer.headers.get("set-cookie").is_none());
        // Whatever it is, it is answered.
        assert_eq!(house.get(location).await.status, 401);
    }
    house.put("paid/0.9.0/x86_64/inside", b"a folder in place of a file");
    let token = token(&claims("paid"));
    assert_eq!(
        house
            .get_with("/releases/paid/0.9.0/x86_64", &token)
            .await
            .status,
        404
    );
    // Nor is a folder a release for that platform.
    assert_eq!(house.get("/releases/paid/latest/x86_64").await.status, 404);
}

/// A key that anybody could work out of what is public opened downloads. Ours
/// are random or signed, and a link says little more than it has to.
#[tokio::test]
async fn what_is_public_opens_nothing() {
    let house = House::new(&[paid()]);
    house.bench.product("paid", 1).await;
    let [id, key, token] = house.license("paid", json!({})).await;
    let public = [
        sha256(format!("paid:{id}:").as_bytes()),
        sha256(b"paid")[..32].to_owned(),
        id.replace('-', ""),
        DownloadId::from_random([0; 14]).as_str().to_owned(),
    ];
    for guess in public {
        for query in [format!("token={guess}"), format!("dlid={guess}")] {
            for path in [FILE, "/api/v1/licensing/download/paid/1.0.0.zip"] {
                let answer = house.get(&format!("{path}?{query}")).await;
                assert!(
                    matches!(answer.status, 401 | 403),
                    "{path}?{query}: {answer:?}"
                );
            }
        }
    }
    let said = link(
        "paid",
        "1.0.0",
        DownloadId::from_random([1; 14]).as_str(),
        300,
    );
    assert!(!said.contains(&token) && !said.contains(&key) && !said.contains(&id));
}

/// A new product was open until somebody closed it.
#[tokio::test]
async fn a_product_is_licensed_unless_it_says_otherwise() {
    let house = House::new(&[paid()]);
    assert_eq!(house.get(FILE).await.status, 401, "nothing says anything");
    for (manifest, status) in [
        (&b""[..], 401),
        (b"no JSON", 401),
        (b"{}", 401),
        (b"[]", 401),
        (b"null", 401),
        (br#"{"requires_license":null}"#, 401),
        (br#"{"requires_license":"false"}"#, 401),
        (br#"{"requires_license":0}"#, 401),
        (br#"{"Requires_License":false}"#, 401),
        (br#"{"requires_license":true}"#, 401),
        (
            br#"{"requires_license":false,"requires_license":true}"#,
            401,
        ),
        (
            br#"{"requires_license":false,"requires_entitlement":7}"#,
            401,
        ),
        (
            br#"{"requires_license":false,"requires_entitlement":"pro"}"#,
            401,
        ),
        (br#"{"requires_license":false,"more":1}"#, 200),
        (br#"{"requires_license":false}"#, 200),
    ] {
        house.put("paid/MANIFEST.json", manifest);
        house.bench.clock.advance(3);
        let answer = house.get(FILE).await;
        assert_eq!(
            answer.status,
            status,
            "{}",
            String::from_utf8_lossy(manifest)
        );
    }
}
