//! Paths that try to leave the releases folder, sent as they are: a client
//! library would tidy them up. The host may tidy them too, which is fine as
//! long as nothing comes back.

use super::cases;
use super::gate::token;
use crate::hosts::Instance;
use crate::hosts::releases::{FILES, LICENSED, LISTED, OUTSIDE, PAID, PLATFORM};
use crate::published::sha256;

cases![
    segments,
    segments_below_a_manifest,
    segments_elsewhere,
    whole_paths,
    stored_bytes,
    links,
];

/// Segments that name no product, version or platform.
const SEGMENTS: &[&str] = &[
    // Dot segments, plain and encoded once, twice and thrice.
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25252e%25252e",
    "...",
    "....",
    "..;",
    "..;a=b",
    "..%00",
    "..%20",
    "..%09",
    "..%0a",
    "..%0d%0a",
    "%20..",
    "..%23",
    "..%3f",
    "a..b",
    "..a",
    "a..",
    "a.",
    // A slash inside a segment.
    "%2f",
    "%2F",
    "%252f",
    "..%2f",
    "..%2f..",
    "..%2f..%2f..%2foutside",
    "..%252f..%252f..%252foutside",
    "%2e%2e%2f%2e%2e%2foutside",
    "..%2foutside",
    "..%2f..%2fopen%2f1.0.0",
    "a%2f..%2f..%2f..%2foutside",
    "....%2f%2f....%2f%2foutside",
    // Absolute paths, of files, devices, shares and drives.
    "%2fetc%2fpasswd",
    "%2f%2fetc%2fpasswd",
    "%2fproc%2fself%2fenviron",
    "%2fdev%2fzero",
    "file:%2f%2f%2fetc%2fpasswd",
    "C:%5cwindows%5cwin.ini",
    "C%3a%2fwindows",
    "%5c%5chost%5cshare",
    // Backslashes.
    "%5c",
    "..%5c",
    "..%5c..",
    "..%5c..%5coutside",
    "..%255c..%255coutside",
    "%2e%2e%5c%2e%2e%5coutside",
    // NUL and other control characters.
    "%00",
    "x%00",
    "x86_64-unknown-linux-gnu%00.sig",
    "%0a",
    "%0d%0aX-Injected:%20yes",
    "%1b",
    "%7f",
    "%20",
    "%09",
    // Overlong and other bad UTF-8.
    "%c0%ae%c0%ae",
    "%c0%af",
    "%c0%ae%c0%ae%c0%afoutside",
    "%e0%80%ae%e0%80%ae",
    "%e0%80%af",
    "%f0%80%80%ae",
    "%f0%80%80%af",
    "%c1%9c",
    "%ff",
    "%fe%ff",
    "%ed%a0%80",
    "%80",
    // Characters that look like dots and slashes, or fold to them.
    "%ef%bc%8e%ef%bc%8e",
    "%ef%bc%8f",
    "%ef%bc%bc",
    "%e2%80%a4%e2%80%a4",
    "%e2%80%a5",
    "%e2%80%a6",
    "%e2%88%95",
    "%e2%81%84",
    "%c3%a9",
    "e%cc%81",
    "%e2%80%ae",
    "%ef%bb%bf..",
    "%u002e%u002e",
    "%u2215",
    "&#46;&#46;",
    "%26%2346%3b%26%2346%3b",
    // Broken encodings.
    "%",
    "%2",
    "%zz",
    "%2g",
    "%%32%65%%32%65",
    // Names with a meaning of their own.
    ".files",
    "%2efiles",
    ".git",
    ".hidden",
    ".MANIFEST.json.tmp",
    "MANIFEST.json%00",
    "MANIFEST.json%2f",
    "nul",
    "con",
    "aux.txt",
    "com1",
    "lpt1",
    "nul%3a",
    "desktop.ini::$DATA",
    "%3a%3a%24DATA",
    "~",
    "~root",
    "~1",
    "-x",
    "-rf",
    "$HOME",
    "%24%7bHOME%7d",
    "`id`",
    "%60id%60",
    "*",
    "%2a",
    "?",
    "%3f",
    "latest",
    "channels",
    "",
];

