//! Ways to a file: under its own name, directly from `latest`, with a netrc file, from a
//! page of another origin, and on from where a transfer broke off.

use crate::bench::Answer;
use crate::gatehouse::{House, LINUX, claims, link, refusal, token};
use axum::body::Body;
use http::{Request, header};
use keywright_ports::name;
use keywright_tests::published::{Published, release, sha256};
use keywright_tests::shop::CLIENT_ADDRESS_HEADER;
use serde_json::{Value, json};

const WHEEL: &str = "demo-1.2.0-py3-none-any.whl";

fn demo() -> [Published; 2] {
    [
        release("demo", "1.1.0").file(LINUX, "demo_1.1.0_amd64.deb", b"before"),
        release("demo", "1.2.0")
            .file(LINUX, "demo_1.2.0~rc.1_amd64.deb", b"the program")
            .file("any", WHEEL, b"a wheel"),
    ]
}

async fn ask(house: &House, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(path), |request, header| {
        request.header(header.0, header.1)
    });
    let request = request.body(Body::empty()).expect("a request");
    house.bench.send(request).await
}

/// `Authorization` as a client writes it that has a netrc file.
fn basic(user: &str, password: &str) -> String {
    let text = format!("{user}:{password}");
    format!("Basic {}", data_encoding::BASE64.encode(text.as_bytes()))
}

