//! The vendor's public release keys, in the form of `minisign`, and whether one
//! of them has signed what is stated about a file.

use super::signature::DetachedSignature;
use data_encoding::BASE64;
use std::fmt;
use std::str::FromStr;

/// Most release keys of one product: rotation needs two, and a vendor may have
/// one for each team.
pub const MAX_RELEASE_KEYS: usize = 8;

/// A public key as the second line of a `.pub` file of minisign: base64 of `Ed`,
/// 8 bytes of id and the 32 bytes of an Ed25519 key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseKey {
    /// The id that signatures name.
    pub id: [u8; 8],
    /// The Ed25519 key. Whether it is a good one is for whoever verifies.
    pub bytes: [u8; 32],
}

/// Text that is not a [`ReleaseKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a public key of minisign: 56 characters that begin with RW")]
pub struct NotAReleaseKey;

/// Algorithm and id in front of the key, in bytes.
const HEAD: usize = 2 + 8;

impl FromStr for ReleaseKey {
    type Err = NotAReleaseKey;

    /// Reads the key itself, or a whole `.pub` file of minisign or Tauri.
    fn from_str(text: &str) -> Result<Self, NotAReleaseKey> {
        let bytes = key_packet(text, HEAD + 32).ok_or(NotAReleaseKey)?;
        let bytes: [u8; HEAD + 32] = bytes.try_into().map_err(|_| NotAReleaseKey)?;
        Ok(Self {
            id: std::array::from_fn(|at| bytes[2 + at]),
            bytes: std::array::from_fn(|at| bytes[HEAD + at]),
        })
    }
}

/// The packet of `length` bytes in the text of a key: its base64 line alone, a file of
/// minisign, or such a file in base64 as `tauri signer generate` writes it. Line breaks may
/// be written as `\\n`, as in an environment variable.
#[must_use]
pub fn key_packet(text: &str, length: usize) -> Option<Vec<u8>> {
    let text = text.replace("\\n", "\n").replace("\\r", "");
    packet_in(&text, length).or_else(|| {
        let whole: String = words(&text).collect();
        let file = String::from_utf8(BASE64.decode(whole.as_bytes()).ok()?).ok()?;
        packet_in(&file, length)
    })
}

fn packet_in(text: &str, length: usize) -> Option<Vec<u8>> {
    let packets = words(text).filter_map(|word| BASE64.decode(word.as_bytes()).ok());
    let is_key = |packet: &Vec<u8>| packet.len() == length && packet.starts_with(b"Ed");
    packets.into_iter().find(is_key)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let outside = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{feff}');
    text.split(outside).filter(|word| !word.is_empty())
}

impl fmt::Display for ReleaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [b"Ed", self.id.as_slice(), &self.bytes].concat();
        f.write_str(&BASE64.encode(&bytes))
    }
}

impl TryFrom<String> for ReleaseKey {
    type Error = NotAReleaseKey;

    fn try_from(text: String) -> Result<Self, NotAReleaseKey> {
        text.parse()
    }
}

impl From<ReleaseKey> for String {
    fn from(key: ReleaseKey) -> Self {
        key.to_string()
    }
}

/// A key id as minisign shows it.
#[must_use]
pub fn shown_id(id: [u8; 8]) -> String {
    format!("{:016X}", u64::from_le_bytes(id))
}

/// Why none of a product's release keys stands behind a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It names another key.
    #[error("the signature was made with the key {made_with}; the release keys are {keys}")]
    OtherKey {
        /// Id of that key.
        made_with: String,
        /// Ids of the product's keys.
        keys: String,
    },
    /// It names one of the keys, and was not made with it.
    #[error("the signature does not verify under the release key {key}")]
    Forged {
        /// Id of the key.
        key: String,
    },
}

