//! A server as a process group of its own that never outlives the run.

use crate::Error;
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Compiling the modules takes a few seconds where nothing is cached.
const START_LIMIT: Duration = Duration::from_mins(2);
/// The guard gives the server three seconds.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// The running group; ended when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` under the guard of `dev/`, which ends the group when we
    /// are gone, whatever the reason. What it says goes to the file `log`.
    pub(crate) fn start(root: &Path, command: &Command, log: &Path) -> Result<Self, Error> {
        let failed = |error| Error::new("starting a server", error);
        let output = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let mut guarded = Command::new("/bin/sh");
        guarded
            .arg(root.join("dev/serve/guard.sh"))
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        let child = guarded
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody listens. No request is sent: the first one is
    /// measured. Answers how long it took.
    pub(crate) async fn listening(&mut self, address: SocketAddr) -> Result<Duration, Error> {
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if TcpStream::connect_timeout(&address, STEP).is_ok() {
                return Ok(started.elapsed());
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err(self.failure("it ended"));
            }
            sleep(STEP).await;
        }
        Err(self.failure("it did not get ready"))
    }

    /// What happened, with the end of what the server said.
    pub(crate) fn failure(&self, what: impl std::fmt::Display) -> Error {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        Error::say(format!(
            "{what}; the end of {}:\n{last}",
            self.log.display()
        ))
    }

    fn wait(&mut self, limit: Duration) -> bool {
        for _ in 0..limit.as_millis() / STEP.as_millis() {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(STEP);
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard sees its standard input close and ends the server.
        drop(self.child.stdin.take());
        if self.wait(STOP_LIMIT) {
            return;
        }
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // Fails when it has ended in between, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// An address of this machine that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Error::new("looking for a free port", error))
}
