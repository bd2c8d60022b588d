//! What a test does with an application: describe, start, ask, stop.

use crate::app::{Application, full};
use crate::error::Error;
use crate::guest::{GuestContext, linker};
use crate::hosts::AllowedHosts;
use crate::logs::Logs;
use crate::manifest::{Manifest, Target};
use crate::outbound::Outbound;
use crate::routes::Router;
use crate::variables::Variables;
use crate::worker::{Instances, Reuse};
use crate::{database, module, server};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use wasmtime_wasi_http::handler::ProxyHandler;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// How long stopping waits for statements that are still running.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// An application that was read from its manifest and is not started yet.
#[derive(Debug)]
pub struct SpinApp {
    manifest: Manifest,
    values: BTreeMap<String, String>,
    state_folder: Option<PathBuf>,
    reuse: Reuse,
    port: u16,
    echo: bool,
}

/// What the manifest grants a component, as written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Its `allowed_outbound_hosts`, templates included.
    pub outbound_hosts: Vec<String>,
    /// Its `sqlite_databases`.
    pub databases: Vec<String>,
    /// The names in its `variables` table.
    pub variables: Vec<String>,
    /// The `destination` of each of its `files`.
    pub folders: Vec<String>,
}

impl SpinApp {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] when it cannot be read, has a mistake, or asks for
    /// what this host does not offer.
    pub fn from_manifest(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self {
            manifest: Manifest::read(path.as_ref())?,
            values: BTreeMap::new(),
            state_folder: None,
            reuse: Reuse::default(),
            port: 0,
            echo: false,
        })
    }

    /// Gives an application variable its value, as `spin up --variable`.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Where the database lies; `.spin` beside the manifest if not set.
    #[must_use]
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_folder = Some(folder.into());
        self
    }

    /// How many requests an instance serves in all, and at once: 128 and 16
    /// if not set, as in Spin. `reuse(1, 1)` makes an instance per request.
    /// Zero counts as one.
    #[must_use]
    pub fn reuse(mut self, total: usize, concurrent: usize) -> Self {
        self.reuse.total = total.max(1);
        self.reuse.concurrent = concurrent.max(1);
        self
    }

    /// How long an instance is kept without work: 1 s if not set, as in Spin.
    #[must_use]
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.reuse.idle = idle;
        self
    }

    /// The port on 127.0.0.1; 0, the default, lets the system choose.
    #[must_use]
    pub fn listen(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Also shows every log line on this process's standard error.
    #[must_use]
    pub fn show_logs(mut self) -> Self {
        self.echo = true;
        self
    }

    /// The names of the components, sorted.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.manifest.components.keys().map(String::as_str)
    }

    /// The names of the application's variables, sorted.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.manifest.variables.keys().map(String::as_str)
    }

    /// Every HTTP trigger: its route (none if private) and its component
    /// (none for a static response), in the manifest's order.
    pub fn routes(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        self.manifest.triggers.iter().map(|trigger| {
            let component = match &trigger.target {
                Target::Component(name) => Some(name.as_str()),
                Target::Static(_) => None,
            };
            (trigger.route.as_deref(), component)
        })
    }

    /// What the manifest grants a component; none if there is no such one.
    #[must_use]
    pub fn grants(&self, component: &str) -> Option<Grants> {
        let component = self.manifest.components.get(component)?;
        Some(Grants {
            outbound_hosts: component.allowed_outbound_hosts.clone(),
            databases: component.sqlite_databases.clone(),
            variables: component.variables.keys().cloned().collect(),
            folders: component
                .files
                .iter()
                .map(|mount| mount.destination.clone())
                .collect(),
        })
    }

    /// The interfaces a component imports, e.g. `wasi:http/types@0.3.0`,
    /// sorted: the list of all it could ever do.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] if there is no such component, [`Error::Wasm`] if
    /// its module is unusable.
    pub fn imports(&self, component: &str) -> Result<Vec<String>, Error> {
        let Some(entry) = self.manifest.components.get(component) else {
            return Err(Error::manifest(
                &self.manifest.path,
                format!("there is no component `{component}`"),
            ));
        };
        let engine = module::engine()?;
        let path = self.manifest.folder().join(&entry.source);
        Ok(module::imports(
            &engine,
            &module::load(&engine, component, &path)?,
        ))
    }

    /// Compiles the components and serves.
    ///
    /// The application runs on threads of its own, so that it also serves
    /// callers that block theirs.
    ///
    /// # Errors
    ///
    /// Whatever stops a start in Spin: a required variable without a value, a
    /// missing module or folder, a component that imports what the host does
    /// not offer, a port in use. And a call to a component that no trigger
    /// names, which Spin would only notice when it happens.
    pub async fn start(self) -> Result<RunningApp, Error> {
        let runtime = Runtime::new().map_err(|error| Error::host("starting threads", error))?;
        let runtime = Guarded(Some(runtime));
        let handle = runtime.handle();
        let port = self.port;
        let application = handle
            .spawn_blocking(move || self.build())
            .await
            .map_err(|error| Error::host("loading the application", error))??;
        let serving = Arc::clone(&application);
        let (address, task) = handle
            .spawn(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
                let address = listener.local_addr()?;
                Ok::<_, std::io::Error>((address, tokio::spawn(server::serve(listener, serving))))
            })
            .await
            .map_err(|error| Error::host("listening", error))?
            .map_err(|error| Error::host("listening on 127.0.0.1", error))?;
        Ok(RunningApp {
            runtime,
            application,
            address,
            task,
        })
    }

    /// Loads everything there is before the first request.
    fn build(self) -> Result<Arc<Application>, Error> {
        let manifest = &self.manifest;
        let fail = |why: String| Error::manifest(&manifest.path, why);
        let variables = Variables::resolve(&manifest.variables, &self.values)?;
        let router = Router::new(&manifest.triggers).map_err(fail)?;
        let state_folder = self
            .state_folder
            .clone()
            .unwrap_or_else(|| manifest.folder().join(".spin"));
        std::fs::create_dir_all(&state_folder)
            .map_err(|error| Error::host("making the state folder", error))?;
        let file = database::default_file(&state_folder);
        let logs = Arc::new(Logs::new(self.echo));
        let engine = module::engine()?;
        let linker =
            linker(&engine).map_err(|error| Error::host("setting up the engine", error))?;

        let mut parts = Vec::new();
        for (name, component) in &manifest.components {
            let allowed = AllowedHosts::parse(&component.allowed_outbound_hosts, &variables)
                .map_err(|why| fail(format!("component `{name}`: {why}")))?;
            if let Some(other) = allowed
                .components()
                .find(|other| !manifest.is_triggered(other))
            {
                return Err(fail(format!(
                    "component `{name}` may call `{other}`, which no trigger names; give it one, \
                     with `route = {{ private = true }}` if only components call it"
                )));
            }
            let context = GuestContext::new(
                manifest,
                name,
                component,
                &variables,
                &file,
                Arc::clone(&logs),
            )?;
            let path = manifest.folder().join(&component.source);
            let compiled = module::load(&engine, name, &path)?;
            let compiled = linker
                .instantiate_pre(&compiled)
                .and_then(ServicePre::new)
                .map_err(|error| Error::Wasm {
                    component: name.clone(),
                    path,
                    message: format!("does not fit this host: {error:?}"),
                })?;
            parts.push((name.clone(), allowed, Arc::new(context), compiled));
        }
        Ok(Arc::new_cyclic(|application: &Weak<Application>| {
            let components = parts
                .into_iter()
                .map(|(name, allowed, context, component)| {
                    let instances = Instances {
                        engine: engine.clone(),
                        component,
                        context,
                        outbound: Outbound::new(
                            &name,
                            allowed,
                            Weak::clone(application),
                            Arc::clone(&logs),
                        ),
                        reuse: self.reuse,
                        logs: Arc::clone(&logs),
                    };
                    (name, ProxyHandler::new(instances))
                })
                .collect();
            Application {
                router,
                components,
                logs,
            }
        }))
    }
}

