//! `keywright release installer`: a product's install script, with the release
//! key pinned in it.

use super::version_args::slug;
use crate::CommandOutput;
use crate::error::CliError;
use crate::keys::ReleaseKey;
use crate::repository::RepositoryArgs;
use clap::Args;
use keywright_domain::slug::Slug;
use keywright_domain::web_url;
use serde_json::json;
use std::path::PathBuf;

/// The script; `@NAMES@` are placeholders.
const TEMPLATE: &str = include_str!("install.sh");

/// Writes or publishes an install script. The script verifies the file's digest from the
/// manifest and the release key's signatures of the file and its statement (with OpenSSL
/// 3 or minisign). It installs nothing when a check fails or cannot be made.
#[derive(Debug, Args)]
pub struct Installer {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    /// The public release key: minisign's file, or the key itself.
    #[arg(long, env = "KEYWRIGHT_PUBLIC_KEY", value_name = "KEY")]
    public_key: String,
    /// Address that customers download from. Default: the server's.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Name of the installed program. Default: the product's slug.
    #[arg(long, value_name = "NAME", value_parser = program)]
    program: Option<String>,
    /// Writes the script into a file instead of publishing it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Installer {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let key = ReleaseKey::read(&self.public_key)?;
        let url = self
            .url
            .as_deref()
            .or_else(|| self.repository.server())
            .ok_or_else(|| {
                CliError::usage("--url is required: the address that customers download from")
            })?;
        let program = self.program.as_deref().unwrap_or(self.product.as_str());
        let script = script(&self.product, address(url)?, program, &key);
        if let Some(path) = &self.output {
            std::fs::write(path, &script).map_err(|error| CliError::file(path, error))?;
            return Ok(CommandOutput {
                text: format!("wrote {}; nothing is published", path.display()),
                json: json!({ "ok": true, "changed": false, "output": path }),
            });
        }
        let changed = self
            .repository
            .open()?
            .set_installer(&self.product, &script)?;
        let unchanged = if changed { "" } else { " (nothing changed)" };
        let at = format!("{}/releases/{}/install.sh", address(url)?, self.product);
        Ok(CommandOutput {
            text: format!("the install script is published{unchanged}\n{at}"),
            json: json!({ "ok": true, "changed": changed, "url": at }),
        })
    }
}

fn script(product: &Slug, url: &str, program: &str, key: &ReleaseKey) -> String {
    TEMPLATE
        .replace("@PRODUCT@", product.as_str())
        .replace("@URL@", url)
        .replace("@PROGRAM@", program)
        .replace("@PUBLIC_KEY@", &key.line())
        .replace("@PUBLIC_KEY_PEM@", key.pem().trim_end())
}

/// An address that can stand between single quotes in a script.
fn address(url: &str) -> Result<&str, CliError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%@".contains(&b);
    if web_url::check(url).is_ok() && url.bytes().all(plain) {
        Ok(url.trim_end_matches('/'))
    } else {
        Err(CliError::usage(format!(
            "--url must be an address such as https://licenses.example.com, not {url}"
        )))
    }
}

fn program(name: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if !name.is_empty() && !name.starts_with(['-', '.']) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(
            "it must consist of letters, digits, '-', '_' and '.', and not begin with '-' or '.'"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_put_in_and_nothing_gets_out_of_its_quotes() {
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        let key = ReleaseKey::read(key).expect("a key");
        let product = Slug::parse("demo").expect("a slug");
        let script = script(&product, "https://get.example.com", "demo-cli", &key);
        for name in ["PRODUCT", "URL", "PROGRAM", "PUBLIC_KEY", "PUBLIC_KEY_PEM"] {
            assert!(!script.contains(&format!("@{name}@")), "{name}");
        }
        for part in ["https://get.example.com", "demo-cli", &key.line()] {
            assert!(script.contains(part), "{part}");
        }
        for url in [
            "",
            "ftp://x",
            "https://x'; rm -rf",
            "https://x\n",
            "https://$(x)",
            "https://get.example.com@evil.example",
        ] {
            assert!(address(url).is_err(), "{url}");
        }
        for name in ["", "-x", "../x", "a b", "a'"] {
            assert!(program(name).is_err(), "{name}");
        }
    }
}
