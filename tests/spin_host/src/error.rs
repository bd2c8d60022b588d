//! What can stop an application from starting.

use std::path::{Path, PathBuf};

/// Why an application was not loaded or started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest is wrong, or uses something this host does not offer.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// Variables have no value, or values have no variable.
    #[error("variables: {0}")]
    Variables(String),
    /// A component's WebAssembly is missing or unusable.
    #[error("component `{component}` ({}): {message}", path.display())]
    Wasm {
        /// The component's name in the manifest.
        component: String,
        /// Its `source`.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// The engine, a socket or a folder failed.
    #[error("{action}: {message}")]
    Host {
        /// What was being done.
        action: &'static str,
        /// What the system or the engine said.
        message: String,
    },
}

impl Error {
    /// A mistake in the manifest at `path`.
    pub(crate) fn manifest(path: &Path, message: impl Into<String>) -> Self {
        Self::Manifest {
            path: path.to_owned(),
            message: message.into(),
        }
    }

    /// A failure of the host while doing `action`, with its causes.
    pub(crate) fn host(action: &'static str, cause: impl std::fmt::Debug) -> Self {
        Self::Host {
            action,
            message: format!("{cause:?}"),
        }
    }
}
