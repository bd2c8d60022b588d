//! A file whose digest is known, sent by nginx or Caddy after the check: what
//! rests on the digest stays right.

#![expect(clippy::expect_used, reason = "helpers of tests fail the test")]

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keywright_native_host::{
    HttpFetch, MemoryLog, Native, PageFolder, ReleaseFolder, SqliteDatabase, SystemClock,
    SystemRandom, serve,
};
use keywright_ports::Grants;
use keywright_ports::Host;
use keywright_ports::function::{Access, PortError};
use keywright_ports::{Releases, name};
use keywright_tests::hosts::{Front, FrontServer, SENDFILE};
use keywright_web::Function;
use keywright_web::{Download, Sendfile};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

const KEY: &str = "demo/.files/published";
const PUBLISHED: i64 = 1_700_000_000;
const PUBLISHED_DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

const FUNCTION: Function = Function {
    name: "one-file",
    grants: Grants {
        config: &[name::RELEASES_SENDFILE],
        releases: Access::Read,
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
    settings: &[],
};

fn bytes() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn digest() -> [u8; 32] {
    Sha256::digest(bytes()).into()
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = (host.releases()?, Sendfile::configured(&host.config));
    Ok(Router::new().route("/file", get(file)).with_state(ports))
}

async fn file(
    State((releases, front)): State<(Releases, Option<Sendfile>)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let download = Download {
        name: Some("demo.bin".to_owned()),
        digest: Some(digest()),
        size: Some(1_200_000),
        modified: Some(PUBLISHED),
        ..Download::new(KEY.to_owned())
    };
    let answer = download.answer(&releases, front.as_ref(), &method, &headers);
    let answer = answer.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    answer.ok_or(StatusCode::NOT_FOUND)
}

/// Serves the function until the test ends; its address.
async fn start(releases: &Path) -> String {
    let database = SqliteDatabase::open(&releases.join("../unused.db"), &[]).expect("a database");
    let native = Native {
        without_database: &[],
        release_writer: None,
        pages: Arc::new(PageFolder::new(releases.to_owned())),
        database: Arc::new(database),
        releases: Arc::new(ReleaseFolder::new(releases.to_owned())),
        outbound: Arc::new(HttpFetch::new()),
        sign: None,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        config: BTreeMap::from([(name::RELEASES_SENDFILE.to_owned(), SENDFILE.to_owned())]),
        log: Arc::new(MemoryLog::default()),
    };
    let host = native.host(&FUNCTION);
    let shared = Arc::new((router(&host).expect("its ports"), host));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let shared = shared.clone();
                async move {
                    let (router, host) = &*shared;
                    Ok::<_, Infallible>(serve(host, router, request.map(Body::new)).await)
                }
            });
            tokio::spawn(async move {
                let stream = TokioIo::new(stream);
                let http = hyper::server::conn::http1::Builder::new();
                http.serve_connection(stream, service).await
            });
        }
    });
    format!("http://{address}")
}

async fn ask(url: &str, lines: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let mut request = client.get(url);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.expect("a body");
    (status, headers, body.to_vec())
}

async fn behind(front: Front) {
    let home = tempfile::tempdir().expect("a folder");
    let releases = home.path().join("releases");
    std::fs::create_dir_all(releases.join("demo/.files")).expect("a folder");
    std::fs::write(releases.join(KEY), bytes()).expect("a file");
    let upstream = start(&releases).await;
    let server = FrontServer::start(front, &upstream, &releases).await;
    let server = server.expect("the front server");
    let url = format!("{}/file", server.base_url);

    let own_tag = format!("\"{}\"", HEXLOWER.encode(&digest()));
    let repr_digest = format!("sha-256=:{}:", BASE64.encode(&digest()));
    let (status, headers, body) = ask(&url, &[]).await;
    assert!(status == 200 && body == bytes(), "{front:?}: {status}");
    assert_eq!(headers["repr-digest"], repr_digest, "{front:?}");
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"demo.bin\""
    );
    let tag = headers["etag"].to_str().expect("a tag").to_owned();
    if front == Front::Nginx {
        assert_eq!(tag, own_tag);
        assert_eq!(headers["last-modified"], PUBLISHED_DATE);
    }
    // A client goes on with the tag or the date it was given, and gets the rest
    // of the same file; a digest of all of it is beside it.
    let date = headers["last-modified"]
        .to_str()
        .expect("a date")
        .to_owned();
    for validator in [&tag, &date] {
        let lines = [("range", "bytes=700000-"), ("if-range", &**validator)];
        let (status, headers, rest) = ask(&url, &lines).await;
        assert!(
            status == 206 && rest == bytes()[700_000..],
            "{front:?}: {status}"
        );
        assert_eq!(headers["repr-digest"], repr_digest, "{front:?}");
        assert_eq!(headers["content-range"], "bytes 700000-1199999/1200000");
    }
    let lines = [
        ("range", "bytes=700000-"),
        ("if-range", "\"of another file\""),
    ];
    let (status, _, body) = ask(&url, &lines).await;
    assert!(status == 200 && body == bytes(), "{front:?}: {status}");
    // What was given by either of them is known again.
    for known in [&tag, &own_tag] {
        let (status, _, body) = ask(&url, &[("if-none-match", known)]).await;
        assert_eq!((status, body.len()), (304, 0), "{front:?}: {known}");
    }
    for since in [&*date, PUBLISHED_DATE] {
        let (status, _, _) = ask(&url, &[("if-modified-since", since)]).await;
        assert_eq!(status, 304, "{front:?}: {since}");
    }
}

#[tokio::test]
async fn nginx_keeps_what_rests_on_the_digest() {
    behind(Front::Nginx).await;
}

#[tokio::test]
async fn caddy_keeps_what_rests_on_the_digest() {
    behind(Front::Caddy).await;
}
