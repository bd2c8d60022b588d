//! The servers that are measured. Each is a process of its own over a database
//! of its own, all filled alike.

mod native;
mod spin;
mod workerd;

pub use native::native;
pub(crate) use spin::reduced;
pub use spin::{Runner, spin};
pub use workerd::workerd;

use crate::process::Process;
use crate::seed::Seed;
use crate::{Error, load};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every host is made from.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The checkout whose modules are measured.
    pub root: &'a Path,
    /// An empty folder for database and logs.
    pub folder: PathBuf,
    /// What fills the database.
    pub seed: &'a Seed,
}

/// A server that is ready to be started, as often as one likes.
#[derive(Debug)]
pub struct Server {
    root: PathBuf,
    command: Command,
    log: PathBuf,
    /// The ways in.
    pub entrances: Vec<Entrance>,
}

/// One address of a server, measured by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// Its name in the report.
    pub label: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A server that runs; ended when dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    /// From its start until it listened.
    pub started_in: std::time::Duration,
}

impl Setup<'_> {
    fn server(&self, command: Command, entrances: Vec<Entrance>) -> Server {
        Server::new(
            self.root,
            command,
            self.folder.join("server.log"),
            entrances,
        )
    }

    /// What every function here may be told, by its name on Workers.
    fn configuration(&self) -> [(&'static str, &str); 3] {
        [
            ("VERIFY_KEYS", self.seed.verify_keys.as_str()),
            ("OPERATOR_NAME", "Bench"),
            ("CLIENT_ADDRESS_HEADER", "x-forwarded-for"),
        ]
    }
}

impl Server {
    /// A server of this command, which logs to a file.
    pub(crate) fn new(
        root: &Path,
        command: Command,
        log: PathBuf,
        entrances: Vec<Entrance>,
    ) -> Self {
        Self {
            root: root.to_owned(),
            command,
            log,
            entrances,
        }
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// [`Error`] with what the server said.
    pub async fn start(&self) -> Result<Running, Error> {
        let mut process = Process::start(&self.root, &self.command, &self.log)?;
        let mut started_in = std::time::Duration::ZERO;
        for entrance in &self.entrances {
            started_in += process.listening(entrance.address).await?;
        }
        Ok(Running {
            process,
            started_in,
        })
    }
}

impl Running {
    /// An entrance of this server as a target.
    #[must_use]
    pub fn target(&self, entrance: &Entrance) -> load::Target {
        load::Target {
            address: entrance.address,
            pid: self.process.id(),
        }
    }

    /// Its first process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A failure together with the end of what the server said.
    #[must_use]
    pub fn explain(&self, label: &str, error: &Error) -> Error {
        self.process.failure(format!("{label}: {error}"))
    }
}
