//! Requests that components send.

use crate::support::{Fixture, get};
use keywright_spin_host::RunningApp;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

/// A server of one canned answer; gives its address.
fn upstream() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read(&mut byte).unwrap() == 0 {
                    return;
                }
                head.push(byte[0]);
            }
            let line = String::from_utf8_lossy(&head);
            let line = line.lines().next().unwrap();
            let length = line.len();
            write!(
                stream,
                "HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\r\n{line}"
            )
            .unwrap();
        }
    });
    format!("http://{address}")
}

async fn fetch(app: &RunningApp, path: &str, url: &str) -> (u16, String) {
    let request = reqwest::Client::new().get(format!("{}{path}", app.base_url()));
    let response = request.header("x-url", url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn allowed_hosts_are_reached_and_others_are_not() {
    let (allowed, other) = (upstream(), upstream());
    let fixture = Fixture::new();
    let app = fixture
        .app()
        .variable("upstream", &allowed)
        .start()
        .await
        .unwrap();
    let answer = fetch(&app, "/fetch", &format!("{allowed}/a?b=c")).await;
    assert_eq!(answer, (201, "GET /a?b=c HTTP/1.1".to_owned()));

    assert!(app.host_logs().is_empty(), "{:?}", app.host_logs());
    for (path, url) in [("/fetch", &other), ("/bare/fetch", &allowed)] {
        let (status, text) = fetch(&app, path, url).await;
        assert_eq!(status, 502);
        assert!(text.contains("HttpRequestDenied"), "{text}");
        let log = app.host_logs();
        assert!(log.last().unwrap().contains(url.as_str()), "{log:?}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_an_error_of_its_own() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = format!("http://{gone}");
    let fixture = Fixture::new();
    let app = fixture
        .app()
        .variable("upstream", &gone)
        .start()
        .await
        .unwrap();
    let (status, text) = fetch(&app, "/fetch", &gone).await;
    assert_eq!(status, 502);
    assert!(!text.contains("Denied"), "{text}");
}

#[tokio::test]
async fn components_call_each_other_by_name() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let answer = fetch(&app, "/fetch", "http://inner.spin.internal/variable/key").await;
    assert_eq!(answer, (200, "inner t0p".to_owned()));
    let (status, text) = fetch(&app, "/fetch", "http://inner.spin.internal/headers").await;
    assert_eq!(status, 200);
    assert!(
        text.contains(r#"["spin-client-addr","0.0.0.0:0"]"#),
        "{text}"
    );
    assert!(
        text.contains(r#""uri":"http://inner.spin.internal/headers""#),
        "{text}"
    );

    for (path, url) in [
        ("/fetch", "http://bare.spin.internal/hello/x"),
        ("/bare/fetch", "http://inner.spin.internal/hello/x"),
    ] {
        let (status, text) = fetch(&app, path, url).await;
        assert_eq!(status, 502, "{url}");
        assert!(text.contains("HttpRequestDenied"), "{text}");
    }
}

#[tokio::test]
async fn a_trap_in_the_called_component_is_its_own() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let answer = fetch(&app, "/fetch", "http://inner.spin.internal/panic/inside").await;
    assert_eq!(answer, (500, String::new()));
    assert!(
        app.logs("inner")
            .iter()
            .any(|line| line.contains("asked to panic: inside"))
    );
    assert_eq!(get(&app, "/hello/x").await.0, 200);
}
