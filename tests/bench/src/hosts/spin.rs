//! Spin, from the real manifest cut down to the function that is measured.

use super::{Entrance, Server, Setup};
use crate::Error;
use crate::process::free_address;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// The function that is measured.
const COMPONENT: &str = "validate";
/// Where Spin keeps the default database below its state folder.
const DATABASE: &str = "sqlite_db.db";

/// What runs the components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// `spin up` of the `PATH`, with these flags on top.
    Spin(Vec<String>),
    /// The tests' own host, at this path.
    TestHost(PathBuf),
}

impl Runner {
    /// The command that serves a manifest.
    pub(crate) fn command(&self, manifest: &Path, address: SocketAddr, state: &Path) -> Command {
        let mut command = match self {
            Self::Spin(flags) => {
                let mut spin = Command::new("spin");
                spin.args(["up", "--quiet", "--from"]).arg(manifest);
                spin.args(["--listen", &address.to_string()]).args(flags);
                spin
            }
            Self::TestHost(program) => {
                let mut host = Command::new(program);
                host.arg("--manifest").arg(manifest);
                host.args(["--listen", &address.port().to_string()]);
                host
            }
        };
        command.arg("--state-dir").arg(state);
        command
    }
}

/// The Spin server.
///
/// # Errors
/// [`Error`] when its module is not built or its database cannot be filled.
pub fn spin(setup: &Setup, label: &str, runner: &Runner) -> Result<Server, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new("setting Spin up", error);
    let (state, manifest) = (setup.folder.join("state"), setup.folder.join("spin.toml"));
    let text = std::fs::read_to_string(setup.root.join("spin.toml")).map_err(|e| failed(&e))?;
    std::fs::create_dir_all(&state).map_err(|error| failed(&error))?;
    std::fs::write(&manifest, reduced(&text, COMPONENT, setup.root)?)
        .map_err(|error| failed(&error))?;
    setup.seed.write(&state.join(DATABASE))?;
    let address = free_address()?;
    let mut command = runner.command(&manifest, address, &state);
    command.current_dir(&setup.folder);
    for (name, value) in setup.configuration() {
        command.env(format!("SPIN_VARIABLE_{name}"), value);
    }
    let entrance = Entrance {
        label: label.to_owned(),
        address,
    };
    Ok(setup.server(command, vec![entrance]))
}

/// The manifest with one component and its routes: the others would only have
/// to be built. Its module is named by its whole path.
pub(crate) fn reduced(manifest: &str, component: &str, root: &Path) -> Result<String, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new("reading spin.toml", error);
    let missing = || Error::say(format!("spin.toml has no component {component}"));
    let mut manifest: Table = manifest.parse().map_err(|error| failed(&error))?;
    let table = manifest
        .get_mut("component")
        .and_then(Value::as_table_mut)
        .and_then(|all| {
            all.retain(|name, _| name == component);
            all.get_mut(component)?.as_table_mut()
        })
        .ok_or_else(missing)?;
    let source = table
        .get("source")
        .and_then(Value::as_str)
        .ok_or_else(missing)?;
    let source = root.join(source);
    if !source.exists() {
        return Err(Error::say(format!("{} is not built", source.display())));
    }
    table.insert("source".to_owned(), source.display().to_string().into());
    manifest
        .get_mut("trigger")
        .and_then(|trigger| trigger.get_mut("http"))
        .and_then(Value::as_array_mut)
        .ok_or_else(missing)?
        .retain(|trigger| trigger.get("component").and_then(Value::as_str) == Some(component));
    toml::to_string(&manifest).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_and_its_routes_are_left() {
        let root = tempfile::tempdir().unwrap();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let manifest = std::fs::read_to_string(checkout.join("spin.toml")).unwrap();
        let error = reduced(&manifest, COMPONENT, root.path()).unwrap_err();
        assert!(error.to_string().ends_with("is not built"), "{error}");
        std::fs::create_dir_all(root.path().join("build/spin")).unwrap();
        std::fs::write(root.path().join("build/spin/validate.wasm"), "").unwrap();
        let reduced: Table = reduced(&manifest, COMPONENT, root.path())
            .unwrap()
            .parse()
            .unwrap();
        let components: Vec<&String> = reduced["component"].as_table().unwrap().keys().collect();
        assert_eq!(components, [COMPONENT]);
        let routes = reduced["trigger"]["http"].as_array().unwrap();
        assert!(!routes.is_empty());
        assert!(
            routes
                .iter()
                .all(|route| route["component"].as_str() == Some(COMPONENT))
        );
    }
}
