//! The bytes of a leaf: the members of an audit entry as they are stored, each with its
//! length before it, so that no two entries have the same bytes. What may have to be
//! erased, an entry's before and after, is in the leaf as a salted digest only.
//!
//! The first field is the version of the layout. A later layout gets another version;
//! leaves of this one are made from the same stored members forever.

use super::tree::{Hash, leaf_hash, read_hash};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The layout of new leaves.
pub const VERSION: i64 = 1;

/// Says what is hashed, and in which layout.
const LEAF_LABEL: &str = "keywright audit leaf 1";
/// The same for what can be erased.
const CONTENT_LABEL: &str = "keywright audit content 1";

/// Members of `before` and `after` that can say who a buyer is, or what a buyer wrote.
pub const PERSONAL_MEMBERS: [&str; 5] =
    ["buyer_email", "buyer_note", "note", "network", "hostname"];

/// An audit entry, exactly as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// Rises from entry to entry; given by the database.
    pub sequence: i64,
    /// UUID.
    pub id: String,
    /// Unix seconds.
    pub at: i64,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub object_kind: String,
    /// Id of the object.
    pub object_id: String,
    /// Id of the request.
    pub request_id: String,
    /// The object before: the stored text of a JSON object.
    pub before: Option<String>,
    /// The object after: the stored text of a JSON object.
    pub after: Option<String>,
    /// 16 random bytes in hex; `None` once the content is erased.
    pub salt: Option<String>,
    /// The digest of the content, in hex, once it is erased.
    pub content_digest: Option<String>,
}

impl StoredEntry {
    /// True when its content was erased, with a record or without one.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        self.content_digest.is_some()
    }

    /// The digest of what can be erased: computed from it while it is there. `None` for an
    /// entry that has neither, or both.
    #[must_use]
    pub fn digest(&self) -> Option<Hash> {
        match (&self.salt, &self.content_digest) {
            (Some(salt), None) => {
                let salt = HEXLOWER.decode(salt.as_bytes()).ok()?;
                Some(content_digest(
                    &salt,
                    self.before.as_deref(),
                    self.after.as_deref(),
                ))
            }
            (None, Some(digest)) if self.before.is_none() && self.after.is_none() => {
                read_hash(digest)
            }
            _ => None,
        }
    }

    /// The bytes of its leaf; `None` where the entry has no digest, or for an unknown
    /// version.
    #[must_use]
    pub fn leaf(&self, version: i64) -> Option<Vec<u8>> {
        let digest = self.digest().filter(|_| version == VERSION)?;
        let mut bytes = Vec::new();
        for field in [
            LEAF_LABEL.as_bytes(),
            self.sequence.to_string().as_bytes(),
            self.id.as_bytes(),
            self.at.to_string().as_bytes(),
            self.actor.as_bytes(),
            self.action.as_bytes(),
            self.object_kind.as_bytes(),
            self.object_id.as_bytes(),
            self.request_id.as_bytes(),
            &digest,
        ] {
            frame(&mut bytes, field);
        }
        Some(bytes)
    }

    /// The hash of its leaf.
    #[must_use]
    pub fn leaf_hash(&self, version: i64) -> Option<Hash> {
        self.leaf(version).map(|bytes| leaf_hash(&bytes))
    }

    /// This entry without what can be erased; `None` where it has no digest.
    #[must_use]
    pub fn without_content(self) -> Option<Self> {
        let digest = self.digest()?;
        Some(Self {
            before: None,
            after: None,
            salt: None,
            content_digest: Some(HEXLOWER.encode(&digest)),
            ..self
        })
    }
}

fn content_digest(salt: &[u8], before: Option<&str>, after: Option<&str>) -> Hash {
    let mut bytes = Vec::new();
    frame(&mut bytes, CONTENT_LABEL.as_bytes());
    frame(&mut bytes, salt);
    for state in [before, after] {
        // An absent object is not an empty text.
        bytes.push(u8::from(state.is_some()));
        frame(&mut bytes, state.unwrap_or_default().as_bytes());
    }
    Sha256::digest(&bytes).into()
}

