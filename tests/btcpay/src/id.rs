//! Identifiers as `BTCPay` makes them: base58 of sixteen random bytes.

use std::hash::{BuildHasher, RandomState};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A source of identifiers that differ within a run and between runs.
///
/// They need not be unguessable, only distinct and of the right form, so a
/// hashed counter with a per-process random seed serves.
#[derive(Debug)]
pub(crate) struct IdSource {
    seed: u64,
    count: u64,
}

impl IdSource {
    pub(crate) fn new() -> Self {
        Self {
            // The standard library seeds each `RandomState` from the system.
            seed: RandomState::new().hash_one("btcpay-double"),
            count: 0,
        }
    }

    /// 32 fresh bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        self.count += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.count.to_be_bytes());
        hash.finalize().into()
    }

    /// An invoice, webhook or delivery id: about 22 base58 characters.
    pub(crate) fn short(&mut self) -> String {
        base58(&self.bytes()[..16])
    }

    /// A transaction id or payment hash: 64 hexadecimal characters.
    pub(crate) fn hash(&mut self) -> String {
        HEXLOWER.encode(&self.bytes())
    }
}

/// Bitcoin's base58 without a checksum; a leading zero byte becomes `1`.
pub(crate) fn base58(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    // Digits of the number, least significant first.
    let mut digits: Vec<u8> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = u8::try_from(carry % 58).unwrap_or_default();
            carry /= 58;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 58).unwrap_or_default());
            carry /= 58;
        }
    }
    std::iter::repeat_n(0, zeros)
        .chain(digits.into_iter().rev())
        .map(|digit| char::from(BASE58[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{IdSource, base58};

    #[test]
    fn base58_follows_bitcoin() {
        // The vectors of draft-msporny-base58.
        assert_eq!(base58(b"Hello World!"), "2NEpo7TZRRrLZSi2U");
        assert_eq!(base58(&[0, 0, 0x28, 0x7f, 0xb4, 0xcd]), "11233QC4");
    }

    #[test]
    fn ids_have_the_form_of_btcpays() {
        let mut ids = IdSource::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let id = ids.short();
            assert!((20..=22).contains(&id.len()), "{id}");
            assert!(!id.contains(['0', 'O', 'I', 'l']), "{id}");
            assert!(seen.insert(id));
        }
    }
}
