//! The application manifest, `spin.toml`, version 2.
//!
//! Everything this host does not act on is refused, not skipped: a key that
//! is misspelt, or that only a real Spin would honour, fails the tests.

use crate::error::Error;
use crate::identifier;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The only database label that needs no runtime configuration.
pub(crate) const DEFAULT_DATABASE: &str = "default";

/// Paths under this prefix are answered by Spin itself.
pub(crate) const RESERVED_PREFIX: &str = "/.well-known/spin/";

/// A manifest as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    spin_manifest_version: i64,
    application: Application,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: BTreeMap<String, Vec<toml::Table>>,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

/// `[application]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    #[expect(dead_code, reason = "required, and not acted on")]
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    version: String,
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    description: String,
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    authors: Vec<String>,
    #[serde(default)]
    trigger: toml::Table,
}

/// `[variables] name = { … }`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    description: Option<String>,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) default: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "this host never prints a value")]
    secret: bool,
}

/// `[[trigger.http]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpTriggerDocument {
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    id: String,
    route: RouteDocument,
    component: Option<String>,
    static_response: Option<StaticResponse>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RouteDocument {
    Path(String),
    Private(PrivateDocument),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateDocument {
    private: bool,
}

/// `static_response = { … }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaticResponse {
    #[serde(default = "ok")]
    pub(crate) status_code: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: String,
}

/// The status of a static response that names none.
fn ok() -> u16 {
    200
}

/// `[component.NAME]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    /// The module, relative to the manifest's folder.
    pub(crate) source: String,
    #[serde(default)]
    #[expect(dead_code, reason = "named so that other keys are refused")]
    description: String,
    /// Variable name to template.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) files: Vec<Mount>,
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(crate) sqlite_databases: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "`spin build` runs it; checked for its keys only")]
    build: Option<Build>,
}

/// `files = [{ source, destination }]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    pub(crate) source: String,
    pub(crate) destination: String,
}

/// `[component.NAME.build]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "named so that other keys are refused")]
struct Build {
    command: toml::Value,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    watch: Vec<String>,
}

/// What answers a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The component of this name.
    Component(String),
    /// The same answer every time.
    Static(StaticResponse),
}

/// One `[[trigger.http]]`, checked.
#[derive(Debug, Clone)]
pub(crate) struct HttpTrigger {
    /// The path or wildcard; none for a private route.
    pub(crate) route: Option<String>,
    pub(crate) target: Target,
}

/// A manifest that was read and checked.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) path: PathBuf,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) triggers: Vec<HttpTrigger>,
    pub(crate) components: BTreeMap<String, Component>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] when it cannot be read, has a mistake, or asks for
    /// what this host does not offer.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::manifest(path, format!("cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    /// Checks the text of the manifest at `path`.
    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let fail = |message: String| Error::manifest(path, message);
        let document: Document = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        if document.spin_manifest_version != 2 {
            return Err(fail("spin_manifest_version must be 2".to_owned()));
        }
        if !document.application.trigger.is_empty() {
            return Err(fail(
                "[application.trigger] is not supported: `base` for http is deprecated in Spin, \
                 and the routes are complete without it"
                    .to_owned(),
            ));
        }
        for (name, variable) in &document.variables {
            identifier::variable(name).map_err(|why| fail(format!("variable `{name}`: {why}")))?;
            if variable.required == variable.default.is_some() {
                return Err(fail(format!(
                    "variable `{name}` must either be `required` or have a `default`"
                )));
            }
        }
        for (name, component) in &document.component {
            component
                .check(name)
                .map_err(|why| fail(format!("component `{name}`: {why}")))?;
        }
        let triggers = triggers(document.trigger, &document.component).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            variables: document.variables,
            triggers,
            components: document.component,
        })
    }

    /// The folder that relative paths in the manifest start from.
    pub(crate) fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Whether a trigger, public or private, names the component. Only such
    /// a component can be called, also from another component.
    pub(crate) fn is_triggered(&self, component: &str) -> bool {
        self.triggers
            .iter()
            .any(|trigger| matches!(&trigger.target, Target::Component(name) if name == component))
    }
}

impl Component {
    fn check(&self, name: &str) -> Result<(), String> {
        identifier::component(name)?;
        for variable in self.variables.keys() {
            identifier::variable(variable)
                .map_err(|why| format!("variable `{variable}`: {why}"))?;
        }
        for label in &self.sqlite_databases {
            if label != DEFAULT_DATABASE {
                return Err(format!(
                    "database `{label}` needs a runtime configuration, which this host does not \
                     read; only `{DEFAULT_DATABASE}` does not"
                ));
            }
        }
        for mount in &self.files {
            if !mount.destination.starts_with('/') {
                return Err(format!(
                    "the destination `{}` must be an absolute path",
                    mount.destination
                ));
            }
        }
        Ok(())
    }
}

/// Checks all triggers.
fn triggers(
    tables: BTreeMap<String, Vec<toml::Table>>,
    components: &BTreeMap<String, Component>,
) -> Result<Vec<HttpTrigger>, String> {
    let mut checked: Vec<HttpTrigger> = Vec::new();
    for (kind, tables) in tables {
        if kind != "http" {
            return Err(format!(
                "trigger type `{kind}` comes from a plugin; without it the application does not \
                 start. Put such triggers into a manifest of their own"
            ));
        }
        for table in tables {
            let trigger: HttpTriggerDocument = table
                .try_into()
                .map_err(|error| format!("[[trigger.http]]: {error}"))?;
            let trigger = http_trigger(trigger, components)?;
            if trigger.route.is_some() && checked.iter().any(|other| other.route == trigger.route) {
                return Err(format!(
                    "the route `{}` is used twice",
                    trigger.route.as_deref().unwrap_or_default()
                ));
            }
            checked.push(trigger);
        }
    }
    Ok(checked)
}

/// Checks one trigger.
fn http_trigger(
    trigger: HttpTriggerDocument,
    components: &BTreeMap<String, Component>,
) -> Result<HttpTrigger, String> {
    let route = match trigger.route {
        RouteDocument::Path(path) if !path.starts_with('/') => {
            return Err(format!("the route `{path}` must start with `/`"));
        }
        RouteDocument::Path(path) if path.starts_with(RESERVED_PREFIX) => {
            return Err(format!(
                "the route `{path}` is never reached: Spin answers `{RESERVED_PREFIX}` itself"
            ));
        }
        RouteDocument::Path(path) => Some(path),
        RouteDocument::Private(PrivateDocument { private: true }) => None,
        RouteDocument::Private(PrivateDocument { private: false }) => {
            return Err("a route is a path or `{ private = true }`".to_owned());
        }
    };
    let name = route.as_deref().unwrap_or("{ private = true }");
    let target = match (trigger.component, trigger.static_response) {
        (Some(component), None) if components.contains_key(&component) => {
            Target::Component(component)
        }
        (Some(component), None) => {
            return Err(format!(
                "the route `{name}` names component `{component}`, which is missing"
            ));
        }
        (None, Some(_)) if route.is_none() => {
            return Err("a private route needs a component".to_owned());
        }
        (None, Some(response)) => {
            response
                .check()
                .map_err(|why| format!("the route `{name}`: {why}"))?;
            Target::Static(response)
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(format!(
                "the route `{name}` needs either `component` or `static_response`"
            ));
        }
    };
    Ok(HttpTrigger { route, target })
}

#[cfg(test)]
mod tests;
