//! `keywright`: keys, publishing releases, and the wallet.

use std::process::ExitCode;

fn main() -> ExitCode {
    keywright_cli::run(std::env::args_os())
}
