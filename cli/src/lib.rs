//! The vendor's command line: keys, releases, the audit log, the wallet, and the API as
//! tools. Release keys and recovery words stay on this machine; a server never sees them.
//!
//! - [`commands`]: one file per command
//! - `keys`: release keys and their files
//! - `repository`: where releases are published: a server, a folder, or both
//! - [`Exit`]: what the exit codes mean

mod clock;
pub mod commands;
mod digest;
mod error;
mod input;
mod keys;
mod progress;
mod randomness;
mod repository;

pub use error::Exit;

use clap::Parser;
use commands::Command;
use serde_json::Value;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Keys, releases and the wallet of a Keywright instance.
///
/// Exit codes: 0 success, also when there was nothing to do; 1 failure, a retry may
/// help; 2 wrong usage; 3 refused, because it contradicts what is published or cannot be
/// judged; 4 a check failed: do not trust the file or the log; 5 the key lacks permission.
#[derive(Debug, Parser)]
#[command(name = "keywright", version)]
pub struct Arguments {
    /// Prints one JSON object instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// The output of a command that succeeded.
pub(crate) struct CommandOutput {
    /// For people: lines.
    text: String,
    /// For programs.
    json: Value,
}

/// Runs the command that the arguments name, and prints its output.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to standard output and ends with 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // Standard output of a protocol is the protocol's alone.
    let is_protocol = arguments.command.is_protocol();
    match commands::run(arguments.command) {
        Ok(_) if is_protocol => ExitCode::SUCCESS,
        Ok(output) => {
            let printed = if arguments.json {
                writeln!(std::io::stdout(), "{}", output.json)
            } else {
                writeln!(std::io::stdout(), "{}", output.text.trim_end())
            };
            // A closed pipe does not undo what the command did.
            drop(printed);
            ExitCode::SUCCESS
        }
        Err(error) => {
            if arguments.json && !is_protocol {
                let _ = writeln!(std::io::stdout(), "{}", error.json());
            }
            let _ = writeln!(std::io::stderr(), "keywright: {error}");
            error.exit().into()
        }
    }
}
