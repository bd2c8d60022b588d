//! Signed checkpoints, as they are read back and verified.

use crate::PublicKey;
use crate::checkpoint::{Checkpoint, ED25519, ID_BYTES, is_note_name, note_key_id};
use data_encoding::{BASE64, HEXLOWER};

/// More signature lines than anyone should have to look at.
const MAX_SIGNATURES: usize = 32;

/// A checkpoint and its signatures, which are not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    /// The signed text, with the line end of its last line.
    text: String,
    signatures: Vec<NoteSignature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; ID_BYTES],
    bytes: Vec<u8>,
}

/// Why a text is no signed checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note.
    #[error("not a signed note: a text, an empty line, and lines that begin with an em dash")]
    NotANote,
    /// The text of the note is no checkpoint.
    #[error("not a checkpoint: an origin, a size and a root hash in base64, one a line")]
    NotACheckpoint,
}

/// Why a checkpoint does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointRefusal {
    /// None of the keys is one that it is signed with.
    #[error("none of the given keys has signed it")]
    UnknownKey,
    /// One of the keys is named, and did not sign this.
    #[error("the signature does not verify")]
    BadSignature,
}

/// A public key as `signed-note` writes it: `<name>+<key id>+<key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    /// The name of the log.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

impl Checkpoint {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| is_note_name(origin))?;
        let size = lines.next()?;
        let number: u64 = size.parse().ok()?;
        let root = BASE64.decode(lines.next()?.as_bytes()).ok()?;
        // Lines after these are of extensions, and not empty.
        if number.to_string() != size || lines.any(str::is_empty) {
            return None;
        }
        Some(Self {
            origin: origin.to_owned(),
            size: number,
            root: root.try_into().ok()?,
        })
    }
}

impl SignedCheckpoint {
    /// Reads a signed note that holds a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`]; signatures are not verified.
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        let is_bad = |c: char| c < ' ' && c != '\n';
        if note.contains(is_bad) {
            return Err(CheckpointError::NotANote);
        }
        let end = note.rfind("\n\n").ok_or(CheckpointError::NotANote)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(CheckpointError::NotANote)?;
        let lines: Vec<&str> = lines.split('\n').collect();
        if lines.len() > MAX_SIGNATURES {
            return Err(CheckpointError::NotANote);
        }
        let signatures = lines.into_iter().map(NoteSignature::parse);
        let signatures: Option<Vec<NoteSignature>> = signatures.collect();
        Ok(Self {
            checkpoint: Checkpoint::parse(text).ok_or(CheckpointError::NotACheckpoint)?,
            text: text.to_owned(),
            signatures: signatures.ok_or(CheckpointError::NotANote)?,
        })
    }

    /// What it says, whether or not that is true.
    #[must_use]
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The ids of the keys that it says it is signed with, in hex.
    #[must_use]
    pub fn key_ids(&self) -> Vec<String> {
        let ids = self.signatures.iter();
        ids.map(|signature| HEXLOWER.encode(&signature.key_id))
            .collect()
    }

    /// What it says, if one of the keys has signed it. Signatures of other keys are
    /// ignored; one that names a given key and does not verify spoils the note.
    ///
    /// # Errors
    /// [`CheckpointRefusal`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<&Checkpoint, CheckpointRefusal> {
        let origin = &self.checkpoint.origin;
        let mut is_signed = false;
        for key in keys {
            let id = note_key_id(origin, key);
            let of_key = |one: &&NoteSignature| one.name == *origin && one.key_id == id;
            for signature in self.signatures.iter().filter(of_key) {
                let bytes = signature.bytes.as_slice().try_into();
                let bytes = bytes.map_err(|_| CheckpointRefusal::BadSignature)?;
                if !key.accepts(self.text.as_bytes(), bytes) {
                    return Err(CheckpointRefusal::BadSignature);
                }
                is_signed = true;
            }
        }
        if is_signed {
            Ok(&self.checkpoint)
        } else {
            Err(CheckpointRefusal::UnknownKey)
        }
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
        let signature = BASE64.decode(signature.as_bytes()).ok()?;
        let (key_id, bytes) = signature.split_first_chunk()?;
        (is_note_name(name) && !bytes.is_empty()).then(|| Self {
            name: name.to_owned(),
            key_id: *key_id,
            bytes: bytes.to_vec(),
        })
    }
}

impl NoteKey {
    /// Reads `<name>+<key id>+<key>`; `None` for anything else, also where the id is not
    /// that of the key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = BASE64.decode(key.as_bytes()).ok()?;
        let (&[ED25519], key) = bytes.split_first_chunk()? else {
            return None;
        };
        let key = PublicKey::from_bytes(key.try_into().ok()?).ok()?;
        let of_key = HEXLOWER.encode(&note_key_id(name, &key));
        (is_note_name(name) && of_key == id).then(|| Self {
            name: name.to_owned(),
            key,
        })
    }
}

