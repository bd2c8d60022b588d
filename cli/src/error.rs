//! Why a command did not do it, and its exit code.

use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// What an exit code means. 0 is done, 2 is wrong usage as of `clap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: it failed, and trying again may help.
    Failed,
    /// 2: what was asked for makes no sense.
    Usage,
    /// 3: it contradicts what is published.
    Refused,
    /// 4: a signature, a digest or a statement is not right.
    NotGenuine,
    /// 5: the key may not do this.
    NotAllowed,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotGenuine => 4,
            Self::NotAllowed => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do it: what is wrong and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl CliError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    pub(crate) fn not_genuine(message: impl Into<String>) -> Self {
        Self::new(Exit::NotGenuine, message)
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, error: impl fmt::Display) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "ok": false, "exit_code": self.exit.code(), "message": self.message })
    }
}
