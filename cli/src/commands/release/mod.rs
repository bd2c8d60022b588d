//! `keywright release`.

mod gate;
mod installer;
mod key;
mod list;
mod promote;
mod publish;
mod rollout;
mod subject;
mod verify;
mod yank;

use crate::Report;
use crate::error::CliError;
use crate::place::Changed;
use clap::Subcommand;
use serde_json::json;

/// What to do with releases.
#[derive(Debug, Subcommand)]
pub enum Release {
    /// Signs files, uploads them, and publishes them as a version.
    Publish(Box<publish::Publish>),
    /// Takes a version back: nobody is offered it any more.
    Yank(yank::Yank),
    /// Offers a version again.
    Unyank(yank::Unyank),
    /// Moves a version to another channel.
    Promote(promote::Promote),
    /// Offers a version to a part of the installations.
    Rollout(rollout::Rollout),
    /// Shows what is published.
    List(list::List),
    /// Opens a product: everybody may download it.
    Open(gate::Open),
    /// Closes a product: a license is needed.
    Close(gate::Close),
    /// Downloads a file and checks everything about it.
    Verify(verify::Verify),
    /// Writes or publishes a product's install script.
    Installer(installer::Installer),
    /// Shows and sets the public release keys of a product.
    #[command(subcommand)]
    Key(key::Key),
}

impl Release {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        match self {
            Self::Publish(publish) => publish.run(),
            Self::Yank(yank) => yank.run(),
            Self::Unyank(unyank) => unyank.run(),
            Self::Promote(promote) => promote.run(),
            Self::Rollout(rollout) => rollout.run(),
            Self::List(list) => list.run(),
            Self::Open(open) => open.run(),
            Self::Close(close) => close.run(),
            Self::Verify(verify) => verify.run(),
            Self::Installer(installer) => installer.run(),
            Self::Key(key) => key.run(),
        }
    }
}

/// The report of a change: `done` when something is new, else that nothing
/// changed.
fn changed(changed: &Changed, done: &str) -> Report {
    let manifest = &changed.manifest;
    let (product, version) = (&manifest.product, &manifest.version);
    let done = if changed.changed {
        format!("{product} {version} {done}")
    } else {
        format!("{product} {version}: nothing changed, it is so already")
    };
    let ignored = changed.ignored.join(", ");
    let text = if ignored.is_empty() {
        done
    } else {
        format!("{done}\nnot taken over, because the version was published with others: {ignored}")
    };
    Report {
        text,
        json: json!({
            "ok": true, "changed": changed.changed, "ignored": changed.ignored,
            "manifest": manifest,
        }),
    }
}
