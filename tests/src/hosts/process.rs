//! An instance that runs as a process of its own, started by the scripts of
//! `dev/` as `make dev` does.

use super::releases::Releases;
use super::{Running, Setup, StartError, ports};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Starting takes some 10 s on a 2-core machine; more when it compiles beside.
const START_LIMIT: Duration = Duration::from_mins(10);
/// The scripts give their server 4 s to end, then end it.
const STOP_LIMIT: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(50);

/// The process, ended when dropped.
pub(super) struct Process {
    child: Child,
    folders: Arc<Releases>,
}

impl Running for Process {
    /// What the script and the server behind it wrote.
    fn log(&self) -> String {
        let files = ["script.log", "state/server.log"].map(|file| self.folders.home().join(file));
        let texts = files.map(|file| std::fs::read_to_string(file).unwrap_or_default());
        texts.concat()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = Pid::from_raw(self.child.id().cast_signed());
        if let Some(pid) = asked {
            // Fails when it has ended already, which is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
        for _ in 0..STOP_LIMIT.as_millis() / STEP.as_millis() {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(STEP);
        }
        // Its guard ends the server when it is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A started process.
pub(super) struct Launched {
    pub(super) base_url: String,
    pub(super) state: PathBuf,
    pub(super) process: Process,
}

/// Runs a script of `dev/` and waits until it says that it is ready.
pub(super) async fn launch(script: &str, setup: &Setup) -> Result<Launched, StartError> {
    let node = tool("KEYWRIGHT_TEST_NODE", "the node that set-up installed")?;
    let modules = tool(
        "KEYWRIGHT_TEST_NODE_MODULES",
        "the npm packages that set-up installed",
    )?;
    let port = ports::free()?;
    let base_url = format!("http://127.0.0.1:{port}");
    let folder = setup.releases.home().join("state");
    let log = setup.releases.home().join("script.log");
    let failed = |error| StartError::new("starting a script of dev/", error);
    let output = std::fs::File::create(&log).map_err(failed)?;
    let child = Command::new(node)
        .arg(root().join("dev").join(script))
        .args(["--no-seed", "--no-ticks", "--quiet"])
        .env("PORT", port.to_string())
        .env("STATE_DIR", &folder)
        .env("RELEASES_FROM", setup.releases.path())
        .env("KEYWRIGHT_NODE_MODULES", modules)
        .env("WITHOUT_DATABASE", setup.without_database.join(","))
        .envs(setup.configuration(&base_url))
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(failed)?)
        .stderr(output)
        .spawn()
        .map_err(failed)?;
    let mut process = Process {
        child,
        folders: setup.releases.clone(),
    };
    let ready = folder.join("dev.json");
    for _ in 0..START_LIMIT.as_millis() / STEP.as_millis() {
        if ready.exists() {
            return Ok(Launched {
                base_url,
                state: folder.join("state"),
                process,
            });
        }
        if !matches!(process.child.try_wait(), Ok(None)) {
            break;
        }
        tokio::time::sleep(STEP).await;
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    Err(StartError::new(
        script,
        format!("it did not get ready; it said:\n{said}"),
    ))
}

/// The checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What set-up installed, by the variable that names it.
///
/// # Errors
/// [`StartError`] when the variable is not set.
pub fn tool(variable: &str, what: &str) -> Result<OsString, StartError> {
    std::env::var_os(variable).ok_or_else(|| {
        StartError(format!(
            "{variable} must name {what}: run these tests through `make test`"
        ))
    })
}