/// The key that signed the statement of a signature: the global signature, which
/// binds the statement and the signature of the file. `accepts` is whether a key
/// made an Ed25519 signature over exactly a message, by the strict rule.
///
/// # Errors
/// [`Untrusted`].
pub fn signed_by<'a>(
    keys: &'a [ReleaseKey],
    signature: &DetachedSignature,
    accepts: impl Fn(&ReleaseKey, &[u8], &[u8; 64]) -> bool,
) -> Result<&'a ReleaseKey, Untrusted> {
    let stated =
        DetachedSignature::globally_signed(&signature.signature, &signature.trusted_comment);
    let mut named = keys.iter().filter(|key| key.id == signature.key_id);
    let made_with = shown_id(signature.key_id);
    if named.clone().next().is_none() {
        let keys: Vec<String> = keys.iter().map(|key| shown_id(key.id)).collect();
        return Err(Untrusted::OtherKey {
            made_with,
            keys: keys.join(", "),
        });
    }
    named
        .find(|key| accepts(key, &stated, &signature.global_signature))
        .ok_or(Untrusted::Forged { key: made_with })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of minisign's own documentation.
    const LINE: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn a_key_is_read_from_its_line_and_from_its_file() {
        let key: ReleaseKey = LINE.parse().expect("a key");
        assert_eq!(key.to_string(), LINE);
        assert_eq!(shown_id(key.id), "E7620F1842B4E81F");
        for text in [
            format!(" {LINE}\n"),
            format!("untrusted comment: minisign public key E7620F1842B4E81F\n{LINE}\n"),
            format!("untrusted comment: x\r\n{LINE}\r\n"),
            format!("\u{feff}\"{LINE}\"\r\n"),
            format!("untrusted comment: x\\n{LINE}\\n"),
            // As Tauri writes it, and as a mail client breaks it.
            BASE64.encode(format!("untrusted comment: x\n{LINE}\n").as_bytes()),
            "dW50cnVzdGVkIGNvbW1lbnQ6IG1pbmlzaWduIHB1YmxpYyBrZXkKUldRZjZMUkNHQTlpNTNtbFllY080
             SXpUNTFUR1Bwdld1Y05TQ2gxQ0JNMFFUYUxuNzNZN0dGTzMK"
                .to_owned(),
        ] {
            assert_eq!(text.parse(), Ok(key), "{text:?}");
        }
        for text in [
            "",
            "untrusted comment: x",
            &LINE[1..],
            &LINE[..55],
            &LINE.replacen("RWQ", "RUQ", 1),
            &BASE64.encode(&[0; 32]),
        ] {
            assert_eq!(text.parse::<ReleaseKey>(), Err(NotAReleaseKey), "{text:?}");
        }
    }

    #[test]
    fn a_signature_is_of_the_key_that_it_names() {
        let key = |id: u8, bytes: u8| ReleaseKey {
            id: [id; 8],
            bytes: [bytes; 32],
        };
        let signature = DetachedSignature {
            key_id: [1; 8],
            signature: [7; 64],
            trusted_comment: "said".to_owned(),
            global_signature: [9; 64],
        };
        // A key accepts when its bytes are 2, and what is signed is all of it.
        let accepts = |key: &ReleaseKey, message: &[u8], signature: &[u8; 64]| {
            assert_eq!(message, [&[7; 64], b"said".as_slice()].concat());
            assert_eq!(signature, &[9; 64]);
            key.bytes == [2; 32]
        };
        let found = |keys: &[ReleaseKey]| signed_by(keys, &signature, accepts).copied();
        assert_eq!(found(&[key(1, 2)]), Ok(key(1, 2)));
        // Two keys of one id, and the good one among others.
        assert_eq!(found(&[key(3, 2), key(1, 5), key(1, 2)]), Ok(key(1, 2)));
        let forged = Untrusted::Forged {
            key: "0101010101010101".to_owned(),
        };
        assert_eq!(found(&[key(1, 5), key(3, 2)]), Err(forged));
        for keys in [&[][..], &[key(3, 2)], &[key(3, 2), key(4, 2)]] {
            let refused = found(keys).expect_err("no such key");
            assert!(matches!(refused, Untrusted::OtherKey { .. }), "{refused}");
        }
    }
}
