//! The servers of a run, nginx with `secure_link` first: it is what the others
//! are compared with.

use super::Options;
use super::files::{Check, Files, LINK_SECRET, Size};
use crate::Error;
use crate::hosts::{Entrance, Runner, Server, reduced};
use crate::process::free_address;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The function that is measured.
const COMPONENT: &str = "download";
/// As in `docs/deploy.md`.
const SENDFILE: &str = "x-accel-redirect:/internal/releases/";

/// A way to download, measured by itself.
#[derive(Debug)]
pub struct Gate {
    /// Its name in the report.
    pub label: String,
    /// How it checks who asks.
    pub check: Check,
    /// The largest file it has.
    pub largest: Size,
    /// Where it listens.
    pub address: SocketAddr,
    /// The servers that work for it, by their place in [`Fleet::servers`].
    pub servers: Vec<usize>,
}

/// All servers of a run.
#[derive(Debug, Default)]
pub struct Fleet {
    /// What has to be started.
    pub servers: Vec<Server>,
    /// What is measured, nginx first.
    pub gates: Vec<Gate>,
}

/// All servers of a run.
///
/// # Errors
/// [`Error`] when something is not built or not installed.
pub fn all(options: &Options, files: &Files, root: &Path) -> Result<Fleet, Error> {
    let make = Make { files, root };
    let mut fleet = Fleet::default();
    let (address, nginx) = make.secure_link()?;
    let nginx = fleet.server(&make, "nginx", nginx, &[address]);
    fleet.gate("nginx secure_link", Check::SecureLink, address, vec![nginx]);
    if options.native {
        fleet.with_and_without_nginx(&make, "native", |at, sendfile| make.native(at, sendfile))?;
    }
    if options.spin {
        fleet.with_and_without_nginx(&make, "Spin", |at, sendfile| make.spin(at, sendfile))?;
    }
    if options.workerd {
        let (gateway, direct) = (free_address()?, free_address()?);
        let workerd = make.workerd(gateway, direct)?;
        let workerd = fleet.server(&make, "workerd", workerd, &[gateway, direct]);
        fleet.gate("workerd", Check::Token, gateway, vec![workerd]);
        fleet.gate("workerd, no gateway", Check::Token, direct, vec![workerd]);
        for gate in fleet.gates.iter_mut().rev().take(2) {
            gate.largest = Size::Large;
        }
    }
    Ok(fleet)
}

impl Fleet {
    fn server(
        &mut self,
        make: &Make,
        label: &str,
        command: Command,
        addresses: &[SocketAddr],
    ) -> usize {
        let log = make.files.home.join(format!("{label}.log"));
        let entrances = addresses.iter().map(|address| Entrance {
            label: label.to_owned(),
            address: *address,
        });
        let server = Server::new(make.root, command, log, entrances.collect());
        self.servers.push(server);
        self.servers.len() - 1
    }

    fn gate(&mut self, label: &str, check: Check, address: SocketAddr, servers: Vec<usize>) {
        self.gates.push(Gate {
            label: label.to_owned(),
            check,
            largest: Size::Huge,
            address,
            servers,
        });
    }

    /// A server by itself, and another one behind nginx as `docs/deploy.md`
    /// configures it.
    fn with_and_without_nginx(
        &mut self,
        make: &Make,
        label: &str,
        command: impl Fn(SocketAddr, &str) -> Result<Command, Error>,
    ) -> Result<(), Error> {
        let (alone, behind, front) = (free_address()?, free_address()?, free_address()?);
        let server = self.server(make, label, command(alone, "")?, &[alone]);
        self.gate(label, Check::Token, alone, vec![server]);
        let name = format!("{label}-behind");
        let server = self.server(make, &name, command(behind, SENDFILE)?, &[behind]);
        let name = format!("{label}-front");
        let nginx = make.nginx(&name, &make.documented(front, behind)?)?;
        let nginx = self.server(make, &name, nginx, &[front]);
        let label = format!("{label} behind nginx");
        self.gate(&label, Check::Token, front, vec![nginx, server]);
        Ok(())
    }
}

struct Make<'a> {
    files: &'a Files,
    root: &'a Path,
}

