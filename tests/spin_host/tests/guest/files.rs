//! Mounted folders.

use crate::support::{Fixture, get, standard_manifest};
use std::time::Duration;

#[tokio::test]
async fn folders_are_listed_and_files_are_served() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(
        get(&app, "/list").await.1,
        r#"[["a.txt",false],["sub",true]]"#
    );
    let response = reqwest::get(format!("{}/files/a.txt", app.base_url()))
        .await
        .unwrap();
    assert_eq!(response.headers()["content-length"], "10");
    assert_eq!(response.text().await.unwrap(), "0123456789");
    // The folder is live.
    std::fs::write(fixture.path("releases/b.txt"), "new").unwrap();
    assert_eq!(get(&app, "/files/b.txt").await, (200, "new".to_owned()));
    std::fs::write(fixture.path("releases/empty"), "").unwrap();
    assert_eq!(get(&app, "/files/empty").await, (200, String::new()));
}

#[tokio::test]
async fn nothing_outside_is_reached() {
    let fixture = Fixture::new();
    std::os::unix::fs::symlink(fixture.path("outside.txt"), fixture.path("releases/link")).unwrap();
    let app = fixture.start().await;
    for name in [
        "../outside.txt",
        "sub/../../outside.txt",
        "link",
        "sub",
        "missing",
        "/etc/passwd",
    ] {
        let request = http::Request::get("http://open.spin.internal/")
            .uri(format!("http://open.spin.internal/files/{name}"))
            .body(bytes::Bytes::new());
        let response = app.call("open", request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 404, "{name}");
    }
    assert_eq!(get(&app, "/bare/list").await.0, 404);
}

#[tokio::test]
async fn ranges_are_served() {
    let fixture = Fixture::new();
    let big: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_le_bytes()[1])
        .collect();
    std::fs::write(fixture.path("releases/big"), &big).unwrap();
    let app = fixture.start().await;
    for (first, last) in [
        (0, 0),
        (0, 999_999),
        (5, 70_000),
        (999_999, 999_999),
        (300_000, 999_999),
    ] {
        let request = reqwest::Client::new().get(format!("{}/files/big", app.base_url()));
        let request = request.header("range", format!("bytes={first}-{last}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 206);
        assert_eq!(
            response.headers()["content-length"],
            (last - first + 1).to_string()
        );
        assert!(
            response.bytes().await.unwrap() == big[first..=last],
            "{first}-{last}"
        );
    }
    assert!(app.host_logs().is_empty(), "{:?}", app.host_logs());
}

/// A download that takes longer than an idle instance is kept.
#[tokio::test]
async fn slow_downloads_are_not_cut_off() {
    let fixture = Fixture::new();
    let size = 20 * 1024 * 1024;
    std::fs::write(fixture.path("releases/slow"), vec![7; size]).unwrap();
    let app = fixture
        .app()
        .idle_timeout(Duration::from_millis(50))
        .start()
        .await
        .unwrap();
    for range in [None, Some(format!("bytes=0-{}", size - 2))] {
        let mut request = reqwest::Client::new().get(format!("{}/files/slow", app.base_url()));
        let mut expected = size;
        if let Some(range) = range {
            request = request.header("range", range);
            expected = size - 1;
        }
        let mut response = request.send().await.unwrap();
        let mut received = 0;
        let mut pauses = 3;
        while let Some(chunk) = response.chunk().await.unwrap() {
            received += chunk.len();
            if pauses > 0 {
                pauses -= 1;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        assert_eq!(received, expected);
    }
}

#[tokio::test]
async fn a_folder_may_be_mounted_below_the_root() {
    let manifest = standard_manifest().replace(
        r#"source = "releases", destination = "/releases""#,
        r#"source = ".", destination = "/""#,
    );
    let fixture = Fixture::with(&manifest);
    let app = fixture.start().await;
    assert_eq!(
        get(&app, "/list").await.1,
        r#"[["a.txt",false],["sub",true]]"#
    );
    assert_eq!(
        get(&app, "/files/a.txt").await,
        (200, "0123456789".to_owned())
    );
}
