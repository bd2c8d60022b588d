//! `keywright`: keys, and publishing releases.

use std::process::ExitCode;

fn main() -> ExitCode {
    keywright_cli::run(std::env::args_os())
}
