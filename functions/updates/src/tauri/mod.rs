//! What the updater of Tauri 2 asks.

pub(crate) mod dynamic;
pub(crate) mod fixed;

use data_encoding::BASE64;

/// A signature as Tauri wants it: base64 of the whole signature file.
fn signature(file: &str) -> String {
    BASE64.encode(file.as_bytes())
}

/// The query of both routes.
#[derive(Default, serde::Deserialize)]
pub(crate) struct Query {
    channel: Option<String>,
    token: Option<String>,
    staging: Option<String>,
    bundle_type: Option<String>,
}
