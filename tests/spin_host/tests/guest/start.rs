//! What stops a start, and what an application says about itself.

use crate::support::{Fixture, get, standard_manifest};
use keywright_spin_host::{Error, SpinApp};

async fn start_error(fixture: &Fixture) -> String {
    let app = SpinApp::from_manifest(fixture.path("spin.toml"))
        .unwrap()
        .variable("token", "t")
        .state_dir(fixture.path("state"));
    match app.start().await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_required_variable_needs_a_value() {
    let fixture = Fixture::new();
    let app = SpinApp::from_manifest(fixture.path("spin.toml")).unwrap();
    let error = app
        .state_dir(fixture.path("state"))
        .start()
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, Error::Variables(why) if why.contains("`token`")),
        "{error}"
    );
    let error = fixture
        .app()
        .variable("tokem", "x")
        .start()
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, Error::Variables(why) if why.contains("`tokem`")),
        "{error}"
    );
}

#[tokio::test]
async fn mistakes_stop_the_start() {
    for (from, to, message) in [
        ("<{{ token }}>", "{{ tokem }}", "unknown variable `tokem`"),
        (
            "http://inner.spin.internal",
            "http://iner.spin.internal",
            "`iner`, which no trigger names",
        ),
        (
            "{{ upstream }}",
            "{{ greeting }}",
            "must be `scheme://host[:port]`",
        ),
        (
            "source = \"releases\"",
            "source = \"missing\"",
            "is not a folder",
        ),
        (
            "source = \"releases\"",
            "source = \"outside.txt\"",
            "is not a folder",
        ),
        (
            "spin_host_guest.wasm",
            "missing.wasm",
            "cannot be read; build it first",
        ),
    ] {
        let manifest = standard_manifest();
        assert!(manifest.contains(from), "{from}");
        let fixture = Fixture::with(&manifest.replacen(from, to, 1));
        let error = start_error(&fixture).await;
        assert!(error.contains(message), "{to}: {error}");
    }
}

#[tokio::test]
async fn other_modules_are_refused() {
    let manifest = standard_manifest();
    for (bytes, message) in [
        (&b"not wasm"[..], "cannot be made a component"),
        // A core module without any description of a component's interface.
        (b"\0asm\x01\0\0\0", "does not fit this host"),
        (b"\0asm\x0d\0\x01\0", "does not fit this host"),
    ] {
        let fixture = Fixture::with(&manifest.replace(
            crate::support::path_text(&crate::support::guest()),
            "other.wasm",
        ));
        std::fs::write(fixture.path("other.wasm"), bytes).unwrap();
        let error = start_error(&fixture).await;
        assert!(error.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let port = app.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let error = fixture.app().listen(port).start().await.err().unwrap();
    assert!(
        error.to_string().contains("listening on 127.0.0.1"),
        "{error}"
    );
    app.stop().await;
    let app = fixture.app().listen(port).start().await.unwrap();
    assert_eq!(get(&app, "/hello/again").await.0, 200);
}

#[tokio::test]
async fn dropping_stops_it() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let url = format!("{}/hello/x", app.base_url());
    assert!(reqwest::get(&url).await.is_ok());
    drop(app);
    for _ in 0..500 {
        if reqwest::get(&url).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still serves");
}

#[test]
fn the_application_describes_itself() {
    let fixture = Fixture::new();
    let app = fixture.app();
    assert_eq!(
        app.components().collect::<Vec<_>>(),
        ["bare", "inner", "open"]
    );
    assert_eq!(
        app.routes().collect::<Vec<_>>(),
        [
            (Some("/..."), Some("open")),
            (Some("/bare/..."), Some("bare")),
            (None, Some("inner")),
            (Some("/fixed"), None),
        ]
    );
    assert_eq!(
        app.variables().collect::<Vec<_>>(),
        ["greeting", "token", "upstream"]
    );
    let grants = app.grants("open").unwrap();
    assert_eq!(
        grants.outbound_hosts,
        ["http://inner.spin.internal", "{{ upstream }}"]
    );
    assert_eq!(grants.databases, ["default"]);
    assert_eq!(grants.variables, ["both", "key"]);
    assert_eq!(grants.folders, ["/releases"]);
    assert_eq!(app.grants("missing"), None);
}

#[test]
fn imports_are_what_the_module_uses() {
    let fixture = Fixture::new();
    let imports = fixture.app().imports("open").unwrap();
    for used in [
        "wasi:http/types@0.3.0",
        "wasi:http/client@0.3.0",
        "wasi:filesystem/types@0.3.0",
        "spin:sqlite/sqlite@3.1.0",
        "spin:variables/variables@3.0.0",
    ] {
        assert!(
            imports.iter().any(|name| name == used),
            "{used}: {imports:?}"
        );
    }
    // The SDK describes far more than the guest calls.
    assert!(
        !imports.iter().any(|name| name.starts_with("wasi:sockets")),
        "{imports:?}"
    );
    assert!(fixture.app().imports("missing").is_err());
}
