//! The public release key: what a file is checked with.

use crate::error::CliError;
use crate::input;
use ed25519_dalek::{Signature, StreamVerifier, VerifyingKey};
use keywright_domain::release::release_key::key_packet;
use keywright_domain::release::signature::DetachedSignature;
use keywright_license::PublicKey;
use std::path::Path;

/// A public release key, with the id that its signatures name.
#[derive(Debug, Clone)]
pub(crate) struct ReleaseKey {
    id: [u8; 8],
    key: PublicKey,
}

/// Bytes before the key: algorithm and id.
const HEAD: usize = 2 + 8;

impl ReleaseKey {
    pub(crate) fn new(id: [u8; 8], key: PublicKey) -> Self {
        Self { id, key }
    }

    /// Reads a key: a file of minisign or Tauri, or the key itself.
    pub(crate) fn read(given: &str) -> Result<Self, CliError> {
        let given = input::clean(given);
        if let Some(key) = Self::parse(given) {
            return Ok(key);
        }
        let text = input::read_text(Path::new(given)).map_err(|error| {
            CliError::usage(format!(
                "--public-key must be a public key of minisign or Tauri, or a file with one ({error})"
            ))
        })?;
        Self::parse(&text).ok_or_else(|| {
            CliError::usage(format!("--public-key {given}: not a minisign public key"))
        })
    }

    /// `Ed`, 8 bytes of id and 32 of key.
    fn parse(text: &str) -> Option<Self> {
        let bytes = key_packet(text, HEAD + 32)?;
        let bytes: [u8; HEAD + 32] = bytes.try_into().ok()?;
        Some(Self {
            id: std::array::from_fn(|at| bytes[2 + at]),
            key: PublicKey::from_bytes(std::array::from_fn(|at| bytes[HEAD + at])).ok()?,
        })
    }

    /// The line of a key file that is the key.
    pub(crate) fn line(&self) -> String {
        let bytes = [b"Ed", self.id.as_slice(), self.key.as_bytes()].concat();
        data_encoding::BASE64.encode(&bytes)
    }

    /// The key alone, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.key.to_pem()
    }

    /// The id as minisign shows it.
    pub(crate) fn shown_id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.id))
    }

    /// Verifies the global signature, which covers the statement.
    pub(crate) fn check_statement(&self, signature: &DetachedSignature) -> Result<(), CliError> {
        if signature.key_id != self.id {
            return Err(CliError::not_genuine(format!(
                "the signature was made with key {:016X}, not with {}",
                u64::from_le_bytes(signature.key_id),
                self.shown_id()
            )));
        }
        let signed =
            DetachedSignature::globally_signed(&signature.signature, &signature.trusted_comment);
        if self.key.accepts(&signed, &signature.global_signature) {
            Ok(())
        } else {
            Err(CliError::not_genuine(
                "the signature of the statement does not verify: the statement was changed",
            ))
        }
    }

    /// Checks the signature of a file whose bytes come in pieces.
    pub(crate) fn check_bytes(
        &self,
        signature: &DetachedSignature,
    ) -> Result<FileVerification, CliError> {
        let refused = |_| CliError::not_genuine("the file's signature is not an Ed25519 signature");
        // A key of small order, which could accept anything, was refused when
        // it was read.
        let key = VerifyingKey::from_bytes(self.key.as_bytes()).map_err(refused)?;
        let signature = Signature::from_bytes(&signature.signature);
        key.verify_stream(&signature)
            .map(FileVerification)
            .map_err(refused)
    }
}

/// A file's signature that is being verified.
pub(crate) struct FileVerification(StreamVerifier);

impl FileVerification {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.0.finalize_and_verify().map_err(|_| {
            CliError::not_genuine(
                "the signature does not verify: the file is not the one that was signed",
            )
        })
    }
}
