//! What electron-updater's generic provider asks.

pub(crate) mod channel_file;
pub(crate) mod file;
mod yaml;

/// The query of both routes. electron-updater hands what stands behind its
/// feed's address on to the files, and adds `noCache` to the channel file.
#[derive(Default, serde::Deserialize)]
pub(crate) struct Query {
    token: Option<String>,
    staging: Option<String>,
}
