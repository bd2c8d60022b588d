//! Clients made by generators, on workerd.

// compatibility: Clients made from the OpenAPI document | openapi-typescript with openapi-fetch | npm:openapi-typescript | `make test` | type-checked; buys, validates, publishes, downloads; workerd
// compatibility: Clients made from the OpenAPI document | openapi-python-client | pip:openapi-python-client | `make test` | the same
// compatibility: Clients made from the OpenAPI document | openapi-generator, typescript-fetch | pip:openapi-generator-cli | `make test` | type-checked; the same
// compatibility: Clients made from the OpenAPI document | openapi-generator, go | pip:openapi-generator-cli | `make test` | compiled and vetted; the same

use crate::tool::{Tool, clients, document, node_tool, openapi_generator, python_tool, set_up};
use keywright_tests::hosts::Instance;
use keywright_tests::release_file::ReleaseFile;
use keywright_tests::shop;
use keywright_tests::suite::Case;
use std::path::{Path, PathBuf};

const CONTENT: &str = "#!/bin/sh\necho a program\n";
const ENDED: &str = "bought, validated, published, downloaded";

/// Names a case of this file.
macro_rules! case {
    ($name:ident) => {
        Case::new(module_path!(), stringify!($name), |instance| {
            Box::pin(async { $name(instance) })
        })
    };
}

pub(crate) const CASES: [Case; 4] = [
    case!(openapi_typescript),
    case!(openapi_python_client),
    case!(openapi_generator_typescript_fetch),
    case!(openapi_generator_go),
];

/// Runs a program that uses a client: it publishes a product of its own.
fn runs(instance: &Instance, product: &str, program: Tool) {
    let file = ReleaseFile {
        product,
        version: "1.0.0",
        channel: "stable",
        platform: "x86_64-unknown-linux-gnu",
        bytes: CONTENT.as_bytes(),
    };
    let said = program
        .env("KEYWRIGHT_BASE_URL", instance.api.base_url())
        .env("KEYWRIGHT_CONTROL_URL", instance.btcpay.control_url())
        .env("KEYWRIGHT_ADMIN_KEY", shop::ADMIN_KEY)
        .env("KEYWRIGHT_PUBLICATION", file.publication().to_string())
        .env("KEYWRIGHT_CONTENT", CONTENT)
        .succeeds();
    assert!(said.contains(ENDED), "{said}");
}

fn openapi_typescript(instance: &Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    node_tool("openapi-typescript/bin/cli.js")
        .arg(document())
        .arg("--output")
        .arg(folder.join("schema.d.ts"))
        .succeeds();
    let program = compiled(folder, "types.ts");
    runs(instance, "with-types", program);
}

fn openapi_generator_typescript_fetch(instance: &Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    generate("typescript-fetch", &folder.join("client"), "");
    let program = compiled(folder, "fetch.ts");
    runs(instance, "with-fetch", program);
}

fn openapi_python_client(instance: &Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("client");
    python_tool("openapi-python-client")
        .args(["generate", "--fail-on-warning", "--meta", "none", "--path"])
        .arg(document())
        .arg("--config")
        .arg(clients("python.yaml"))
        .arg("--output-path")
        .arg(folder.join("keywright_client"))
        .succeeds();
    let program = Tool::new(set_up("KEYWRIGHT_TEST_PYTHON"))
        .arg(clients("flow.py"))
        .env("PYTHONPATH", &folder)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    runs(instance, "with-python", program);
}

fn openapi_generator_go(instance: &Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    generate(
        "go",
        &folder.join("keywright"),
        "packageName=keywright,withGoMod=false",
    );
    let module = "module example.com/client\n\ngo 1.21\n";
    std::fs::write(folder.join("go.mod"), module).expect("a file");
    std::fs::copy(clients("flow.go"), folder.join("main.go")).expect("a copy");
    let go = |arguments: &[&str]| {
        python_tool("go")
            .args(arguments)
            .within(folder)
            .env("GOCACHE", cache().join("go-build"))
            .env("GOPATH", cache().join("go"))
            // The client needs the standard library only, of this very Go.
            .env("GOPROXY", "off")
            .env("GOFLAGS", "-mod=mod")
            .env("GOTOOLCHAIN", "local")
    };
    // The whole client, not only what the program uses.
    go(&["vet", "./keywright"]).succeeds();
    go(&["build", "-o", "flow", "."]).succeeds();
    runs(instance, "with-go", Tool::new(folder.join("flow")));
}

/// Where compiled packages are kept from run to run.
fn cache() -> PathBuf {
    let kept = std::env::var_os("KEYWRIGHT_CACHE").map(PathBuf::from);
    kept.unwrap_or_else(std::env::temp_dir)
}

/// Makes a client with openapi-generator.
fn generate(generator: &str, folder: &Path, properties: &str) {
    openapi_generator()
        .args(["generate", "--generator-name", generator, "--input-spec"])
        .arg(document())
        .arg("--output")
        .arg(folder)
        .arg(format!("--additional-properties={properties}"))
        .arg("--global-property=apiTests=false,modelTests=false,apiDocs=false,modelDocs=false")
        .succeeds();
}

/// Checks the types of a program and of the client beside it, and compiles both.
fn compiled(folder: &Path, program: &str) -> Tool {
    let modules = set_up("KEYWRIGHT_TEST_NODE_MODULES");
    std::os::unix::fs::symlink(modules, folder.join("node_modules")).expect("a link");
    for (from, to) in [(program, "flow.ts"), ("tsconfig.json", "tsconfig.json")] {
        std::fs::copy(clients(from), folder.join(to)).expect("a copy");
    }
    node_tool("typescript/bin/tsc").within(folder).succeeds();
    Tool::new(set_up("KEYWRIGHT_TEST_NODE")).arg(folder.join("flow.js"))
}
