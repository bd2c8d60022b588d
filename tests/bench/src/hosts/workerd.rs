//! workerd with a local D1: the gateway in front of validate, as deployed, and
//! validate by itself.

use super::{Entrance, Server, Setup};
use crate::Error;
use crate::process::free_address;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where local D1 keeps its databases, below the folder of the state.
const DATABASES: &str = "d1/miniflare-D1DatabaseObject";

/// The workerd server.
///
/// # Errors
/// [`Error`] when the Workers are not built or the database cannot be filled.
pub fn workerd(setup: &Setup, label: &str, node: &OsStr) -> Result<Server, Error> {
    let state = setup.folder.join("state");
    let script = |command: &str| {
        let mut script = Command::new(node);
        script
            .arg(setup.root.join("tests/bench/workerd.mjs"))
            .arg(command)
            .arg(&state)
            .current_dir(&setup.folder)
            .envs(setup.configuration());
        script
    };
    let made = script("make-database").output();
    let made = made.map_err(|error| Error::new("starting node", error))?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        return Err(Error::new("making a local D1", said));
    }
    setup.seed.write(&database_file(&state.join(DATABASES))?)?;
    let (gateway, direct) = (free_address()?, free_address()?);
    let mut command = script("serve");
    command.args([gateway.port(), direct.port()].map(|port| port.to_string()));
    let entrances = [
        (label.to_owned(), gateway),
        (format!("{label}, no gateway"), direct),
    ];
    let entrances = entrances.map(|(label, address)| Entrance { label, address });
    Ok(setup.server(command, entrances.into()))
}

/// The one database in the folder; its name is a hash. `metadata.sqlite` is
/// miniflare's own.
fn database_file(folder: &Path) -> Result<PathBuf, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new("looking for the local D1", error);
    let entries = std::fs::read_dir(folder).map_err(|error| failed(&error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "sqlite"))
        .filter(|path| path.file_stem().is_some_and(|name| name != "metadata"))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(failed(&format!(
            "there is not exactly one database in {}",
            folder.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_told_from_miniflares_own() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        touch("metadata.sqlite");
        touch("82ab.sqlite-wal");
        database_file(folder.path()).unwrap_err();
        touch("82ab.sqlite");
        let found = database_file(folder.path()).unwrap();
        assert_eq!(found, folder.path().join("82ab.sqlite"));
        touch("93bc.sqlite");
        database_file(folder.path()).unwrap_err();
    }
}
