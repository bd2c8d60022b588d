//! The secret release key, and signing with it.

use super::{PASSWORD, ReleaseKey};
use crate::digest::{Digests, each_piece, open};
use crate::error::CliError;
use crate::progress;
use data_encoding::BASE64;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign_byupdate};
use ed25519_dalek::{SignatureError, Signer, SigningKey};
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

/// Where the id stands in the bytes of a decrypted key: after three algorithms
/// of 2 bytes, a salt of 32 and two limits of 8 (minisign's secret key).
const ID_AT: usize = 6 + 32 + 16;

impl ReleaseSecret {
    /// Reads a key file of minisign. A protected one is opened with the
    /// password of the environment, else with one that is asked for.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::file(path, error))?;
        let damaged =
            |error: &dyn std::fmt::Display| CliError::usage(format!("{}: {error}", path.display()));
        let bytes = unprotected(&text).map_or_else(
            || {
                let boxed = SecretKeyBox::from_string(&text).map_err(|error| damaged(&error))?;
                let opened = boxed.into_secret_key(Some(password(path)?));
                opened
                    .map(|key| key.to_bytes())
                    .map_err(|error| damaged(&error))
            },
            Ok,
        )?;
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

/// The bytes of a key file that has no password. minisign leaves out their
/// checksum, so that the two halves of the key are what is compared.
fn unprotected(text: &str) -> Option<Vec<u8>> {
    let line = text.lines().nth(1)?;
    let bytes = BASE64.decode(line.trim().as_bytes()).ok()?;
    let has_no_kdf = bytes.starts_with(b"Ed\0\0");
    has_no_kdf.then_some(bytes)
}

/// The password of the environment, else one that is asked for.
fn password(path: &Path) -> Result<String, CliError> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "{} is protected by a password; set {PASSWORD}",
            path.display()
        )));
    }
    rpassword::prompt_password(format!("Password of {}: ", path.display()))
        .map_err(|error| CliError::failed(format!("reading the password: {error}")))
}
