//! Paths that try to leave the releases folder, sent as they are: a client
//! library would tidy them up. The host may tidy them too, which is fine as
//! long as nothing comes back.

use super::cases;
use crate::hosts::Instance;
use crate::hosts::releases::{FILES, LICENSED, OUTSIDE};
use keywright_license::{Date, TokenClaims};

cases![segments, whole_paths];

/// Segments that name no product, version or platform.
const SEGMENTS: &[&str] = &[
    "..",
    ".",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%2e",
    "%2f",
    "..%2f..",
    "..%2foutside",
    "%2fetc%2fpasswd",
    "%00",
    "x%00",
    "%5c",
    "..%5c..",
    "%252e%252e",
    "%252f",
    "...",
    "a..b",
    "%20",
    "%0a",
    "%7f",
    "%c3%a9",
    "%ff",
    "~",
    "-x",
    ".hidden",
    "",
];

async fn ask(instance: &Instance, path: &str) {
    // The gate would open: it is the path that has to be refused.
    let claims = TokenClaims {
        product: LICENSED.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
    };
    let token = instance.signing_key.sign_token(&claims).expect("a token");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = instance.api.raw(request.as_bytes()).await;
    let answer = answer.unwrap_or_else(|| panic!("{path}: no answer"));
    let body = answer.text();
    // A host that tidies `gate/1.0.0/..` up is asked for the public list of versions.
    let refused = matches!(answer.status, 400 | 404);
    let listed = answer.status == 200 && answer.json()["versions"].is_array();
    assert!(refused || listed, "{path}: {} {body}", answer.status);
    assert!(
        !body.contains(OUTSIDE) && !body.contains("root:"),
        "{path}: {body}"
    );
    for (key, bytes) in FILES.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        assert!(
            !body.contains(&*String::from_utf8_lossy(bytes)),
            "{path} gave {key}"
        );
    }
}

async fn segments(instance: &Instance) {
    for segment in SEGMENTS {
        ask(instance, &format!("/releases/gate/1.0.0/{segment}")).await;
        ask(
            instance,
            &format!("/releases/gate/{segment}/x86_64-unknown-linux-gnu"),
        )
        .await;
        ask(
            instance,
            &format!("/releases/{segment}/1.0.0/x86_64-unknown-linux-gnu"),
        )
        .await;
    }
}

async fn whole_paths(instance: &Instance) {
    for path in [
        "/releases/gate/1.0.0/../../../outside",
        "/releases/gate/1.0.0/%2e%2e/%2e%2e/%2e%2e/outside",
        "/releases/../outside",
        "/releases/..%2foutside",
        "/releases/%2e%2e/outside/x",
        "/releases//etc/passwd",
        "/releases/gate//x86_64-unknown-linux-gnu",
        "//releases/gate/1.0.0/x86_64-unknown-linux-gnu",
        "/releases/gate/1.0.0//x86_64-unknown-linux-gnu",
        "/releases/gate/1.0.0/folder/file",
        "/releases/gate/1.0.0/folder%2ffile",
        "/releases/gate%2f1.0.0%2fx86_64-unknown-linux-gnu",
        "/releases/gate%2f1.0.0/x86_64-unknown-linux-gnu",
        "/Releases/gate/1.0.0/x86_64-unknown-linux-gnu",
        "/RELEASES/gate/1.0.0/x86_64-unknown-linux-gnu",
        "/releases/GATE/1.0.0/x86_64-unknown-linux-gnu",
        "/%72eleases/gate/1.0.0/x86_64-unknown-linux-gnu",
        "/releases/gate/1.0.0/x86_64-unknown-linux-gnu%00.sig",
        "/releases/gate/1.0.0/x86_64-unknown-linux-gnu%20",
    ] {
        ask(instance, path).await;
    }
    let long = format!("/releases/gate/1.0.0/{}", "a".repeat(5_000));
    ask(instance, &long).await;
}
