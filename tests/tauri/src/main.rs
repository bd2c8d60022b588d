//! Asks for an update as an application built with Tauri does, with Tauri's own
//! updater on its own mock of a window system, downloads it and checks its
//! signature.
//!
//!     tauri-asks ENDPOINT PUBLIC-KEY INSTALLED-VERSION [LICENSE-KEY]
//!
//! Prints one JSON object: `{"update": null}` when the installation is up to date;
//! `{"update": {version, notes, pub_date, content | refused}}`, where `content` is what
//! was downloaded and verified and `refused` why the download was not accepted; or
//! `{"error": why}` when the feed could not be read.

use serde_json::{Value, json};
use std::error::Error;
use tauri::test::{mock_builder, mock_context, noop_assets};
use tauri_plugin_updater::UpdaterExt;
use time::format_description::well_known::Rfc3339;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or_else(|| format!("{name} is missing"));
    let (endpoint, public_key) = (next("ENDPOINT")?, next("PUBLIC-KEY")?);
    let (installed, key) = (next("INSTALLED-VERSION")?, next("LICENSE-KEY").ok());
    let said = match ask(&endpoint, &public_key, &installed, key).await {
        Ok(update) => json!({ "update": update }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    println!("{said}");
    Ok(())
}

async fn ask(
    endpoint: &str,
    public_key: &str,
    installed: &str,
    key: Option<String>,
) -> Result<Value, Box<dyn Error>> {
    let mut context = mock_context(noop_assets());
    context.package_info_mut().version = installed.parse()?;
    context.config_mut().plugins.0.insert(
        "updater".to_owned(),
        json!({
            "endpoints": [endpoint],
            "pubkey": public_key,
            "dangerousInsecureTransportProtocol": true,
            "requireSignedVersion": true,
        }),
    );
    let app = mock_builder()
        .plugin(tauri_plugin_updater::Builder::new().build())
        .build(context)?;
    let mut builder = app.handle().updater_builder();
    if let Some(key) = key {
        builder = builder.header("Authorization", format!("Bearer {key}"))?;
    }
    let Some(update) = builder.build()?.check().await? else {
        return Ok(Value::Null);
    };
    let date = update.date.map(|date| date.format(&Rfc3339)).transpose()?;
    let mut told = json!({
        "version": update.version,
        "notes": update.body,
        "pub_date": date,
    });
    match update.download(|_, _| {}, || {}).await {
        Ok(bytes) => told["content"] = String::from_utf8(bytes)?.into(),
        Err(error) => told["refused"] = error.to_string().into(),
    }
    Ok(told)
}