impl std::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = HEXLOWER.encode(&note_key_id(&self.name, &self.key));
        let key = [&[ED25519], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(&key))
    }
}

#[cfg(test)]
#[cfg(feature = "mint")]
mod tests {
    use super::*;
    use crate::SigningKey;

    /// The key of the documentation of Go's `golang.org/x/mod/sumdb/note`, and its
    /// signature of the text there.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                           then you don't know what your problem is.\n";
    const GO_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32]).expect("a key")
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "shop.example/keywright-audit".to_owned(),
            size: 42,
            root: [7; 32],
        }
    }

    #[test]
    fn the_published_note_of_go_verifies() {
        let key = NoteKey::parse(GO_KEY).expect("a key");
        assert_eq!(key.to_string(), GO_KEY);
        let signature = NoteSignature::parse(GO_LINE).expect("a signature");
        assert_eq!(signature.key_id, note_key_id(&key.name, &key.key));
        let bytes = signature.bytes.as_slice().try_into().expect("64 bytes");
        assert!(key.key.accepts(GO_TEXT.as_bytes(), bytes));
    }

    #[test]
    fn a_signed_checkpoint_verifies_and_has_the_same_bytes_each_time() {
        let note = checkpoint().sign([&key(1)]);
        assert_eq!(note, checkpoint().sign([&key(1)]));
        let signed = SignedCheckpoint::parse(&note).expect("a note");
        assert_eq!(signed.verify(&[key(1).public_key()]), Ok(&checkpoint()));
        let two = [key(2).public_key(), key(1).public_key()];
        assert_eq!(signed.verify(&two), Ok(&checkpoint()));
    }

    #[test]
    fn an_unknown_key_is_no_bad_signature() {
        let note = checkpoint().sign([&key(1)]);
        let refusal = |note: &str, key: &SigningKey| {
            let signed = SignedCheckpoint::parse(note).expect("a note");
            signed.verify(&[key.public_key()]).err()
        };
        assert_eq!(refusal(&note, &key(2)), Some(CheckpointRefusal::UnknownKey));
        for changed in [
            note.replacen("42", "43", 1),
            note.replacen("BwcH", "BwcI", 1),
        ] {
            assert_ne!(changed, note);
            let bad = Some(CheckpointRefusal::BadSignature);
            assert_eq!(refusal(&changed, &key(1)), bad);
        }
        // The id of a key depends on the name: another origin is another key.
        let moved = note.replace("shop.example", "evil.example");
        let unknown = Some(CheckpointRefusal::UnknownKey);
        assert_eq!(refusal(&moved, &key(1)), unknown);
    }

    #[test]
    fn during_a_rotation_either_key_verifies() {
        let note = checkpoint().sign([&key(2), &key(1)]);
        let signed = SignedCheckpoint::parse(&note).expect("a note");
        for byte in [1, 2] {
            assert_eq!(signed.verify(&[key(byte).public_key()]), Ok(&checkpoint()));
        }
        // One good line does not excuse a bad one of a key that is pinned.
        let old = checkpoint().sign([&key(1)]);
        let line = old.lines().last().expect("a line");
        let other = Checkpoint {
            size: 41,
            ..checkpoint()
        }
        .sign([&key(1)]);
        let bad = note.replace(line, other.lines().last().expect("a line"));
        let signed = SignedCheckpoint::parse(&bad).expect("a note");
        let both = [key(2).public_key(), key(1).public_key()];
        assert_eq!(signed.verify(&both), Err(CheckpointRefusal::BadSignature));
    }

    #[test]
    fn other_texts_are_refused() {
        let note = checkpoint().sign([&key(1)]);
        for (changed, expected) in [
            (String::new(), CheckpointError::NotANote),
            (note.replace("\n\n", "\n"), CheckpointError::NotANote),
            (note.trim_end().to_owned(), CheckpointError::NotANote),
            (note.replace('—', "-"), CheckpointError::NotANote),
            (note.replace("42", "4\t2"), CheckpointError::NotANote),
            (
                note.replacen("42", "042", 1),
                CheckpointError::NotACheckpoint,
            ),
            (
                note.replacen("42", "-1", 1),
                CheckpointError::NotACheckpoint,
            ),
            (
                note.replacen("BwcH", "", 1),
                CheckpointError::NotACheckpoint,
            ),
            (
                note.replacen("shop.example", "a shop", 1),
                CheckpointError::NotACheckpoint,
            ),
        ] {
            assert_eq!(
                SignedCheckpoint::parse(&changed),
                Err(expected),
                "{changed}"
            );
        }
        for text in [
            "",
            "name",
            &GO_KEY.replace("c74f", "c74e"),
            &GO_KEY.replace("+AR", "+AB"),
        ] {
            assert_eq!(NoteKey::parse(text), None, "{text}");
        }
    }
}