impl Make<'_> {
    fn native(&self, address: SocketAddr, sendfile: &str) -> Result<Command, Error> {
        let own = std::env::current_exe();
        let own = own.map_err(|error| Error::new("finding myself", error))?;
        let mut command = Command::new(own);
        command.arg("serve-gate").arg(address.to_string());
        command.arg(self.files.releases());
        command.env("VERIFY_KEYS", &self.files.verify_keys);
        command.env("RELEASES_SENDFILE", sendfile);
        Ok(command)
    }

    fn secure_link(&self) -> Result<(SocketAddr, Command), Error> {
        let address = free_address()?;
        let releases = self.files.releases();
        let site = format!(
            "server {{\nlisten {address};\nlocation /releases/ {{\n\
             secure_link $arg_md5,$arg_expires;\n\
             secure_link_md5 \"$secure_link_expires$uri {LINK_SECRET}\";\n\
             if ($secure_link = \"\") {{ return 403; }}\n\
             if ($secure_link = \"0\") {{ return 410; }}\n\
             alias {}/;\n}}\n}}\n",
            releases.display()
        );
        Ok((address, self.nginx("secure-link", &site)?))
    }

    /// nginx with one site, on all processors.
    fn nginx(&self, name: &str, site: &str) -> Result<Command, Error> {
        let failed = |error: std::io::Error| Error::new("configuring nginx", error);
        let home = self.files.home.join(name);
        std::fs::create_dir_all(&home).map_err(failed)?;
        let folder = home.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .concat();
        let main = format!(
            "user root;\ndaemon off;\nworker_processes auto;\npid {folder}/pid;\nevents {{}}\n\
             http {{\naccess_log off;\nsendfile on;\ntcp_nopush on;\n\
             keepalive_requests 1000000;\n{temporary}{site}}}\n"
        );
        std::fs::write(home.join("nginx.conf"), main).map_err(failed)?;
        let program = std::env::var_os("KEYWRIGHT_NGINX");
        let mut command = Command::new(program.unwrap_or_else(|| "nginx".into()));
        command.args(["-e", "stderr", "-p"]).arg(&home);
        command.arg("-c").arg(home.join("nginx.conf"));
        Ok(command)
    }

    fn spin(&self, address: SocketAddr, sendfile: &str) -> Result<Command, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::new("setting Spin up", error);
        // Its relative paths start where it is: beside the releases.
        let manifest = self.files.home.join("spin.toml");
        let text = std::fs::read_to_string(self.root.join("spin.toml"));
        let text = text.map_err(|error| failed(&error))?;
        std::fs::write(&manifest, reduced(&text, COMPONENT, self.root)?)
            .map_err(|error| failed(&error))?;
        let runner = match std::env::var_os("KEYWRIGHT_BENCH_SPIN_HOST") {
            Some(host) if !host.is_empty() => Runner::TestHost(host.into()),
            _ => Runner::Spin(vec!["--direct-mounts".to_owned()]),
        };
        let state = self.files.home.join(format!("state-{}", address.port()));
        let mut command = runner.command(&manifest, address, &state);
        command.current_dir(&self.files.home);
        command.env("SPIN_VARIABLE_VERIFY_KEYS", &self.files.verify_keys);
        command.env("SPIN_VARIABLE_RELEASES_SENDFILE", sendfile);
        Ok(command)
    }

    /// workerd with the gateway in front, as deployed, and without.
    fn workerd(&self, gateway: SocketAddr, direct: SocketAddr) -> Result<Command, Error> {
        let node = std::env::var_os("KEYWRIGHT_NODE");
        let node: OsString = node.unwrap_or_else(|| "node".into());
        let state = self.files.home.join("workerd");
        let script = |command: &str| {
            let mut script = Command::new(&node);
            script.arg(self.root.join("tests/bench/workerd.mjs"));
            script.arg(command).arg(&state);
            script.env("VERIFY_KEYS", &self.files.verify_keys);
            script
        };
        let stored = script("store-releases").arg(self.files.releases()).output();
        let stored = stored.map_err(|error| Error::new("starting node", error))?;
        if !stored.status.success() {
            let said = String::from_utf8_lossy(&stored.stderr).into_owned();
            return Err(Error::new("storing the releases in a local R2", said));
        }
        let mut command = script("serve-gate");
        command.args([gateway, direct].map(|address| address.port().to_string()));
        Ok(command)
    }

    /// The site of `docs/deploy.md`, with this run's addresses and folder.
    fn documented(&self, front: SocketAddr, behind: SocketAddr) -> Result<String, Error> {
        let path: PathBuf = self.root.join("docs/deploy.md");
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| Error::new(path.display(), error))?;
        let block = text
            .split_once("```nginx\n")
            .and_then(|(_, rest)| rest.split_once("```"));
        let (block, _) = block.ok_or_else(|| Error::say("docs/deploy.md has no nginx site"))?;
        let folder = format!("{}/", self.files.releases().display());
        Ok(block
            .replace("listen 80", &format!("listen {front}"))
            .replace("127.0.0.1:3000", &behind.to_string())
            .replace("/srv/keywright/releases/", &folder))
    }
}