/// Appends a field, with its length in 8 bytes before it.
fn frame(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u64).to_be_bytes());
    bytes.extend(field);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::audit_log) fn entry(sequence: i64) -> StoredEntry {
        StoredEntry {
            sequence,
            id: format!("019b0000-0000-7000-8000-{sequence:012}"),
            at: 1_800_000_000 + sequence,
            actor: "operator".to_owned(),
            action: "license.change".to_owned(),
            object_kind: "license".to_owned(),
            object_id: "l1".to_owned(),
            request_id: "r".to_owned(),
            before: Some(r#"{"buyer_email":null}"#.to_owned()),
            after: Some(r#"{"buyer_email":"ana@example.com"}"#.to_owned()),
            salt: Some(format!("{sequence:032x}")),
            content_digest: None,
        }
    }

    #[test]
    fn a_leaf_of_this_layout_never_changes() {
        // Computed by another program from the description in docs/audit.md.
        let hash = entry(1).leaf_hash(1).expect("a leaf");
        assert_eq!(
            HEXLOWER.encode(&hash),
            "696397482aad1a2c02bd766ef2172e6b20a240cae7cc513a52fee308247328db"
        );
        assert_eq!(entry(1).leaf_hash(0), None);
        assert_eq!(entry(1).leaf_hash(2), None);
    }

    #[test]
    fn fields_are_framed() {
        let with = |kind: &str, id: &str| {
            let (object_kind, object_id) = (kind.to_owned(), id.to_owned());
            StoredEntry {
                object_kind,
                object_id,
                ..entry(1)
            }
            .leaf_hash(1)
        };
        assert_ne!(with("x", "12"), with("x1", "2"));
        assert_ne!(with("x", ""), with("", "x"));
        let states = |before: Option<&str>, after: Option<&str>| {
            let [before, after] = [before, after].map(|state| state.map(str::to_owned));
            StoredEntry {
                before,
                after,
                ..entry(1)
            }
            .leaf_hash(1)
        };
        assert_ne!(states(Some("{}"), None), states(None, Some("{}")));
        assert_ne!(states(Some(""), None), states(None, None));
        assert_ne!(states(Some("a"), Some("bc")), states(Some("ab"), Some("c")));
    }

    #[test]
    fn an_erased_entry_keeps_its_leaf() {
        let erased = entry(1).without_content().expect("an entry");
        assert!(erased.is_erased());
        assert_eq!(erased.leaf_hash(1), entry(1).leaf_hash(1));
        assert_eq!(erased.clone().without_content(), Some(erased.clone()));
        // Nobody finds out by trial what it said: the salt is gone.
        assert_eq!(erased.salt, None);
        for damaged in [
            StoredEntry {
                salt: None,
                ..entry(1)
            },
            StoredEntry {
                content_digest: erased.content_digest.clone(),
                ..entry(1)
            },
            StoredEntry {
                after: Some("{}".to_owned()),
                ..erased.clone()
            },
            StoredEntry {
                content_digest: Some("zz".to_owned()),
                ..erased
            },
        ] {
            assert_eq!(damaged.leaf_hash(1), None, "{damaged:?}");
        }
    }

    proptest! {
        #[test]
        fn every_member_is_in_the_leaf(member in 0_usize..11, text in "[a-z0-9]{1,9}") {
            let mut changed = entry(1);
            let number = changed.at + i64::try_from(text.len()).expect("a length");
            match member {
                0 => changed.sequence = number,
                1 => changed.id.push_str(&text),
                2 => changed.at = number,
                3 => changed.actor.push_str(&text),
                4 => changed.action.push_str(&text),
                5 => changed.object_kind.push_str(&text),
                6 => changed.object_id.push_str(&text),
                7 => changed.request_id.push_str(&text),
                8 => changed.before = Some(text),
                9 => changed.after = None,
                _ => changed.salt = Some("00".repeat(16)),
            }
            prop_assert_ne!(changed.leaf_hash(1), entry(1).leaf_hash(1));
        }
    }
}
