//! Names of files as build tools make them: published, found in a feed, and downloaded
//! under the same name.

use crate::tool::{Vendor, other, release};
use keywright_tests::hosts::Instance;
use serde_json::json as object;

const WINDOWS: &str = "x86_64-pc-windows-msvc";

/// A name, and the header of its download.
const NAMES: [(&str, &str); 4] = [
    (
        "demo_2.6.0~rc.1-1_amd64.exe",
        "attachment; filename=\"demo_2.6.0~rc.1-1_amd64.exe\"",
    ),
    (
        "Anna's Notes & More #2+1.exe",
        "attachment; filename=\"Anna's Notes & More #2+1.exe\"",
    ),
    (
        "100%25 sure.exe",
        "attachment; filename=\"100_25 sure.exe\"; filename*=UTF-8''100%2525%20sure.exe",
    ),
    (
        "Bücher.exe",
        "attachment; filename=\"B_cher.exe\"; filename*=UTF-8''B%C3%BCcher.exe",
    ),
];

pub(crate) async fn arrive_as_they_are(instance: &Instance) {
    let product = object!({ "slug": "names", "name": "names", "price_sats": 0 });
    let made = instance.api.admin(http::Method::POST, "products", &product);
    made.await.ok();
    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let (key, public) = (vendor.path("release.key"), vendor.path("release.pub"));
    release(&place, &["open", "--product", "names"]).await.ok();
    let publish = async |version: &str, arguments: &[&str]| {
        let base = [
            "publish",
            "--product",
            "names",
            "--platform",
            WINDOWS,
            "--key",
            &key,
        ];
        release(
            &place,
            &[&base[..], &["--version", version], arguments].concat(),
        )
        .await
    };
    for (number, (name, disposition)) in (1..).zip(NAMES) {
        let file = vendor.file(name, name.as_bytes());
        let version = format!("1.0.{number}");
        let published = publish(&version, &[&file]).await.ok();
        let artifact = &published["manifest"]["artifacts"][0];
        assert_eq!(artifact["file_name"], name);

        // The real minisign reads the statement, in any language of the terminal.
        let signature = artifact["signature"].as_str().expect("a signature");
        let signature = vendor.file("sig", signature.as_bytes());
        let checked = other(
            "minisign",
            &["-V", "-p", &public, "-m", &file, "-x", &signature],
        )
        .await;
        assert_eq!(checked.code, 0, "{checked:?}");

        let download = format!("/releases/names/{version}/{WINDOWS}");
        let answer = instance.api.get(&download).await;
        assert_eq!(answer.body, name.as_bytes());
        assert_eq!(answer.header("content-disposition"), disposition);

        // A feed that lists files by name leads to this one.
        let feed = instance
            .api
            .get("/updates/electron/names/latest.yml")
            .await
            .text();
        let url = feed.lines().find_map(|line| line.strip_prefix("path: "));
        let url: String = serde_json::from_str(url.expect("a file")).expect("a text");
        let there = instance
            .api
            .get(&format!("/updates/electron/names/{url}"))
            .await;
        assert_eq!(there.status, 302, "{name} {url}: {}", there.text());
        assert!(there.header("location").contains(&download), "{there:?}");
    }
    // A name that some system could not save, and one in its place.
    let bad = vendor.file("aux.exe", b"a device");
    publish("2.0.0", &[&bad]).await.is_refused(2, "--file-name");
    let published = publish("2.0.0", &["--file-name", "auxiliary.exe", &bad])
        .await
        .ok();
    assert_eq!(
        published["manifest"]["artifacts"][0]["file_name"],
        "auxiliary.exe"
    );
    // What is behind the last separator of any system.
    let windows = vendor.file("C:\\out\\app.exe", b"a path");
    let published = publish("2.0.1", &[&windows]).await.ok();
    assert_eq!(
        published["manifest"]["artifacts"][0]["file_name"],
        "app.exe"
    );
}
