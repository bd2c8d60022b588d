//! Signed checkpoints of a log: `tlog-checkpoint` in a signed note, both of C2SP.
//!
//! ```text
//! shop.example/keywright-audit
//! 42
//! PGPQtvV/…=
//!
//! — shop.example/keywright-audit zJ8fbA…=
//! ```

use crate::PublicKey;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// The byte that stands for Ed25519 in a key id.
pub(crate) const ED25519: u8 = 1;
/// Bytes of a key id.
pub(crate) const ID_BYTES: usize = 4;

/// What a checkpoint says: the head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log, also the name of its keys.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root hash of the tree over them.
    pub root: [u8; 32],
}

/// True for a name that a note can carry: not empty, without white space and `+`.
#[must_use]
pub fn is_note_name(name: &str) -> bool {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(is_bad)
}

/// The id of a key in the notes of a log of this name.
#[must_use]
pub fn note_key_id(name: &str, key: &PublicKey) -> [u8; ID_BYTES] {
    let digest = Sha256::new()
        .chain_update(name.as_bytes())
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize();
    std::array::from_fn(|at| digest[at])
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { origin, size, root } = self;
        format!("{origin}\n{size}\n{}\n", BASE64.encode(root))
    }

    /// The signed note: this checkpoint signed with each of the keys, under its origin.
    #[cfg(feature = "mint")]
    #[must_use]
    pub fn sign<'a>(&self, keys: impl IntoIterator<Item = &'a crate::SigningKey>) -> String {
        use std::fmt::Write;

        let mut note = self.text();
        note.push('\n');
        for key in keys {
            let id = note_key_id(&self.origin, &key.public_key());
            let signature = [&id[..], &key.sign(self.text().as_bytes())].concat();
            // Writing to a text does not fail.
            let _ = writeln!(note, "— {} {}", self.origin, BASE64.encode(&signature));
        }
        note
    }
}
