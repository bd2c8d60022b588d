//! A front server before an instance, configured as `docs/deploy.md` says: its
//! very lines, with this machine's addresses and folders put in.

use super::process::root;
use super::{Running, StartError, ports};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Which front server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// nginx, by `X-Accel-Redirect`.
    Nginx,
    /// Caddy, by the same header.
    Caddy,
}

/// What the instance behind either of them is told (`RELEASES_SENDFILE`).
pub const SENDFILE: &str = "x-accel-redirect:/internal/releases/";

const STEP: Duration = Duration::from_millis(20);
const START_STEPS: usize = 500;
const STOP_STEPS: usize = 250;

/// A running front server, ended when dropped.
pub struct FrontServer {
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    child: Child,
    home: TempDir,
}

impl Running for FrontServer {}

impl FrontServer {
    /// Starts it before the server at `upstream`; it sends files of `releases`
    /// itself.
    ///
    /// # Errors
    /// [`StartError`] when it is not installed or does not start.
    pub async fn start(front: Front, upstream: &str, releases: &Path) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError::new("starting the front server", error);
        let home = tempfile::Builder::new()
            .prefix("keywright-front-")
            .tempdir();
        let home = home.map_err(failed)?;
        let port = ports::free()?;
        let site = documented(front)?
            .replace(
                front.listens(),
                &format!("{}127.0.0.1:{port}", front.before_address()),
            )
            .replace("127.0.0.1:3000", upstream.trim_start_matches("http://"));
        let mut command = front
            .command(home.path(), &site, releases)
            .map_err(failed)?;
        let log = File::create(home.path().join("log")).map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let mut server = Self {
            base_url: format!("http://127.0.0.1:{port}"),
            child,
            home,
        };
        for _ in 0..START_STEPS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            if !matches!(server.child.try_wait(), Ok(None)) {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        let said = std::fs::read_to_string(server.home.path().join("log")).unwrap_or_default();
        Err(StartError::new("the front server does not listen", said))
    }
}

impl Drop for FrontServer {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // Fails when it has ended already, which is what is wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
        for _ in 0..STOP_STEPS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(STEP);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Front {
    /// The address in the document, with what stands before it.
    fn listens(self) -> &'static str {
        match self {
            Self::Nginx => "listen 80",
            Self::Caddy => "licenses.example.com",
        }
    }

    fn before_address(self) -> &'static str {
        match self {
            Self::Nginx => "listen ",
            // Without this Caddy would want a certificate.
            Self::Caddy => "http://",
        }
    }

    /// The command, after its configuration was written.
    fn command(self, home: &Path, site: &str, releases: &Path) -> std::io::Result<Command> {
        let home_text = home.display();
        match self {
            Self::Nginx => {
                let site = site.replace(
                    "/srv/keywright/releases/",
                    &format!("{}/", releases.display()),
                );
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|kind| format!("{kind}_temp_path {home_text}/{kind};\n"))
                    .concat();
                // The test's folders are open to its own user only.
                let main = format!(
                    "user root;\ndaemon off;\nworker_processes 1;\npid {home_text}/pid;\n\
                     events {{}}\nhttp {{\naccess_log off;\nsendfile on;\n{temporary}{site}}}\n"
                );
                std::fs::write(home.join("nginx.conf"), main)?;
                let mut command = Command::new(program("KEYWRIGHT_TEST_NGINX", "nginx"));
                command.arg("-e").arg("stderr").arg("-p").arg(home);
                command.arg("-c").arg(home.join("nginx.conf"));
                Ok(command)
            }
            Self::Caddy => {
                let root = releases.parent().unwrap_or(releases);
                let site = site.replace("/srv/keywright", &root.display().to_string());
                let config = home.join("Caddyfile");
                std::fs::write(&config, format!("{{\nadmin off\n}}\n{site}"))?;
                let mut command = Command::new(program("KEYWRIGHT_TEST_CADDY", "caddy"));
                command
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(config);
                command.env("HOME", home).env("XDG_DATA_HOME", home);
                command.env("XDG_CONFIG_HOME", home);
                Ok(command)
            }
        }
    }
}

/// What set-up found or unpacked; otherwise the one of the `PATH`.
fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| name.into(), PathBuf::from)
}

/// The block of `docs/deploy.md`.
fn documented(front: Front) -> Result<String, StartError> {
    let language = match front {
        Front::Nginx => "nginx",
        Front::Caddy => "caddyfile",
    };
    let missing = |why: &dyn std::fmt::Display| StartError::new("docs/deploy.md", why);
    let text = std::fs::read_to_string(root().join("docs/deploy.md"));
    let text = text.map_err(|error| missing(&error))?;
    let block = text
        .split_once(&format!("```{language}\n"))
        .and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.ok_or_else(|| missing(&format!("it has no block of {language}")))?;
    Ok(block.to_owned())
}
