//! The examples of `docs/integrate.md`, word for word: the Rust ones are the
//! modules of this target, the Python and shell ones are taken from the
//! document and run. So are the recipes of `docs/agents.md`.

// compatibility: SDKs and examples | curl and jq | - | `make test` | every example of integrate.md, word for word

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

// Each is written as for an application of its own.
#[expect(unreachable_pub, reason = "an example")]
mod buy;
#[expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    reason = "an example: it has no ports, and is for older compilers too"
)]
mod license;
#[expect(unreachable_pub, reason = "an example")]
mod seats;

mod agents;
mod commands;
mod rust;

use keywright_tests::hosts::{Host, Instance};
use keywright_tests::suite::{Case, floor, run};
use serde_json::json;
use std::process::ExitCode;
use tokio::sync::OnceCell;

const DOCUMENT: &str = include_str!("../../../docs/integrate.md");

fn main() -> ExitCode {
    let cases = [
        Case::new(module_path!(), "the_document_has_the_rust_examples", |_| {
            Box::pin(async { the_document_has_the_rust_examples() })
        }),
        Case::new("rust", "a_day_with_a_license", |instance| {
            Box::pin(rust::a_day_with_a_license(instance))
        }),
        Case::new("rust", "watching", |instance| {
            Box::pin(rust::watching(instance))
        }),
        Case::new("rust", "seats", |instance| Box::pin(rust::seats(instance))),
        Case::new("rust", "buying", |instance| {
            Box::pin(rust::buying(instance))
        }),
        Case::new("python", "examples", |instance| {
            Box::pin(commands::python(instance))
        }),
        Case::new(
            module_path!(),
            "agents_page_says_what_the_code_does",
            |_| Box::pin(async { agents::says_what_the_code_does() }),
        ),
        Case::new("agents", "recipes", |instance| {
            Box::pin(agents::recipes(instance))
        }),
        // Pays whatever is ordered meanwhile.
        Case::new("curl", "examples", |instance| {
            Box::pin(commands::curl(instance))
        })
        .alone(),
    ];
    run(Host::Native, cases.into_iter())
}

/// The fenced blocks of a language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = DOCUMENT.split(&fence).skip(1);
    let blocks: Vec<_> = parts
        .map(|part| part.split("```").next().expect("a block"))
        .collect();
    assert!(!blocks.is_empty(), "{language}");
    blocks
}

fn the_document_has_the_rust_examples() {
    let files = [
        include_str!("license.rs"),
        include_str!("seats.rs"),
        include_str!("buy.rs"),
    ];
    let blocks = blocks("rust");
    assert_eq!(blocks.len(), files.len());
    for (block, file) in blocks.iter().zip(files) {
        assert!(*block == file, "docs/integrate.md has another:\n{block}");
    }
}

/// The product that the examples are about, once for all of them.
async fn shop(instance: &Instance) -> &'static str {
    static PRODUCT_ID: OnceCell<String> = OnceCell::const_new();
    let made = PRODUCT_ID.get_or_init(|| async {
        let product = floor::product(instance, "demo", 9_000).await;
        let trial = json!({ "price_sats_override": 0, "is_trial": true,
                            "duration_seconds": 86_400 });
        floor::policy(instance, "demo", "trial", trial).await;
        let pro = json!({ "price_sats_override": 5_000, "max_machines": 2,
                          "entitlements": ["pro"] });
        floor::policy(instance, "demo", "pro", pro).await;
        floor::text(&product, "id")
    });
    made.await
}
