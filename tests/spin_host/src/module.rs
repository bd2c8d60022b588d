//! From a `.wasm` file to a compiled component.

use crate::error::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use wasmtime::component::Component;
use wasmtime::{Cache, CacheConfig, Config, Engine};
use wit_component::ComponentEncoder;

/// The start of a component; a core module differs in its last four bytes.
const COMPONENT_HEADER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// The engine all applications of this process share. Compiled code is kept
/// in the user's cache folder, where the next process finds it.
///
/// # Errors
///
/// [`Error::Host`] when the engine or its cache cannot be set up.
pub(crate) fn engine() -> Result<Engine, Error> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine.clone());
    }
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    config.cache(cache()?);
    let engine =
        Engine::new(&config).map_err(|error| Error::host("setting up the engine", error))?;
    Ok(ENGINE.get_or_init(|| engine).clone())
}

/// The cache of compiled code; none where there is no home folder.
fn cache() -> Result<Option<Cache>, Error> {
    let Some(folder) = cache_folder() else {
        return Ok(None);
    };
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config)
        .map(Some)
        .map_err(|error| Error::host("opening the cache of compiled code", error))
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/keywright/spin-host`
fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("keywright").join("spin-host"))
}

/// Compiles a component's `source`: a core module, which is made a component
/// first as Spin does it, or a component.
///
/// # Errors
///
/// [`Error::Wasm`] when the file is missing, is not WebAssembly, or lacks the
/// description of its imports that `spin-sdk` puts into a module.
pub(crate) fn load(engine: &Engine, name: &str, path: &Path) -> Result<Component, Error> {
    let fail = |message: String| Error::Wasm {
        component: name.to_owned(),
        path: path.to_owned(),
        message,
    };
    let bytes = std::fs::read(path)
        .map_err(|error| fail(format!("cannot be read; build it first: {error}")))?;
    let component = if bytes.starts_with(&COMPONENT_HEADER) {
        bytes
    } else {
        // The engine validates the outcome, so it is not validated twice.
        ComponentEncoder::default()
            .validate(false)
            .module(&bytes)
            .and_then(|mut encoder| encoder.encode())
            .map_err(|error| fail(format!("cannot be made a component: {error:#}")))?
    };
    Component::new(engine, &component)
        .map_err(|error| fail(format!("cannot be compiled: {error:?}")))
}

/// The interfaces a component imports, e.g. `wasi:http/types@0.3.0`, sorted.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    let mut names: Vec<String> = component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}
