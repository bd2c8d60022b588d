//! Random bytes of the operating system.

use crate::error::CliError;

/// Fills the bytes.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the command line takes randomness"
)]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), CliError> {
    getrandom::fill(bytes).map_err(|error| CliError::failed(format!("randomness: {error}")))
}