async fn ask(instance: &Instance, path: &str) {
    for product in [LICENSED, LISTED] {
        // The gate would open: it is the path that has to be refused.
        let token = token(instance, product, &["pro"]);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\n\r\n"
        );
        // A server may close where there is no HTTP in a request.
        let Some(answer) = instance.api.raw(request.as_bytes()).await else {
            continue;
        };
        let body = answer.text();
        // A host that tidies `gate/1.0.0/..` up is asked for what is public,
        // or for another route.
        let is_public = answer.status == 200
            && (body.starts_with("{\"product") || body.contains("\"service\""));
        let refused = (300..500).contains(&answer.status);
        assert!(refused || is_public, "{path}: {} {body}", answer.status);
        assert_eq!(answer.header("x-injected"), "", "{path}");
        for hidden in [OUTSIDE, "root:", "localhost", PAID, "what was paid for"] {
            assert!(!body.contains(hidden), "{path}: {body}");
        }
        for server_path in [
            "/tmp/",
            "/home/",
            "/root/",
            "/releases/open/1",
            "keywright-suite-",
        ] {
            assert!(
                !body.contains(server_path),
                "{path} tells of the disk: {body}"
            );
        }
        for (key, bytes) in FILES.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            assert!(
                !body.contains(&*String::from_utf8_lossy(bytes)),
                "{path} gave {key}"
            );
        }
    }
}

async fn segments(instance: &Instance) {
    assert!(SEGMENTS.len() >= 60);
    for segment in SEGMENTS {
        ask(instance, &format!("/releases/gate/1.0.0/{segment}")).await;
        ask(instance, &format!("/releases/gate/{segment}/{PLATFORM}")).await;
        ask(instance, &format!("/releases/{segment}/1.0.0/{PLATFORM}")).await;
    }
}

async fn segments_below_a_manifest(instance: &Instance) {
    for segment in SEGMENTS {
        ask(instance, &format!("/releases/{LISTED}/1.0.0/{segment}")).await;
        ask(instance, &format!("/releases/{LISTED}/1.0.0/{segment}.sig")).await;
        ask(instance, &format!("/releases/{LISTED}/{segment}/MANIFEST")).await;
    }
}

async fn segments_elsewhere(instance: &Instance) {
    for segment in SEGMENTS {
        ask(instance, &format!("/releases/{segment}/install.sh")).await;
        ask(instance, &format!("/releases/{segment}/latest/{PLATFORM}")).await;
        ask(
            instance,
            &format!("/releases/{LISTED}/channels/{segment}.json"),
        )
        .await;
        ask(
            instance,
            &format!("/api/v1/licensing/download/{segment}/1.0.0.zip"),
        )
        .await;
        ask(
            instance,
            &format!("/api/v1/licensing/download/{LISTED}/{segment}.zip"),
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
        "/git/../releases/sold/2.0.0/x86_64-unknown-linux-gnu",
        "/verify-key/../releases/sold/2.0.0/x86_64-unknown-linux-gnu",
        "/releases/./../../outside",
        "/releases;/gate",
    ] {
        ask(instance, path).await;
    }
    for length in [65, 300, 5_000] {
        let long = "a".repeat(length);
        ask(instance, &format!("/releases/gate/1.0.0/{long}")).await;
        ask(instance, &format!("/releases/gate/{long}/{PLATFORM}")).await;
        ask(instance, &format!("/releases/{long}")).await;
    }
    let deep = "/a".repeat(500);
    ask(instance, &format!("/releases{deep}")).await;
    ask(instance, &format!("/releases{}/outside", "/..".repeat(500))).await;
}

/// Bytes have no address but the one that a manifest gives them.
async fn stored_bytes(instance: &Instance) {
    let bytes = format!("{PAID}: {LISTED}-1.0.0-{PLATFORM}\n");
    let digest = sha256(bytes.as_bytes());
    for path in [
        format!("/releases/{LISTED}/.files/{digest}"),
        format!("/releases/{LISTED}/%2efiles/{digest}"),
        format!("/releases/{LISTED}/.files/{digest}/"),
        format!("/releases/{LISTED}/.files%2f{digest}/{PLATFORM}"),
        format!("/releases/{LISTED}/1.0.0/..%2f.files%2f{digest}"),
        format!("/releases/{LISTED}/1.0.0/{digest}"),
        format!("/releases/{LISTED}/.files/MANIFEST"),
        format!("/releases/{LISTED}/latest/{digest}"),
        format!("/api/v1/licensing/download/{LISTED}/..%2f.files%2f{digest}.zip"),
        format!("/releases/{LISTED}%2f.files/{digest}/x"),
    ] {
        ask(instance, &path).await;
    }
}

/// A link in the folder leads nowhere, whoever put it there.
async fn links(instance: &Instance) {
    for path in [
        "/releases/open/1.0.0/linked",
        "/releases/open/9.0.0/outside",
        "/releases/open/9.0.0/",
        "/releases/open/9.0.0/releases/",
    ] {
        let answer = instance.api.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains(OUTSIDE), "{path}");
    }
    let versions = instance.api.get("/releases/open/").await.text();
    assert!(versions.contains("1.0.0"), "{versions}");
    assert!(!versions.contains("9.0.0"), "{versions}");
}
