//! Arguments that several commands share.

use clap::Args;
use keywright_domain::release::{Channel, Platform, Version};
use keywright_domain::slug::Slug;

/// A published version.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// The slug of the product.
    #[arg(long, value_parser = slug)]
    pub(crate) product: Slug,
    /// The version, such as 1.2.0; a leading v is dropped.
    #[arg(long, value_parser = version)]
    pub(crate) version: Version,
}

pub(crate) fn slug(text: &str) -> Result<Slug, String> {
    Slug::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn version(text: &str) -> Result<Version, String> {
    Version::parse_lenient(text).map_err(|error| error.to_string())
}

pub(crate) fn channel(text: &str) -> Result<Channel, String> {
    text.parse()
        .map_err(|error: keywright_domain::release::NotAChannel| error.to_string())
}

pub(crate) fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map_err(|error| error.to_string())
}
