//! The secret release key, and signing with it.

use super::{PASSWORD, ReleaseKey};
use crate::digest::{Digests, each_piece, open};
use crate::error::CliError;
use crate::{input, progress};
use clap::Args;
use data_encoding::BASE64;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign_byupdate};
use ed25519_dalek::{SignatureError, Signer, SigningKey};
use keywright_domain::release::release_key::key_packet;
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::statement::Statement;
use keywright_license::PublicKey;
use minisign::SecretKeyBox;
use sha2::{Digest, Sha256, Sha512};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::Path;

/// A secret release key.
pub(crate) struct ReleaseSecret {
    id: [u8; 8],
    key: SigningKey,
}

/// The variables of Tauri's bundler, which signs with the same key.
const TAURI_KEY: &str = "TAURI_SIGNING_PRIVATE_KEY";
const TAURI_PASSWORD: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// How a key begins that has no password.
const NO_PASSWORD: &[u8] = b"Ed\0\0";

/// Where the id stands in the bytes of a decrypted key: after three algorithms
/// of 2 bytes, a salt of 32 and two limits of 8 (minisign's secret key).
const ID_AT: usize = 6 + 32 + 16;

/// The length of those bytes with the id, the key pair and a checksum.
const PACKET: usize = ID_AT + 8 + 32 + 32 + 32;

/// The argument that names the secret release key.
#[derive(Debug, Args)]
pub(crate) struct ReleaseKeyArgs {
    /// The secret release key: a file of minisign or of `tauri signer generate`. It never
    /// leaves this machine. Default: `TAURI_SIGNING_PRIVATE_KEY`. Each variable may hold the
    /// key itself.
    #[arg(long, env = "KEYWRIGHT_RELEASE_KEY", value_name = "FILE", value_parser = input::word, hide_env_values = true)]
    key: Option<String>,
}

impl ReleaseKeyArgs {
    /// Reads the key.
    pub(crate) fn read(&self) -> Result<ReleaseSecret, CliError> {
        let given = self.key.clone().filter(|key| !key.is_empty());
        let given = given
            .or_else(|| input::variable(TAURI_KEY))
            .ok_or_else(|| {
                CliError::usage(
                    "--key FILE is required: the secret release key (or set KEYWRIGHT_RELEASE_KEY)",
                )
            })?;
        if let Some(packet) = key_packet(&given, PACKET) {
            return ReleaseSecret::open(&packet, "the release key");
        }
        let path = Path::new(&given);
        let text = input::read_text(path)?;
        let packet = key_packet(&text, PACKET).ok_or_else(|| {
            CliError::usage(format!("{given}: not a secret key of minisign or Tauri"))
        })?;
        ReleaseSecret::open(&packet, &given)
    }
}

impl ReleaseSecret {
    /// Opens a key. A protected one is opened with a password of the environment, else with
    /// one that is asked for; `name` names the key.
    fn open(packet: &[u8], name: &str) -> Result<Self, CliError> {
        let damaged = |error: &dyn std::fmt::Display| CliError::usage(format!("{name}: {error}"));
        // minisign leaves out the checksum of a key without a password, so the two halves of
        // the key are compared instead.
        let bytes = if packet.starts_with(NO_PASSWORD) {
            packet.to_vec()
        } else {
            let file = format!("untrusted comment: secret key\n{}\n", BASE64.encode(packet));
            let unlock = |password: String| {
                let key = SecretKeyBox::from_string(&file)?;
                key.into_secret_key(Some(password))
                    .map(|key| key.to_bytes())
            };
            let passwords = passwords(name)?;
            let mut opened = passwords.iter().map(|password| unlock(password.clone()));
            match opened.next() {
                // `tauri signer generate` encrypts a key without a password with the empty one.
                None => unlock(String::new()).map_err(|_| {
                    damaged(&format!(
                        "the key is protected by a password; set {PASSWORD}"
                    ))
                })?,
                // The first error says what is wrong; an altered password is a guess.
                Some(first) => first
                    .or_else(|error| opened.find_map(Result::ok).ok_or(error))
                    .map_err(|error| damaged(&error))?,
            }
        };
        let part = |at: usize, length: usize| bytes.get(at..at + length);
        let id = part(ID_AT, 8).and_then(|id| id.try_into().ok());
        let seed = part(ID_AT + 8, 32).and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        let public = part(ID_AT + 8 + 32, 32);
        let (Some(id), Some(seed)) = (id, seed) else {
            return Err(damaged(&"not a minisign secret key"));
        };
        let key = SigningKey::from_bytes(&seed);
        // Signing with a public key that is not the seed's would give the seed
        // away.
        if public != Some(key.verifying_key().as_bytes().as_slice()) {
            return Err(damaged(&"the public key does not belong to the secret key"));
        }
        Ok(Self { id, key })
    }

