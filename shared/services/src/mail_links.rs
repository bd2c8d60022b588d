//! The secrets of links in mails. They are derived from a key of the configuration and the
//! mail's id, so that none stands in the database: only `deliver`, which sends them, has
//! the key.

use hmac::{Hmac, KeyInit, Mac};
use keywright_domain::mail::link::MailLink;
use sha2::Sha256;

/// The link of the mail with this id. `None` for no key that HMAC takes, which is none of
/// 32 bytes.
#[must_use]
pub fn link_of(key: &[u8; 32], mail_id: &str) -> Option<MailLink> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"keywright mail link 1\0");
    mac.update(mail_id.as_bytes());
    Some(MailLink::from_bytes(mac.finalize().into_bytes().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_of_one_key_and_one_mail() {
        let link = |key, id| link_of(&[key; 32], id).expect("a link");
        assert_eq!(link(1, "a"), link(1, "a"));
        assert_ne!(link(1, "a"), link(2, "a"));
        assert_ne!(link(1, "a"), link(1, "b"));
    }
}
