//! What the host keeps for one instance of a component.

use crate::bindings;
use crate::bindings::variables;
use crate::error::Error;
use crate::logs::{ComponentOutput, Logs};
use crate::manifest::{Component, DEFAULT_DATABASE, Manifest};
use crate::outbound::Outbound;
use crate::variables::{ComponentVariables, LookupError, Variables};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Accessor, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What a component is given, the same for all its instances.
#[derive(Debug)]
pub(crate) struct GuestContext {
    pub(crate) name: String,
    pub(crate) variables: ComponentVariables,
    /// Database label to file; only what the component's list names.
    pub(crate) databases: BTreeMap<String, PathBuf>,
    environment: BTreeMap<String, String>,
    /// Folder of this machine to where the component sees it.
    mounts: Vec<(PathBuf, String)>,
    logs: Arc<Logs>,
}

impl GuestContext {
    /// Reads a component's tables.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] for a template or a folder that is wrong.
    pub(crate) fn new(
        manifest: &Manifest,
        name: &str,
        component: &Component,
        variables: &Variables,
        database: &Path,
        logs: Arc<Logs>,
    ) -> Result<Self, Error> {
        let fail =
            |why: String| Error::manifest(&manifest.path, format!("component `{name}`: {why}"));
        let mut mounts = Vec::new();
        for mount in &component.files {
            let folder = manifest.folder().join(&mount.source);
            if !folder.is_dir() {
                return Err(fail(format!(
                    "files: `{}` is not a folder; only folders can be mounted",
                    folder.display()
                )));
            }
            mounts.push((folder, mount.destination.clone()));
        }
        let databases = component
            .sqlite_databases
            .iter()
            .filter(|label| *label == DEFAULT_DATABASE)
            .map(|label| (label.clone(), database.to_owned()))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            variables: ComponentVariables::new(name, &component.variables, variables)
                .map_err(fail)?,
            databases,
            environment: component.environment.clone(),
            mounts,
            logs,
        })
    }

    /// The WASI part of a new instance: no arguments, no network, the
    /// mounted folders read-only.
    fn wasi(&self) -> wasmtime::Result<WasiCtx> {
        let output = ComponentOutput::new(Arc::clone(&self.logs), &self.name);
        let mut builder = WasiCtx::builder();
        builder.stdout(output.clone()).stderr(output);
        for (name, value) in &self.environment {
            builder.env(name, value);
        }
        for (folder, destination) in &self.mounts {
            builder.preopened_dir(folder, destination, FsPerms::ReadOnly)?;
        }
        Ok(builder.build())
    }
}

/// The state of one instance.
pub(crate) struct Guest {
    context: Arc<GuestContext>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    pub(crate) table: ResourceTable,
    /// How many database connections the instance holds.
    pub(crate) connections: usize,
}

impl Guest {
    /// The state of a new instance.
    pub(crate) fn new(context: Arc<GuestContext>, outbound: Outbound) -> wasmtime::Result<Self> {
        Ok(Self {
            wasi: context.wasi()?,
            http: WasiHttpCtx::new(),
            outbound,
            table: ResourceTable::new(),
            connections: 0,
            context,
        })
    }

    pub(crate) fn context(&self) -> &GuestContext {
        &self.context
    }
}

/// Everything a component may import: WASI 0.3 and the interfaces of Spin.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::Guest::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.outbound,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

impl variables::Host for Guest {}

impl<T: Send> variables::HostWithStore<T> for HasSelf<Guest> {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, variables::Error>> {
        Ok(accessor
            .with(|mut access| access.get().context().variables.get(&name))
            .map_err(|error| match error {
                LookupError::InvalidName(why) => variables::Error::InvalidName(why),
                LookupError::Undefined(why) => variables::Error::Undefined(why),
            }))
    }
}
