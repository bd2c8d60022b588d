//! The instance in the Spin test host of this process, from an unchanged copy
//! of the real manifest.

use super::process::root;
use super::{Database, Running, Setup, StartError, Started, ports};
use keywright_ports::name;
use keywright_spin_host::{RunningApp, SpinApp};
use std::path::{Path, PathBuf};

/// How long an instance of a component lives. What is right in both must not
/// keep a request's state in a static.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// As Spin does unless told otherwise: 128 requests, 16 at once.
    Default,
    /// A fresh instance for every request.
    Never,
}

struct App {
    running: RunningApp,
    components: Vec<String>,
}

impl Running for App {
    fn log(&self) -> String {
        let components = self.components.iter();
        let lines = components.flat_map(|name| self.running.logs(name));
        let lines = lines.chain(self.running.host_logs());
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub(super) async fn start(setup: Setup, reuse: Reuse) -> Result<Started, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::new("the Spin test host", error);
    let home = setup.releases.home();
    // A manifest's relative paths start from its own folder: the copy finds
    // this instance's releases beside it.
    let manifest = home.join("spin.toml");
    let linked = std::fs::read_to_string(root().join("spin.toml"))
        .map(|text| leave_out(text, setup.without_database))
        .and_then(|text| std::fs::write(&manifest, text))
        .and_then(|()| std::fs::create_dir_all(home.join("build")))
        .and_then(|()| std::os::unix::fs::symlink(modules(), home.join("build/spin")))
        .and_then(|()| {
            let pages = root().join("static").canonicalize()?;
            std::os::unix::fs::symlink(pages, home.join("static"))
        });
    linked.map_err(|error| failed(&error))?;
    let port = ports::free()?;
    let base_url = format!("http://127.0.0.1:{port}");
    let state = home.join("state");
    let mut app = SpinApp::from_manifest(&manifest)
        .map_err(|error| failed(&error))?
        .listen(port)
        .state_dir(&state);
    // What is not configured has its default in the manifest.
    let configuration = setup.configuration(&base_url).into_iter();
    for (name, value) in configuration.filter(|(_, value)| !value.is_empty()) {
        for (variable, value) in variables(&name, value) {
            app = app.variable(variable, value);
        }
    }
    if reuse == Reuse::Never {
        app = app.reuse(1, 1);
    }
    let components = app.components().map(str::to_owned).collect();
    let running = app.start().await.map_err(|error| failed(&error))?;
    let database = Database::File(state.join("sqlite_db.db"));
    Ok(Started {
        base_url,
        database,
        running: Box::new(App {
            running,
            components,
        }),
    })
}

/// The application's variables of a name of the configuration. An RPC endpoint
/// is two, because the list of allowed hosts takes no path.
fn variables(name: &str, value: String) -> Vec<(String, String)> {
    if name == name::WEBHOOK_HOSTS {
        let hosts = value.split(',').map(str::to_owned).zip(1..);
        return hosts
            .map(|(host, number)| (format!("webhook_host{number}"), host))
            .collect();
    }
    if name == name::MAIL_URL {
        let (host, path) = at_path(&value);
        return vec![
            ("mail_host".to_owned(), host),
            ("mail_path".to_owned(), path),
        ];
    }
    if name != name::POLYGON_RPC_URLS {
        return vec![(name.to_ascii_lowercase(), value)];
    }
    let endpoints = value.split(',').zip(["", "2", "3"]);
    endpoints
        .flat_map(|(url, ending)| {
            let (host, path) = at_path(url);
            [
                (format!("polygon_rpc_url{ending}"), host),
                (format!("polygon_rpc_path{ending}"), path),
            ]
        })
        .collect()
}

/// A URL in two: the list of allowed hosts takes no path.
fn at_path(url: &str) -> (String, String) {
    let behind = url.find("://").map_or(0, |at| at + 3);
    let path = url[behind..].find('/').map_or(url.len(), |at| behind + at);
    (url[..path].to_owned(), url[path..].to_owned())
}

/// The manifest as a vendor writes it who leaves the database out of these
/// components.
fn leave_out(manifest: String, components: &[&str]) -> String {
    components.iter().fold(manifest, |manifest, component| {
        let granted = "sqlite_databases = [\"default\"]\n";
        let head = format!("[component.{component}]\n");
        let Some((before, after)) = manifest.split_once(&head) else {
            return manifest;
        };
        format!("{before}{head}{}", after.replacen(granted, "", 1))
    })
}

/// What `dev/build.sh spin` built.
fn modules() -> PathBuf {
    let given = std::env::var_os("KEYWRIGHT_TEST_SPIN_MODULES").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(&root()).join("build/spin"))
}
