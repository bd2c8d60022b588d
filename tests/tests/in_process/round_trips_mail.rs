//! Round trips of the routes of mail: a row each in the table of `round_trips`.

use crate::bench::{Bench, json_request, signed_in};
use axum::body::Body;
use http::{Method, Request};
use keywright_domain::mail::link::{MailLink, SECRET_BYTES};
use serde_json::{Value, json};

/// Each route with a request and how many round trips it makes.
pub(crate) async fn rows(bench: &Bench) -> Vec<(&'static str, Request<Body>, u64)> {
    let issued = bench
        .issue("demo", json!({ "buyer_email": "mail@x.example" }))
        .await;
    let link = MailLink::from_bytes([7; SECRET_BYTES]);
    let row = format!(
        "INSERT INTO mails (id, fact, recipient, template, subject_id, fact_at, state, attempts,
                            link_digest, link_expires_at, created_at)
         VALUES ('m1', 'license:l', 'mail@x.example', 'license_key', '{}', 1, 'sent', 1, '{}',
                 4000000000, 1)",
        issued.text("license_id"),
        link.digest()
    );
    bench.sql(&row).await;
    // As a tick with mail leaves it.
    bench.sql("UPDATE mail_state SET is_on = 1").await;
    let send =
        |method: Method, path: &str, body: &Value| signed_in(json_request(method, path, body));
    let get = |path: &str| send(Method::GET, path, &json!({}));
    let post = |path: &str, body: Value| send(Method::POST, path, &body);
    let page = link.url("");
    let anonymous = |method: Method| {
        let request = Request::builder().method(method).uri(&page);
        request.body(Body::empty()).expect("a request")
    };
    let ask = json!({ "email": "mail@x.example" });
    vec![
        ("/v1/admin/mail", get("/v1/admin/mail"), 1),
        ("/v1/admin/mails", get("/v1/admin/mails?state=sent"), 1),
        ("/v1/admin/mails/{id}", get("/v1/admin/mails/m1"), 1),
        // Whom it goes to now, then the new mail.
        (
            "/v1/admin/mails/{id}/resend",
            post("/v1/admin/mails/m1/resend", json!({})),
            2,
        ),
        (
            "/v1/admin/mails/release",
            post("/v1/admin/mails/release", json!({})),
            1,
        ),
        (
            "/v1/admin/mails/drop",
            post(
                "/v1/admin/mails/drop",
                json!({ "before": "2026-01-31T12:00:00Z" }),
            ),
            1,
        ),
        // The limit, and the request.
        (
            "/v1/recover/mail",
            json_request(Method::POST, "/v1/recover/mail", &ask),
            2,
        ),
        // The page changes nothing and reads nothing.
        ("/recover/mail/{secret}", anonymous(Method::GET), 0),
        // The limit, the mail, how its address is written, its license, and the signature.
        ("/recover/mail/{secret}", anonymous(Method::POST), 5),
    ]
}
