//! `keywright keygen release`: a key pair that signs releases, as minisign's
//! files.

use crate::CommandOutput;
use crate::error::CliError;
use crate::keys::PASSWORD;
use clap::Args;
use minisign::KeyPair;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Writes a key pair that minisign reads too. Existing files are not overwritten. The
/// secret key is protected by a password, from `KEYWRIGHT_RELEASE_PASSWORD` or a prompt.
/// Keep it off the server, which never needs it.
#[derive(Debug, Args)]
pub struct Release {
    /// File for the secret key; only its owner may read it.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// File for the public key, which verifies releases.
    #[arg(long, value_name = "FILE")]
    public: PathBuf,
    /// Writes the secret key without a password, for a build machine that stores it as a
    /// secret.
    #[arg(long)]
    no_password: bool,
}

impl Release {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        for path in [&self.secret, &self.public] {
            if path.exists() {
                return Err(exists(path));
            }
        }
        let making = |error| CliError::failed(format!("making a key: {error}"));
        let pair = if self.no_password {
            KeyPair::generate_unencrypted_keypair()
        } else {
            KeyPair::generate_encrypted_keypair(Some(new_password()?))
        };
        let pair = pair.map_err(making)?;
        let public = pair.pk.to_box().map_err(making)?.into_string();
        let comment = if self.no_password {
            "keywright secret release key, not protected"
        } else {
            "keywright secret release key"
        };
        let secret = pair.sk.to_box(Some(comment)).map_err(making)?.into_string();
        write_new(&self.secret, &secret, 0o600)?;
        write_new(&self.public, &public, 0o644)?;
        let line = public.lines().nth(1).unwrap_or_default();
        Ok(CommandOutput {
            text: format!(
                "secret key: {}\npublic key: {}\n{line}",
                self.secret.display(),
                self.public.display()
            ),
            json: json!({
                "secret": self.secret, "public": self.public, "public_key": line
            }),
        })
    }
}

fn exists(path: &Path) -> CliError {
    CliError::refused(format!(
        "{} exists and is not overwritten, because releases signed with it need it; choose another name",
        path.display()
    ))
}

/// Writes a file, which must not exist.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => CliError::file(path, error),
    })
}

fn new_password() -> Result<String, CliError> {
    let password = match std::env::var(PASSWORD) {
        Ok(password) => password,
        Err(_) if std::io::stdin().is_terminal() => {
            let ask = |prompt| {
                rpassword::prompt_password(prompt)
                    .map_err(|error| CliError::failed(format!("reading the password: {error}")))
            };
            let password = ask("Password of the new key: ")?;
            if ask("Repeat the password: ")? != password {
                return Err(CliError::usage("the passwords differ; try again"));
            }
            password
        }
        Err(_) => {
            return Err(CliError::usage(format!(
                "set {PASSWORD} to the password of the new key, or pass --no-password"
            )));
        }
    };
    if password.is_empty() {
        return Err(CliError::usage(
            "the password must not be empty; pass --no-password for a key without a password",
        ));
    }
    Ok(password)
}
