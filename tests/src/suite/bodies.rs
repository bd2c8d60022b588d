//! Request bodies in every form that HTTP gives them (RFC 9112, section 6): of
//! any size, in one piece or many, with a length or in chunks, and broken off.

use super::cases;
use super::floor::text;
use crate::hosts::{Answer, Instance};
use crate::shop::ADMIN_KEY;
use http::Method;

cases![
    sizes,
    in_pieces,
    in_chunks,
    two_lengths,
    two_in_a_row,
    nobody_reads_it,
    with_a_get,
    left_out,
    broken_off,
    gone,
];

const KIB: usize = 1024;

/// A malformed key, which is answered without any look at the database, and
/// white space up to this many bytes.
fn padded(length: usize) -> Vec<u8> {
    let mut body = br#"{"key":"x"}"#.to_vec();
    body.resize(length, b' ');
    body
}

fn is_read(answer: Option<Answer>, case: &str) {
    let answer = answer.unwrap_or_else(|| panic!("{case}: no answer"));
    assert_eq!(answer.ok()["reason"], "bad_format", "{case}");
}

/// The head of a request with these lines besides, as the last one of its
/// connection.
fn head(line: &str, more: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n{more}\r\n"
    )
}

/// A body as one chunk for every `step` bytes.
fn chunks(body: &[u8], step: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for piece in body.chunks(step) {
        chunks.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        chunks.extend_from_slice(piece);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}

async fn sizes(instance: &Instance) {
    for length in [
        11,
        12,
        16 * KIB,
        64 * KIB - 1,
        64 * KIB,
        64 * KIB + 1,
        200 * KIB,
        KIB * KIB,
    ] {
        let request = instance
            .api
            .request(Method::POST, "/v1/validate")
            .header("content-type", "application/json");
        let answer = instance.api.send(request.body(padded(length))).await;
        is_read(Some(answer), &format!("{length} bytes"));
    }
}

async fn in_pieces(instance: &Instance) {
    for length in [11, 3 * KIB, 65 * KIB] {
        let body = padded(length);
        let head = head(
            "POST /v1/validate",
            &format!("Content-Length: {length}\r\n"),
        );
        let mut pieces = vec![head.as_bytes()];
        pieces.extend(body.chunks(length.div_ceil(3)));
        let answer = instance.api.in_pieces(&pieces).await;
        is_read(answer, &format!("{length} bytes in pieces"));
    }
}

async fn in_chunks(instance: &Instance) {
    for (length, step) in [(11, 1), (11, 11), (5_000, 700), (70 * KIB, 9_000)] {
        let mut request = head("POST /v1/validate", "Transfer-Encoding: chunked\r\n").into_bytes();
        request.extend(chunks(&padded(length), step));
        let answer = instance.api.raw(&request).await;
        is_read(answer, &format!("{length} bytes in chunks of {step}"));
    }
    let mut request = head("POST /v1/validate", "Transfer-Encoding: chunked\r\n").into_bytes();
    request.extend(chunks(&padded(2 * KIB * KIB + 1), 64 * KIB));
    // A server may cut the connection while the client still writes.
    if let Some(answer) = instance.api.raw(&request).await {
        answer.is_error(413, "payload_too_large");
    }
}

/// Chunks count where a length is given besides, or the request is refused: the
/// beginning is never taken for the whole.
async fn two_lengths(instance: &Instance) {
    let encoding = "Transfer-Encoding: chunked\r\n";
    let left_out = "POST /v1/admin/licenses/none/unsuspend";
    for (line, length) in [("POST /v1/validate", 11), (left_out, 0)] {
        let length = format!("Content-Length: {length}\r\n");
        for lines in [format!("{length}{encoding}"), format!("{encoding}{length}")] {
            let mut request = head(line, &lines).into_bytes();
            request.extend(chunks(b"{\"key\":\"x\"}, and more", 11));
            if let Some(answer) = instance.api.raw(&request).await {
                assert_eq!(answer.status, 400, "{line}, {lines:?}: {}", answer.text());
            }
        }
    }
}

/// Two requests in one write: each has its own body.
async fn two_in_a_row(instance: &Instance) {
    let first = head("POST /v1/validate", "Content-Length: 11\r\n");
    let first = first.replace("Connection: close\r\n", "") + r#"{"key":"x"}"#;
    let second = head("POST /v1/validate", "Content-Length: 2\r\n") + "{}";
    let answer = instance
        .api
        .raw(format!("{first}{second}").as_bytes())
        .await;
    let both = answer.expect("an answer").text();
    let (valid, rest) = both.split_once("HTTP/1.1 422").expect("a second answer");
    assert!(valid.contains("bad_format"), "{both}");
    assert!(rest.contains("unprocessable_entity"), "{both}");
}

/// A body that the route has no use for, or that is refused for its head.
/// How often a request is sent again whose answer was lost.
const TRIES: usize = 5;

/// A server may close once it has answered, and whoever is still sending may then
/// lose the answer: asks again.
async fn answered(instance: &Instance, request: &[u8]) -> Answer {
    for _ in 0..TRIES {
        if let Some(answer) = instance.api.raw(request).await {
            return answer;
        }
    }
    panic!("no answer to any of {TRIES} requests")
}

async fn nobody_reads_it(instance: &Instance) {
    for length in [40, 64 * KIB, 100 * KIB] {
        for (method, path, status) in [
            (Method::POST, "/v1/nowhere", 404),
            (Method::PUT, "/v1/validate", 405),
            (Method::POST, "/releases/", 405),
            (Method::POST, "/v1/admin/products", 401),
        ] {
            let mut request = format!(
                "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            )
            .into_bytes();
            request.extend(padded(length));
            let answer = answered(instance, &request).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
    }
}

async fn with_a_get(instance: &Instance) {
    let length = "Content-Length: 11\r\n";
    let request = head("GET /healthz", length) + r#"{"key":"x"}"#;
    let answer = instance.api.raw(request.as_bytes()).await;
    assert_eq!(answer.expect("an answer").status, 200);
    let mut request = head("GET /healthz", "Transfer-Encoding: chunked\r\n").into_bytes();
    request.extend(chunks(&padded(11), 4));
    let answer = instance.api.raw(&request).await;
    assert_eq!(answer.expect("an answer").status, 200);
}

/// No body is an empty one, with and without a length that says so.
async fn left_out(instance: &Instance) {
    for more in ["", "Content-Length: 0\r\n"] {
        let request = head("POST /v1/validate", more);
        let answer = instance.api.raw(request.as_bytes()).await;
        answer.expect("an answer").is_error(400, "bad_request");
        let request = head("DELETE /v1/admin/webhook-endpoints/none", more);
        let answer = instance.api.raw(request.as_bytes()).await;
        answer.expect("an answer").is_error(404, "not_found");
    }
}

/// What came of a body reads like a whole one, and is not taken for it.
async fn broken_off(instance: &Instance) {
    for (slug, length) in [
        ("half-sent", 3 * KIB),
        ("half-sent-of-much", 300 * KIB),
        ("half-sent-chunks", 0),
    ] {
        let (head, body) = half_sent(slug, length);
        let answer = instance
            .api
            .broken_off(&[head.as_bytes(), body.as_bytes()])
            .await;
        // A proxy in front may say it in its own words; ours have an id.
        if let Some(answer) = answer.filter(|answer| !answer.header("x-request-id").is_empty()) {
            assert_eq!(answer.status, 400, "{slug}: {}", answer.text());
        }
        is_not_there(instance, slug).await;
    }
}

/// The same of a client that does not wait for the answer.
async fn gone(instance: &Instance) {
    for (slug, length) in [
        ("gone", 3 * KIB),
        ("gone-with-much", 300 * KIB),
        ("gone-chunks", 0),
    ] {
        let (head, body) = half_sent(slug, length);
        instance
            .api
            .leave_after(&[head.as_bytes(), body.as_bytes()])
            .await;
    }
    is_read(
        Some(
            instance
                .api
                .post("/v1/validate", &serde_json::json!({ "key": "x" }))
                .await,
        ),
        "the next request",
    );
    for slug in ["gone", "gone-with-much", "gone-chunks"] {
        is_not_there(instance, slug).await;
    }
}

/// A new product in full, of a body that is said to be longer; of chunks
/// without a last one when the length is 0.
fn half_sent(slug: &str, length: usize) -> (String, String) {
    let product = format!(r#"{{"slug":"{slug}","name":"n","price_sats":1}}"#);
    let line = "POST /v1/admin/products";
    if length == 0 {
        let chunk = format!("{:x}\r\n{product}\r\n", product.len());
        (head(line, "Transfer-Encoding: chunked\r\n"), chunk)
    } else {
        (
            head(line, &format!("Content-Length: {length}\r\n")),
            product,
        )
    }
}

async fn is_not_there(instance: &Instance, slug: &str) {
    let products = instance.api.get("/v1/products").await.ok();
    let products = products["products"].as_array().expect("a list");
    assert!(
        products.iter().all(|product| text(product, "slug") != slug),
        "{slug} was made"
    );
}
