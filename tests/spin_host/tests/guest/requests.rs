//! Routing, headers, bodies, variables, logs.

use crate::support::{Fixture, eventually, get};
use bytes::Bytes;
use serde_json::Value;

#[tokio::test]
async fn components_answer_their_routes() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(
        get(&app, "/hello/world").await,
        (200, "hello world".to_owned())
    );
    assert_eq!(
        get(&app, "/bare/hello/you").await,
        (200, "hello you".to_owned())
    );
    assert_eq!(
        get(&app, "/.well-known/spin/health").await,
        (200, "OK".to_owned())
    );
    assert_eq!(get(&app, "/.well-known/spin/other").await.0, 404);
    let response = reqwest::get(format!("{}/fixed", app.base_url()))
        .await
        .unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-kind"], "static");
    assert_eq!(response.headers()["content-length"], "6");
    assert_eq!(response.text().await.unwrap(), "teapot");
}

#[tokio::test]
async fn private_components_have_no_address_outside() {
    let manifest =
        crate::support::standard_manifest().replace("route = \"/...\"", "route = \"/open/...\"");
    let fixture = Fixture::with(&manifest);
    let app = fixture.start().await;
    assert_eq!(get(&app, "/open/hello/x").await.0, 200);
    for path in ["/", "/inner", "/hello/x", "/inner/hello/x"] {
        assert_eq!(get(&app, path).await, (404, String::new()), "{path}");
    }
    let client = reqwest::Client::new();
    let url = format!("{}/hello/x", app.base_url());
    let response = client
        .get(url)
        .header("host", "inner.spin.internal")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);

    let request = http::Request::get("http://inner.spin.internal/hello/test").body(Bytes::new());
    let response = app.call("inner", request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), "hello test");
}

#[tokio::test]
async fn the_host_tells_about_the_request() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let client = reqwest::Client::new();
    let url = format!("{}/bare/headers?a=b", app.base_url());
    let request = client
        .get(url)
        .header("x-own", "1")
        .header("spin-client-addr", "6.6.6.6:6");
    let told: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    let values = |name: &str| -> Vec<String> {
        told["headers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pair| pair[0] == name)
            .map(|pair| pair[1].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(told["uri"], format!("{}/bare/headers?a=b", app.base_url()));
    assert_eq!(values("x-own"), ["1"]);
    assert_eq!(values("spin-path-info"), ["/headers"]);
    assert_eq!(values("spin-matched-route"), ["/bare/..."]);
    assert_eq!(values("spin-component-route"), ["/bare"]);
    assert_eq!(
        values("spin-full-url"),
        [format!("{}/bare/headers?a=b", app.base_url())]
    );
    let clients = values("spin-client-addr");
    assert_eq!(clients.len(), 2);
    assert!(clients[1].starts_with("127.0.0.1:"), "{clients:?}");
    // The host keeps what belongs to the connection.
    assert!(values("host").is_empty());
}

#[tokio::test]
async fn bodies_stream_and_lengths_are_kept() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let client = reqwest::Client::new();
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let url = format!("{}/echo", app.base_url());
    let response = client.post(&url).body(body.clone()).send().await.unwrap();
    assert_eq!(response.headers()["content-length"], "3000000");
    assert!(response.bytes().await.unwrap() == body);

    let url = format!("{}/hello/x", app.base_url());
    let response = client.head(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "7");

    let response = client
        .get(format!("{}/chunked", app.base_url()))
        .send()
        .await
        .unwrap();
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.text().await.unwrap(), "no length was given");
    assert!(app.host_logs().is_empty(), "{:?}", app.host_logs());
}

#[tokio::test]
async fn a_component_sees_its_own_variables_only() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(get(&app, "/variable/key").await, (200, "<t0p>".to_owned()));
    assert_eq!(get(&app, "/variable/both").await, (200, "hi hi".to_owned()));
    for path in [
        "/variable/token",
        "/variable/greeting",
        "/bare/variable/key",
    ] {
        let (status, text) = get(&app, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(text.contains("Undefined"), "{path}: {text}");
    }
    let (_, text) = get(&app, "/variable/Key").await;
    assert!(text.contains("InvalidName"), "{text}");
    assert_eq!(get(&app, "/environment").await.1, r#"[["STAGE","test"]]"#);
    assert_eq!(get(&app, "/bare/environment").await.1, "[]");
}

#[tokio::test]
async fn clock_and_randomness_are_the_hosts() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let seconds = || {
        std::time::UNIX_EPOCH
            .elapsed()
            .map(|since| since.as_secs())
            .unwrap()
    };
    let before = seconds();
    let told: Value = serde_json::from_str(&get(&app, "/clock").await.1).unwrap();
    let told = told["seconds"].as_u64().unwrap();
    assert!((before..=seconds()).contains(&told), "{told}");
    let (one, two) = (get(&app, "/random").await.1, get(&app, "/random").await.1);
    assert_ne!(one, two);
    assert_eq!(serde_json::from_str::<Vec<u8>>(&one).unwrap().len(), 16);
}

#[tokio::test]
async fn log_lines_arrive_whole_and_in_order() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(get(&app, "/log/500").await.0, 200);
    let expected: Vec<String> = (1..=500).map(|number| format!("line {number}")).collect();
    eventually("500 lines", || app.logs("open").len() == 500).await;
    assert_eq!(app.logs("open"), expected);
    assert!(app.logs("bare").is_empty());
}
