//! A panic inside a request, on both WebAssembly hosts: the request gets a
//! 500, the panic's text is logged, and the next request is served.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use keywright_spin_host::SpinApp;
use keywright_tests::hosts::root;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PANIC_TEXT: &str = "the probe was asked to panic";

#[tokio::test]
async fn spin_starts_a_fresh_instance_and_logs_the_panic() {
    let state = tempfile::tempdir().expect("a folder");
    let app = SpinApp::from_manifest(root().join("tests/probe/spin.toml"))
        .expect("the probe's manifest; dev/build.sh --for-tests builds it")
        .state_dir(state.path())
        .start()
        .await
        .expect("a running probe");
    let base = app.base_url();
    assert_eq!(get(&base, "/answered").await.text, "1");
    assert_eq!(
        get(&base, "/answered").await.text,
        "2",
        "instances are reused"
    );
    assert_eq!(get(&base, "/panic").await.status, 500);
    let logged = app
        .logs("probe")
        .into_iter()
        .chain(app.host_logs())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(logged.contains(PANIC_TEXT), "{logged}");
    assert_eq!(get(&base, "/answered").await.text, "1", "a fresh instance");
}

#[tokio::test]
async fn workerd_answers_the_envelope_and_goes_on() {
    let workers = Workers::start();
    let base = workers.ready().await;
    assert_eq!(get(&base, "/answered").await.status, 200);
    let broken = get(&base, "/panic").await;
    assert_eq!(broken.status, 500);
    let body: Value = serde_json::from_str(&broken.text).expect("the envelope");
    assert_eq!(body["ok"], false);
    assert_eq!(body["error"], "internal_error");
    let id = broken.request_id.expect("a request id");
    assert_eq!(get(&base, "/answered").await.text, "1", "a fresh instance");
    let log = workers.log_with(&id).await;
    assert!(log.contains(PANIC_TEXT), "{log}");
}

struct Answer {
    status: u16,
    text: String,
    request_id: Option<String>,
}

async fn get(base: &str, path: &str) -> Answer {
    let answer = reqwest::get(format!("{base}{path}"))
        .await
        .expect("an answer");
    let request_id = answer.headers().get("x-request-id");
    Answer {
        status: answer.status().as_u16(),
        request_id: request_id
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned),
        text: answer.text().await.expect("a body"),
    }
}

/// The real gateway with the probe in the place of `validate`, in one workerd.
struct Workers {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Workers {
    fn start() -> Self {
        let tool = |name: &str| {
            PathBuf::from(
                std::env::var_os(name)
                    .unwrap_or_else(|| panic!("run this by make test: {name} is not set")),
            )
        };
        let node = tool("KEYWRIGHT_TEST_NODE");
        let wrangler = tool("KEYWRIGHT_TEST_NODE_MODULES").join("wrangler/bin/wrangler.js");
        let folder = tempfile::tempdir().expect("a folder");
        let gateway = worker(
            "keywright",
            "functions/gateway/build/index.js",
            &json!([{ "binding": "VALIDATE", "service": "keywright-probe" }]),
        );
        let probe = worker("keywright-probe", "tests/probe/build/index.js", &json!([]));
        for (name, config) in [("gateway.json", gateway), ("probe.json", probe)] {
            std::fs::write(folder.path().join(name), config.to_string()).expect("a file");
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let log = File::create(folder.path().join("log")).expect("a file");
        let path = std::env::join_paths(node.parent().map(Path::to_path_buf).into_iter().chain(
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()),
        ));
        let child = Command::new(&node)
            .arg(wrangler)
            .args([
                "dev",
                "-c",
                "gateway.json",
                "-c",
                "probe.json",
                "--ip",
                "127.0.0.1",
            ])
            .args([
                "--port",
                &port.to_string(),
                "--inspector-port",
                "0",
                "--persist-to",
                "state",
            ])
            .arg("--show-interactive-dev-session=false")
            .env("CI", "1")
            .env("NO_COLOR", "1")
            .env("PATH", path.expect("a path"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_LOG_PATH", folder.path())
            .env("WRANGLER_REGISTRY_PATH", folder.path().join("registry"))
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("wrangler");
        Self {
            child,
            port,
            folder,
        }
    }

    /// The address, once it answers; wrangler starts in some seconds.
    async fn ready(&self) -> String {
        let base = format!("http://127.0.0.1:{}", self.port);
        for _ in 0..6_000 {
            if reqwest::get(format!("{base}/nothing")).await.is_ok() {
                return base;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("wrangler did not start:\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The log, once it has a line with `text`.
    async fn log_with(&self, text: &str) -> String {
        for _ in 0..1_800 {
            if self.log().contains(text) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = self.log();
        assert!(log.contains(text), "no line with {text}:\n{log}");
        log
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // wrangler has children of its own; the whole group ends.
        if let Some(group) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn worker(name: &str, main: &str, services: &Value) -> Value {
    json!({
        "name": name,
        "main": root().join(main),
        "compatibility_date": "2026-09-01",
        "services": services,
    })
}
