//! `keywright release list`.

use super::version_args::{channel, slug};
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::RepositoryArgs;
use clap::Args;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::Channel;
use keywright_domain::release::manifest::VersionManifest;
use keywright_domain::slug::Slug;
use serde_json::json;

/// Lists published versions, newest first.
#[derive(Debug, Args)]
pub struct List {
    /// Only versions of this product.
    #[arg(long, value_parser = slug)]
    product: Option<Slug>,
    /// Only versions on this channel.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl List {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let repository = self.repository.open()?;
        let releases = repository.list(self.product.as_ref(), self.channel)?;
        let lines: Vec<String> = releases.iter().map(line).collect();
        let text = if lines.is_empty() {
            "nothing is published".to_owned()
        } else {
            lines.join("\n")
        };
        Ok(CommandOutput {
            text,
            json: json!({ "ok": true, "releases": releases }),
        })
    }
}

fn line(release: &VersionManifest) -> String {
    let platforms = release.artifacts.iter().map(|file| file.platform.as_str());
    let rollout = match release.rollout_percent {
        100 => String::new(),
        percent => format!("  ({percent} %)"),
    };
    let yanked = release.yanked.as_ref();
    let yanked = yanked.map(|yanked| format!("  YANKED {}", yanked.reason));
    let line = format!(
        "{}  {} {}  {}  {}{rollout}{}",
        rfc3339(release.published_at_unix),
        release.product,
        release.version,
        release.channel,
        platforms.collect::<Vec<_>>().join(", "),
        yanked.unwrap_or_default()
    );
    line.trim_end().to_owned()
}