/// A runtime that may be dropped anywhere, also where blocking is forbidden.
#[derive(Debug)]
struct Guarded(Option<Runtime>);

impl Guarded {
    fn handle(&self) -> tokio::runtime::Handle {
        match &self.0 {
            Some(runtime) => runtime.handle().clone(),
            None => unreachable!("it is taken only by the owner's end"),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// An application that serves. Dropping it stops it, sooner or later.
pub struct RunningApp {
    runtime: Guarded,
    application: Arc<Application>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl RunningApp {
    /// Where it serves, e.g. `http://127.0.0.1:41234`, without a slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a component wrote to its standard output and error so far, line
    /// by line.
    #[must_use]
    pub fn logs(&self, component: &str) -> Vec<String> {
        self.application.logs.component(component)
    }

    /// What the host itself had to say so far: traps, refused requests.
    #[must_use]
    pub fn host_logs(&self) -> Vec<String> {
        self.application.logs.host()
    }

    /// Asks a component by its name, as another component would at
    /// `http://NAME.spin.internal`: the way to a private one. The request
    /// needs such an absolute address.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] when the answer's body breaks off.
    pub async fn call(
        &self,
        component: &str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Error> {
        let application = Arc::clone(&self.application);
        let component = component.to_owned();
        let answered = self.runtime.handle().spawn(async move {
            let response = application.call(&component, request.map(full)).await;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, wasmtime_wasi_http::Error>(Response::from_parts(parts, body))
        });
        answered
            .await
            .map_err(|error| Error::host("calling a component", error))?
            .map_err(|error| Error::host("reading a component's answer", error))
    }

    /// Stops serving, and waits until instances and databases are closed.
    pub async fn stop(mut self) {
        self.task.abort();
        let Some(runtime) = self.runtime.0.take() else {
            return;
        };
        // Waiting for threads blocks, which the caller's runtime forbids.
        let waiting = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_PATIENCE));
        // A panic in there is already on standard error.
        let _ = waiting.await;
    }
}
