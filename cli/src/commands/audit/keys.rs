//! The public keys that a checkpoint must be signed with, as the user pins them.

use crate::error::CliError;
use crate::input;
use keywright_license::{Checkpoint, CheckpointRefusal, NoteKey, PublicKey, SignedCheckpoint};
use std::path::Path;

/// Pinned keys, and the name of the log where a key names it.
#[derive(Debug, Default)]
pub(super) struct PinnedKeys {
    keys: Vec<PublicKey>,
    origin: Option<String>,
}

impl PinnedKeys {
    /// Reads keys: each is one in base64, hex or PEM, `name+id+key` of a signed note, or a
    /// file with one of these.
    pub(super) fn read(given: &[String]) -> Result<Self, CliError> {
        let mut pinned = Self::default();
        for text in given {
            let text = input::clean(text);
            if !pinned.add(text)? {
                let wrong = || {
                    CliError::usage(format!(
                        "--key {text} must be the public key that keywright keygen seal printed, or a file with it"
                    ))
                };
                let file = input::read_text(Path::new(text)).map_err(|_| wrong())?;
                if !pinned.add(input::clean(&file))? {
                    return Err(wrong());
                }
            }
        }
        if pinned.keys.is_empty() {
            return Err(CliError::usage(
                "--key (or KEYWRIGHT_SEAL_PUBLIC_KEY) is required: the public key that keywright keygen seal printed",
            ));
        }
        Ok(pinned)
    }

    /// Adds a key; false for a text that is none.
    fn add(&mut self, text: &str) -> Result<bool, CliError> {
        if let Some(key) = NoteKey::parse(text) {
            if self
                .origin
                .as_ref()
                .is_some_and(|origin| *origin != key.name)
            {
                return Err(CliError::usage("the keys are of logs with different names"));
            }
            self.origin = Some(key.name);
            self.keys.push(key.key);
            return Ok(true);
        }
        let key = text.parse();
        self.keys.extend(key.as_ref().ok());
        Ok(key.is_ok())
    }

    /// What the note says, if one of the keys has signed it.
    pub(super) fn check<'a>(
        &self,
        note: &'a SignedCheckpoint,
    ) -> Result<&'a Checkpoint, CheckpointRefusal> {
        note.verify(&self.keys)
    }

    /// Whether a log may have this name.
    pub(super) fn allow(&self, origin: &str) -> bool {
        self.origin.as_ref().is_none_or(|pinned| pinned == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_license::SigningKey;

    #[test]
    fn a_key_is_taken_in_every_form() {
        let key = SigningKey::from_bytes(&[1; 32])
            .expect("a key")
            .public_key();
        let note_key = NoteKey {
            name: "shop.example/keywright-audit".to_owned(),
            key,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("seal.pub");
        std::fs::write(&file, format!("{}\r\n", key.to_base64())).expect("a file");
        for text in [
            key.to_base64(),
            format!(" {}\n", key.to_hex()),
            key.to_pem(),
            note_key.to_string(),
            file.display().to_string(),
        ] {
            let pinned = PinnedKeys::read(std::slice::from_ref(&text)).expect("a key");
            assert_eq!(pinned.keys, [key], "{text}");
            assert!(pinned.allow("shop.example/keywright-audit"));
            assert_eq!(
                pinned.allow("other"),
                !text.contains('+') || pinned.origin.is_none()
            );
        }
        for wrong in [vec![], vec![String::new()], vec!["no such file".to_owned()]] {
            assert!(PinnedKeys::read(&wrong).is_err(), "{wrong:?}");
        }
    }
}