#[tokio::test]
async fn a_file_has_a_url_that_ends_in_its_name() {
    let house = House::alone(&demo());
    house.put("demo/0.9.0/any", b"older");
    let token = token(&claims("demo"));
    for (path, body) in [
        (format!("1.2.0/any/{WHEEL}"), "a wheel"),
        (
            format!("1.2.0/{LINUX}/demo_1.2.0~rc.1_amd64.deb"),
            "the program",
        ),
        ("0.9.0/any/demo-0.9.0-any".to_owned(), "older"),
    ] {
        let path = format!("/releases/demo/{path}");
        let answer = house.get_with(&path, &token).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, body.as_bytes()),
            "{path}"
        );
        assert_eq!(refusal(&house.get(&path).await).0, 401, "{path}");
        let signature = house.get(&format!("{path}.sig")).await;
        let is_listed = !path.contains("0.9.0");
        assert_eq!(
            signature.status,
            if is_listed { 200 } else { 404 },
            "{path}"
        );
    }
    let feed = house
        .get("/releases/demo/channels/stable.json")
        .await
        .json();
    let file = &feed["latest"]["artifacts"][1];
    assert_eq!(
        file["file_url"],
        format!("{}/{WHEEL}", file["url"].as_str().expect("a URL"))
    );
    for other in ["other.whl", "demo-1.2.0-any", "MANIFEST"] {
        let answer = house
            .get_with(&format!("/releases/demo/1.2.0/any/{other}"), &token)
            .await;
        assert_eq!(answer.status, 404, "{other}");
        assert_eq!(answer.text("hint"), WHEEL, "{other}");
    }
    // A link opens it, too: what is signed is the version.
    let house = House::new(&demo());
    house.bench.product("demo", 1).await;
    let [id, ..] = house.license("demo", json!({})).await;
    house.give_download_id(&id, &"a".repeat(32)).await;
    let query = link("demo", "1.2.0", &"a".repeat(32), 300);
    let answer = house
        .get(&format!("/releases/demo/1.2.0/any/{WHEEL}?{query}"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_netrc_file_has_the_token_as_its_password() {
    let house = House::alone(&demo());
    let (good, other) = (token(&claims("demo")), token(&claims("other")));
    let path = format!("/releases/demo/1.2.0/{LINUX}");
    for (authorization, query, status) in [
        (basic("token", &good), "", 200),
        (basic(&good, ""), "", 200),
        (basic("anything", &other), "", 403),
        // A netrc file is for all of a host, so what a URL says counts.
        (basic("anything", &other), &*format!("?token={good}"), 200),
        (basic("", ""), "", 401),
        ("Basic !".to_owned(), "", 401),
    ] {
        let (path, header) = (format!("{path}{query}"), ("authorization", &*authorization));
        let answer = ask(&house, &path, &[header]).await;
        assert_eq!(answer.status, status, "{authorization} {query}");
    }
    // wget and apt have to be asked for it; a browser must not ask its user.
    let schemes = async |headers: &[(&str, &str)]| {
        let answer = ask(&house, &path, headers).await;
        let all = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
        all.map(|value| value.to_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        schemes(&[("accept", "*/*")]).await,
        ["Bearer", "Basic realm=\"downloads\""]
    );
    for browser in [
        ("accept", "text/html,*/*;q=0.8"),
        ("sec-fetch-mode", "cors"),
    ] {
        assert_eq!(schemes(&[browser]).await, ["Bearer"], "{browser:?}");
    }
}

#[tokio::test]
async fn latest_answers_the_file_itself_when_asked() {
    let house = House::alone(&demo());
    let token = token(&claims("demo"));
    let latest = format!("/releases/demo/latest/{LINUX}");
    let direct = house.get_with(&format!("{latest}?direct=1"), &token).await;
    assert_eq!(
        (direct.status, &direct.body[..]),
        (200, &b"the program"[..])
    );
    let versioned = format!("/releases/demo/1.2.0/{LINUX}");
    assert_eq!(direct.headers[header::CONTENT_LOCATION], versioned);
    assert_eq!(direct.headers[header::CACHE_CONTROL], "private, no-cache");
    for (path, status) in [
        (format!("{latest}?direct=1"), 401),
        (format!("{latest}?direct=1&token={token}"), 200),
        (format!("{latest}.sig?direct=1"), 200),
        ("/releases/demo/latest/MANIFEST?direct=true".to_owned(), 200),
        ("/releases/demo/latest/nothing?direct=1".to_owned(), 404),
        (format!("{latest}?direct=0"), 307),
        (format!("{latest}?direct="), 307),
        (format!("{latest}?direct=yes"), 400),
    ] {
        assert_eq!(house.get(&path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn two_versions_are_never_mixed() {
    let house = House::with(&demo(), &[], false);
    house.put("demo/MANIFEST.json", br#"{"requires_license":false}"#);
    let latest = format!("/releases/demo/latest/{LINUX}");
    let (before, now) = (sha256(b"before"), sha256(b"the program"));
    let (before, now) = (format!("\"{before}\""), format!("\"{now}\""));
    // `curl -C -` asks for the rest, and does not say of what.
    for (headers, status, body) in [
        (&[("range", "bytes=3-")][..], 200, "the program"),
        (
            &[("range", "bytes=3-"), ("if-range", &before)],
            200,
            "the program",
        ),
        (
            &[("range", "bytes=3-"), ("if-range", &now)],
            206,
            " program",
        ),
    ] {
        let direct = ask(&house, &format!("{latest}?direct=1"), headers).await;
        assert_eq!(
            (direct.status, &direct.body[..]),
            (status, body.as_bytes()),
            "{headers:?}"
        );
        let redirect = ask(&house, &latest, headers).await;
        let target = redirect.headers[header::LOCATION].to_str().expect("a path");
        let followed = ask(&house, target, headers).await;
        assert_eq!(
            (followed.status, &followed.body[..]),
            (status, body.as_bytes()),
            "{target}"
        );
    }
    // The version's own URL is always the same file.
    let versioned = format!("/releases/demo/1.2.0/{LINUX}");
    assert_eq!(
        ask(&house, &versioned, &[("range", "bytes=3-")])
            .await
            .status,
        206
    );
}

#[tokio::test]
async fn pages_of_other_origins_read_what_is_public() {
    let house = House::alone(&demo());
    for path in [
        "/releases",
        "/releases/demo",
        "/releases/demo/channels/stable.json",
        "/releases/demo/1.2.0/MANIFEST",
        "/releases/demo/latest/MANIFEST",
        "/releases/demo/9.9.9/any",
    ] {
        let answer = ask(&house, path, &[("origin", "https://vendor.example")]).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        let exposed = answer.headers["access-control-expose-headers"]
            .to_str()
            .expect("names");
        for name in ["etag", "idempotent-replayed", "repr-digest"] {
            assert!(exposed.contains(name), "{path} {name}");
        }
        assert!(
            !answer
                .headers
                .contains_key("access-control-allow-credentials")
        );
    }
}

#[tokio::test]
async fn files_of_the_older_layout_have_the_digest_of_their_manifest() {
    let house = House::alone(&[]);
    house.put("demo/MANIFEST.json", br#"{"requires_license":false}"#);
    let digest = sha256(b"older");
    for (version, manifest, is_known) in [
        (
            "1.0.0",
            json!({ "sha256": digest, "platform": "x86_64", "version": "1.0.0" }),
            true,
        ),
        ("1.1.0", json!({ "sha256": { "x86_64": digest } }), true),
        (
            "1.2.0",
            json!({ "artifacts": [{ "platform": "x86_64", "sha256": digest }] }),
            true,
        ),
        (
            "1.3.0",
            json!({ "sha256": digest, "platform": "aarch64" }),
            false,
        ),
    ] {
        house.put(&format!("demo/{version}/x86_64"), b"older");
        let manifest = manifest.to_string();
        house.put(
            &format!("demo/{version}/MANIFEST.json"),
            manifest.as_bytes(),
        );
        let answer = house.get(&format!("/releases/demo/{version}/x86_64")).await;
        let tag = answer.headers[header::ETAG]
            .to_str()
            .expect("a tag")
            .to_owned();
        assert_eq!(tag == format!("\"{digest}\""), is_known, "{version}: {tag}");
        assert_eq!(
            answer.headers.contains_key("repr-digest"),
            is_known,
            "{version}"
        );
    }
}

#[tokio::test]
async fn a_transfer_that_a_link_began_goes_on_for_an_hour() {
    const FROM: &str = "203.0.113.7";
    let house = House::with(&demo(), &[(name::DOWNLOAD_LOG_DAYS, "")], true);
    house.bench.product("demo", 1).await;
    let [id, ..] = house.license("demo", json!({})).await;
    house.give_download_id(&id, &"a".repeat(32)).await;
    let query = link("demo", "1.2.0", &"a".repeat(32), 300);
    let path = format!("/releases/demo/1.2.0/{LINUX}?{query}");
    let tag = format!("\"{}\"", sha256(b"the program"));
    let rest = async |path: &str, from: &str, range: &str, tag: &str| {
        let headers = [
            (CLIENT_ADDRESS_HEADER, from),
            ("range", range),
            ("if-range", tag),
        ];
        let answer = ask(&house, path, &headers).await;
        let refused: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        (
            answer.status,
            refused["error"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let expired = (403, "link-expired".to_owned());
    let goes_on = (206, String::new());
    assert_eq!(
        ask(&house, &path, &[(CLIENT_ADDRESS_HEADER, FROM)])
            .await
            .status,
        200
    );
    crate::holder::written().await;
    house.bench.clock.advance(310);
    assert_eq!(rest(&path, FROM, "bytes=4-", &tag).await, goes_on);
    // The same network, under the file's own name.
    let named = path.replace('?', "/demo_1.2.0~rc.1_amd64.deb?");
    assert_eq!(
        rest(&named, "203.0.113.200", "bytes=4-", &tag).await,
        goes_on
    );
    // Nothing but the rest, of these bytes, for the one who began.
    for (path, from, range, tag) in [
        (&*path, FROM, "bytes=0-", &*tag),
        (&path, FROM, "bytes=-4", &tag),
        (&path, FROM, "bytes=4-", "\"other\""),
        (&path, "198.51.100.7", "bytes=4-", &tag),
        (&path, "", "bytes=4-", &tag),
    ] {
        assert_eq!(
            rest(path, from, range, tag).await,
            expired,
            "{from} {range} {tag}"
        );
    }
    assert_eq!(
        ask(&house, &path, &[(CLIENT_ADDRESS_HEADER, FROM)])
            .await
            .status,
        403
    );
    let other = path.replace(LINUX, "any");
    let tag_of_other = format!("\"{}\"", sha256(b"a wheel"));
    assert_eq!(rest(&other, FROM, "bytes=4-", &tag_of_other).await, expired);
    // What was revoked does not go on.
    let suspend = format!("/v1/admin/licenses/{id}/suspend");
    house.bench.operate("POST", &suspend, &json!({})).await;
    let (status, code) = rest(&path, FROM, "bytes=4-", &tag).await;
    assert_eq!((status, &*code), (403, "token-revoked"));
    let unsuspend = format!("/v1/admin/licenses/{id}/unsuspend");
    house.bench.operate("POST", &unsuspend, &json!({})).await;
    assert_eq!(rest(&path, FROM, "bytes=4-", &tag).await, goes_on);
    // Without a database nobody knows who began.
    let alone = House::alone(&demo());
    alone.bench.clock.advance(310);
    assert_eq!(refusal(&alone.get(&path).await), expired);
    let headers = [("range", "bytes=4-"), ("if-range", &*tag)];
    assert_eq!(refusal(&ask(&alone, &path, &headers).await), expired);
    // An hour after the link was made it is over, whatever went on meanwhile.
    house.bench.clock.advance(3_600 - 310 - 1);
    assert_eq!(rest(&path, FROM, "bytes=4-", &tag).await, goes_on);
    house.bench.clock.advance(1);
    assert_eq!(rest(&path, FROM, "bytes=4-", &tag).await, expired);
}
