//! The native server: this program again, as `serve`.

use super::{Entrance, Server, Setup};
use crate::Error;
use crate::process::free_address;
use std::process::Command;

/// The server that all others are compared with.
///
/// # Errors
/// [`Error`] when its database cannot be filled.
pub fn native(setup: &Setup) -> Result<Server, Error> {
    let database = setup.folder.join("native.db");
    setup.seed.write(&database)?;
    let address = free_address()?;
    let own = std::env::current_exe().map_err(|error| Error::new("finding myself", error))?;
    let mut command = Command::new(own);
    command
        .arg("serve")
        .arg(address.to_string())
        .arg(database)
        .envs(setup.configuration());
    let entrance = Entrance {
        label: "native".to_owned(),
        address,
    };
    Ok(setup.server(command, vec![entrance]))
}
