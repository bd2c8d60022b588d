//! The OpenAPI document as other people's tools read it: a validator and two linters
//! find nothing, and the clients that generators make of it compile, buy, validate,
//! publish and download. `tests/clients/` has the programs that use them.

// compatibility: Readers of the OpenAPI document | openapi-spec-validator | pip:openapi-spec-validator | `make test` | finds the document valid
// compatibility: Readers of the OpenAPI document | Redocly | npm:@redocly/cli | `make test` | finds nothing with its strict rules
// compatibility: Readers of the OpenAPI document | Spectral | npm:@stoplight/spectral-cli | `make test` | finds nothing with its rules for OpenAPI

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking"
)]

mod generated;
mod mcp;
mod tool;
mod webhooks;

use keywright_tests::hosts::{Configured, Host};
use keywright_tests::suite::{Case, Play, run_all};
use std::process::ExitCode;
use tool::{clients, document, node_tool, python_tool};

fn main() -> ExitCode {
    let play = |prefix, host, cases| Play {
        prefix,
        host,
        configured: Configured::Fully,
        cases,
    };
    run_all(vec![
        // The document asks no instance; the native one costs nothing.
        play(
            "",
            Host::Native,
            vec![
                Case::new("document", "validator", |_| Box::pin(async { validator() })),
                Case::new("document", "linters", |_| Box::pin(async { linters() })),
                Case::new("mcp", "lines_of_the_protocol_only", |instance| {
                    Box::pin(mcp::lines_of_the_protocol_only(instance))
                }),
                Case::new("mcp", "official_client", |instance| {
                    Box::pin(mcp::official_client(instance))
                }),
                Case::new("webhooks", "official_libraries", |instance| {
                    Box::pin(webhooks::official_libraries(instance))
                }),
            ],
        ),
        play("workerd::", Host::Workerd, generated::CASES.to_vec()),
    ])
}

fn validator() {
    python_tool("openapi-spec-validator")
        .arg(document())
        .succeeds();
}

fn linters() {
    node_tool("@redocly/cli/bin/cli.js")
        .args(["lint", "--config"])
        .arg(clients("redocly.yaml"))
        .arg(document())
        .succeeds();
    node_tool("@stoplight/spectral-cli/dist/index.js")
        .args(["lint", "--fail-severity=hint", "--ruleset"])
        .arg(clients("spectral.yaml"))
        .arg(document())
        .succeeds();
}
