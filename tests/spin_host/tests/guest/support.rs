//! An application of three components, all made of the same guest.

use keywright_spin_host::{RunningApp, SpinApp};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The guest's module.
pub(crate) fn guest() -> PathBuf {
    let path = std::env::var_os("KEYWRIGHT_SPIN_GUEST").map(PathBuf::from).expect(
        "KEYWRIGHT_SPIN_GUEST is not set: build tests/spin_host/guest for wasm32-unknown-unknown \
         and set it to the absolute path of spin_host_guest.wasm (the project's `make test` does)",
    );
    assert!(
        path.is_file(),
        "KEYWRIGHT_SPIN_GUEST: there is no file {}",
        path.display()
    );
    path
}

/// A folder with a manifest in it, and room for state.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// `open` is granted what there is, `bare` nothing, `inner` is private.
    pub(crate) fn new() -> Self {
        Self::with(&standard_manifest())
    }

    pub(crate) fn with(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        let releases = folder.path().join("releases");
        std::fs::create_dir_all(releases.join("sub")).unwrap();
        std::fs::write(releases.join("a.txt"), "0123456789").unwrap();
        std::fs::write(folder.path().join("outside.txt"), "secret").unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The application, with the values it needs.
    pub(crate) fn app(&self) -> SpinApp {
        SpinApp::from_manifest(self.path("spin.toml"))
            .unwrap()
            .variable("token", "t0p")
            .state_dir(self.path("state"))
    }

    pub(crate) async fn start(&self) -> RunningApp {
        self.app().start().await.unwrap()
    }
}

/// The manifest most tests use.
pub(crate) fn standard_manifest() -> String {
    let guest = guest();
    let guest = path_text(&guest);
    format!(
        r#"
spin_manifest_version = 2

[application]
name = "fixture"

[variables]
token = {{ required = true, secret = true }}
upstream = {{ default = "" }}
greeting = {{ default = "hi" }}

[[trigger.http]]
route = "/..."
component = "open"

[[trigger.http]]
route = "/bare/..."
component = "bare"

[[trigger.http]]
route = {{ private = true }}
component = "inner"

[[trigger.http]]
route = "/fixed"
static_response = {{ status_code = 418, headers = {{ x-kind = "static" }}, body = "teapot" }}

[component.open]
source = "{guest}"
allowed_outbound_hosts = ["http://inner.spin.internal", "{{{{ upstream }}}}"]
sqlite_databases = ["default"]
files = [{{ source = "releases", destination = "/releases" }}]
environment = {{ STAGE = "test" }}
[component.open.variables]
key = "<{{{{ token }}}}>"
both = "{{{{ greeting }}}} {{{{ greeting }}}}"

[component.bare]
source = "{guest}"

[component.inner]
source = "{guest}"
[component.inner.variables]
key = "inner {{{{ token }}}}"
"#
    )
}

/// A path as it can stand in a manifest.
pub(crate) fn path_text(path: &Path) -> &str {
    let text = path.to_str().unwrap();
    assert!(!text.contains(['"', '\\']), "{text}");
    text
}

/// Status and text of `GET` on a path.
pub(crate) async fn get(app: &RunningApp, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("{}{path}", app.base_url()))
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Waits until a condition holds, for five seconds at most.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it did not come to pass: {what}");
}
