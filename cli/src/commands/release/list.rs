//! `keywright release list`.

use super::subject::{channel, slug};
use crate::Report;
use crate::error::CliError;
use crate::place::Where;
use clap::Args;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::Channel;
use keywright_domain::release::manifest::VersionManifest;
use keywright_domain::slug::Slug;
use serde_json::json;

/// Shows what is published, the newest first.
#[derive(Debug, Args)]
pub struct List {
    /// Of this product only.
    #[arg(long, value_parser = slug)]
    product: Option<Slug>,
    /// On this channel only.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    #[command(flatten)]
    place: Where,
}

impl List {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let place = self.place.open()?;
        let releases = place.list(self.product.as_ref(), self.channel)?;
        let lines: Vec<String> = releases.iter().map(line).collect();
        let text = if lines.is_empty() {
            "nothing is published".to_owned()
        } else {
            lines.join("\n")
        };
        Ok(Report {
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
    let yanked = yanked.map(|yanked| format!("  TAKEN BACK {}", yanked.reason));
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
