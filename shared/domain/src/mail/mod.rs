//! Mail to buyers and to the operator: what is mailed, how it reads, how it is handed to a
//! mail API, and what its answer means.
//!
//! A later kind of mail (a renewal that is due, a payment that failed) is a
//! variant of [`MailKind`] with its lifetime and priority, a variant of
//! [`message::MailContent`] with its phrases, and a fact in the planning of the store.

pub mod answer;
pub mod api;
pub mod encode;
pub mod link;
pub mod message;
mod phrases;
pub mod settings;
pub mod state;
pub mod template;

use sha2::{Digest, Sha256};

/// Mails to one address in an hour that somebody else can cause: those of
/// `POST /v1/recover/mail`, and those of free orders.
pub const PER_ADDRESS_AND_HOUR: i64 = 3;

/// What a mail is about. The text of it is called its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// A license was bought: a link to its key.
    LicenseKey,
    /// The key of a license was replaced: a link to the new one.
    KeyChanged,
    /// A buyer asked for the licenses of an address: a link to them.
    Recovery,
    /// Something needs the operator.
    Attention,
}

impl MailKind {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [
        Self::LicenseKey,
        Self::KeyChanged,
        Self::Attention,
        Self::Recovery,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LicenseKey => "license_key",
            Self::KeyChanged => "key_changed",
            Self::Recovery => "recovery",
            Self::Attention => "attention",
        }
    }

    /// The kind of this word; `None` for one that a newer version wrote.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// For how long the link of such a mail opens its page, in seconds; `None` for one
    /// without a link. A buyer opens the mail of a purchase weeks later.
    #[must_use]
    pub const fn link_seconds(self) -> Option<i64> {
        match self {
            Self::LicenseKey | Self::KeyChanged => Some(30 * 86_400),
            Self::Recovery => Some(2 * 3_600),
            Self::Attention => None,
        }
    }

    /// The share of the daily cap that such mails may take: strangers and faults can cause
    /// the other two, and must leave room for keys.
    #[must_use]
    pub fn daily_share(self, per_day: i64) -> i64 {
        match self {
            Self::LicenseKey | Self::KeyChanged => per_day,
            Self::Recovery => (per_day / 3).max(1),
            Self::Attention => (per_day / 10).max(1),
        }
    }
}

/// The share of the daily cap for keys that cost nothing: anybody can order them in any
/// name, and must leave room for keys that were paid.
#[must_use]
pub fn free_share(per_day: i64) -> i64 {
    (per_day / 2).max(1)
}

/// The id of the mail about this fact to this recipient: always the same, so that it is
/// recorded once, and so that a mail API that knows the id does not send it again, not even
/// for a database that came back from a backup.
#[must_use]
pub fn mail_id(fact: &str, recipient: &str, kind: MailKind) -> String {
    let mut hash = Sha256::new();
    for part in ["keywright mail", fact, recipient, kind.as_str()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_one_fact_to_one_recipient_in_one_template() {
        let id = |fact, to| mail_id(fact, to, MailKind::LicenseKey);
        assert_eq!(id("a", "b@x"), id("a", "b@x"));
        assert_eq!(id("a", "b@x").len(), 36);
        for other in [
            id("ab", "@x"),
            id("a", "c@x"),
            mail_id("a", "b@x", MailKind::Recovery),
        ] {
            assert_ne!(other, id("a", "b@x"));
        }
    }

    #[test]
    fn kinds_have_a_word_and_leave_room_for_keys() {
        for kind in MailKind::ALL {
            assert_eq!(MailKind::parse(kind.as_str()), Some(kind));
            assert!(kind.daily_share(1) == 1);
        }
        assert_eq!(MailKind::parse("renewal_due"), None);
        assert_eq!(MailKind::Recovery.daily_share(500), 166);
        assert_eq!(MailKind::Attention.daily_share(500), 50);
    }
}
