//! The sign function cannot be reached from outside, whatever the path, the
//! host name or the form of the request.

use super::cases;
use super::floor::{issue, product, text};
use crate::hosts::Instance;
use http::Method;
use serde_json::json;

cases![paths, host_names, absolute_form];

const PATHS: [&str; 11] = [
    "/license",
    "/license/",
    "/sign",
    "/sign/license",
    "/v1/sign",
    "/v1/sign/license",
    "/v1/license",
    "/v1/cron/sign",
    "/internal/sign/license",
    "/releases/license",
    "/v1/admin/license",
];

/// Names under which the sign function is known inside.
const NAMES: [&str; 6] = [
    "sign.spin.internal",
    "sign.spin.internal:80",
    "sign",
    "SIGN",
    "keywright-sign",
    "keywright-sign.workers.dev",
];

/// A license that sign would sign for those who may ask.
async fn license(instance: &Instance, slug: &str) -> String {
    product(instance, slug, 1).await;
    text(&issue(instance, slug, json!({})).await, "license_id")
}

fn closed(asked: &str, answer: &crate::hosts::Answer) {
    let refused = matches!(answer.status, 400 | 401 | 403 | 404 | 405 | 421);
    assert!(refused, "{asked}: {} {}", answer.status, answer.text());
    assert!(
        !answer.text().contains("LIC1-"),
        "{asked}: {}",
        answer.text()
    );
}

async fn paths(instance: &Instance) {
    let id = license(instance, "hidden-paths").await;
    for path in PATHS {
        for method in [Method::POST, Method::GET, Method::PUT] {
            let request = instance
                .api
                .request(method, path)
                .json(&json!({ "license_id": id }));
            closed(path, &instance.api.send(request).await);
        }
    }
}

fn request(target: &str, host: &str, extra: &str, license_id: &str) -> String {
    let body = json!({ "license_id": license_id }).to_string();
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{extra}\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn send(instance: &Instance, target: &str, host: &str, extra: &str, license_id: &str) {
    let answer = instance
        .api
        .raw(request(target, host, extra, license_id).as_bytes())
        .await;
    // Closing without an answer is a refusal too: Spin does so when the two
    // places that name a host differ.
    if let Some(answer) = answer {
        closed(&format!("{target} of {host}"), &answer);
    }
}

async fn host_names(instance: &Instance) {
    let id = license(instance, "hidden-hosts").await;
    for name in NAMES {
        for path in ["/license", "/v1/license", "/.well-known/spin/sign/license"] {
            send(instance, path, name, "", &id).await;
            let forwarded = format!("X-Forwarded-Host: {name}\r\nForwarded: host={name}\r\n");
            send(instance, path, "127.0.0.1", &forwarded, &id).await;
        }
    }
}

/// A request line with a whole URL, as to a proxy (RFC 9112, section 3.2.2).
async fn absolute_form(instance: &Instance) {
    let id = license(instance, "hidden-urls").await;
    for name in NAMES {
        let target = format!("http://{name}/license");
        for host in [name, "127.0.0.1"] {
            send(instance, &target, host, "", &id).await;
        }
    }
}
