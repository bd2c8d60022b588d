//! The error of a command, and its exit code.

use serde_json::{Map, Value, json};
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// The exit codes other than 0. `clap` ends with 2 too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: it failed; a retry may help.
    Failed,
    /// 2: wrong usage.
    Usage,
    /// 3: it contradicts what is published.
    Refused,
    /// 4: a signature, a digest or a statement is wrong.
    NotGenuine,
    /// 5: the key lacks permission.
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

/// Why a command failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
    /// What programs read beside the message.
    details: Map<String, Value>,
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
            details: Map::new(),
        }
    }

    /// The same error with a member for programs.
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.details.insert(member.to_owned(), value.into());
        self
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
        let mut json =
            json!({ "ok": false, "exit_code": self.exit.code(), "message": self.message });
        if let Some(members) = json.as_object_mut() {
            members.extend(self.details.clone());
        }
        json
    }
}
