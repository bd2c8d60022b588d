//! `keywright release`.

mod gate;
mod installer;
mod key;
mod list;
mod metadata;
mod promote;
mod publish;
mod rollout;
mod verify;
mod version_args;
mod yank;

use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::VersionOutcome;
use clap::Subcommand;
use serde_json::json;

/// Commands for releases.
#[derive(Debug, Subcommand)]
pub enum Release {
    /// Signs files, uploads them, and publishes them as a version.
    Publish(Box<publish::Publish>),
    /// Yanks a version: it is no longer offered.
    Yank(yank::Yank),
    /// Undoes a yank.
    Unyank(yank::Unyank),
    /// Moves a version to another channel.
    Promote(promote::Promote),
    /// Offers a version to a percentage of the installations.
    Rollout(rollout::Rollout),
    /// Replaces the settings for updaters of a version.
    Metadata(metadata::Metadata),
    /// Lists published versions.
    List(list::List),
    /// Opens a product: anyone may download it.
    Open(gate::Open),
    /// Closes a product: downloads need a license.
    Close(gate::Close),
    /// Downloads a file and verifies it.
    Verify(verify::Verify),
    /// Writes or publishes a product's install script.
    Installer(installer::Installer),
    /// Shows and sets the public release keys of a product.
    #[command(subcommand)]
    Key(key::Key),
}

impl Release {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::Publish(publish) => publish.run(),
            Self::Yank(yank) => yank.run(),
            Self::Unyank(unyank) => unyank.run(),
            Self::Promote(promote) => promote.run(),
            Self::Rollout(rollout) => rollout.run(),
            Self::Metadata(metadata) => metadata.run(),
            Self::List(list) => list.run(),
            Self::Open(open) => open.run(),
            Self::Close(close) => close.run(),
            Self::Verify(verify) => verify.run(),
            Self::Installer(installer) => installer.run(),
            Self::Key(key) => key.run(),
        }
    }
}

/// The output of a change; `done` says what changed.
fn changed(outcome: &VersionOutcome, done: &str) -> CommandOutput {
    let manifest = &outcome.manifest;
    let (product, version) = (&manifest.product, &manifest.version);
    let done = if outcome.changed {
        format!("{product} {version} {done}")
    } else {
        format!("{product} {version}: nothing changed")
    };
    let mut text = done;
    if !outcome.ignored.is_empty() {
        let ignored = outcome.ignored.join(", ");
        text.push_str("\nignored, because the version was published with other values: ");
        text.push_str(&ignored);
    }
    for notice in &outcome.advice.notices {
        text.push_str("\nnote: ");
        text.push_str(notice);
    }
    CommandOutput {
        text,
        json: json!({
            "ok": true, "changed": outcome.changed, "ignored": outcome.ignored,
            "newest": outcome.advice.newest, "skipped_by": outcome.advice.skipped_by,
            "notices": outcome.advice.notices, "manifest": manifest,
        }),
    }
}