    /// Its public key.
    pub(crate) fn public(&self) -> Result<ReleaseKey, CliError> {
        let key = PublicKey::from_bytes(self.key.verifying_key().to_bytes())
            .map_err(|error| CliError::failed(format!("the release key: {error}")))?;
        Ok(ReleaseKey::new(self.id, key))
    }

    /// Signs a file and what is stated about it. The file is read twice and
    /// never held in memory; `digests` is what it was when it was read first.
    pub(crate) fn sign_file(
        &self,
        path: &Path,
        digests: &Digests,
        statement: &Statement,
    ) -> Result<DetachedSignature, CliError> {
        let expanded = ExpandedSecretKey::from(self.key.as_bytes());
        let bar = progress::bytes("signing", 2 * digests.size);
        let failure = RefCell::new(None);
        let pass = |hash: &mut Sha512| {
            let read = Self::pass(path, digests, |piece| {
                hash.update(piece);
                bar.inc(piece.len() as u64);
            });
            read.map_err(|error| {
                *failure.borrow_mut() = Some(error);
                SignatureError::new()
            })
        };
        let signed = raw_sign_byupdate::<Sha512, _>(&expanded, pass, &self.key.verifying_key());
        bar.finish_and_clear();
        let signature = signed.map_err(|error| {
            let failure = failure.borrow_mut().take();
            failure.unwrap_or_else(|| CliError::file(path, error))
        })?;
        Ok(self.state(signature.to_bytes(), statement))
    }

    /// One pass over a file that must still be what it was: two signatures that
    /// share their first pass and differ in the second would give the key away.
    fn pass(path: &Path, digests: &Digests, mut take: impl FnMut(&[u8])) -> Result<(), CliError> {
        let mut sha256 = Sha256::new();
        let read = each_piece(&mut open(path)?, |piece| {
            sha256.update(piece);
            take(piece);
            Ok(())
        });
        read.map_err(|error| CliError::file(path, error))?;
        let is = data_encoding::HEXLOWER.encode(&sha256.finalize());
        if is == digests.sha256.as_str() {
            Ok(())
        } else {
            Err(CliError::file(
                path,
                "the file changed while it was being read",
            ))
        }
    }

    /// Puts another statement beside the signature of a file.
    pub(crate) fn state(&self, signature: [u8; 64], statement: &Statement) -> DetachedSignature {
        let trusted_comment = statement.to_string();
        let signed = DetachedSignature::globally_signed(&signature, &trusted_comment);
        DetachedSignature {
            key_id: self.id,
            signature,
            trusted_comment,
            global_signature: self.key.sign(&signed).to_bytes(),
        }
    }
}

/// The passwords to try, from the environment or a terminal. Those of the environment are
/// tried as they are first, then without what a secret store or an editor put around them.
fn passwords(name: &str) -> Result<Vec<String>, CliError> {
    let mut passwords = Vec::new();
    for given in [PASSWORD, TAURI_PASSWORD]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
    {
        for password in [
            &given,
            given.trim_end_matches(['\r', '\n']),
            input::clean(&given),
        ] {
            if !passwords.iter().any(|known| known == password) {
                passwords.push(password.to_owned());
            }
        }
    }
    if passwords.is_empty() && std::io::stdin().is_terminal() {
        let asked = rpassword::prompt_password(format!("Password of {name}: "));
        passwords.push(
            asked.map_err(|error| CliError::failed(format!("reading the password: {error}")))?,
        );
    }
    Ok(passwords)
}
