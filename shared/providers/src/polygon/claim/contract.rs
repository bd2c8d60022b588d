//! Asking a contract wallet (EIP-1271).

use super::signature::Signature;

/// The first four bytes of the hash of `isValidSignature(bytes32,bytes)`: what
/// calls the method, and what it answers for yes.
const MAGIC: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// The data of the call `isValidSignature(digest, signature)`, in the contract
/// ABI: the digest, where the signature begins, its length, and its bytes
/// filled up to whole words.
#[must_use]
pub fn question(digest: &[u8; 32], signature: &Signature) -> Vec<u8> {
    let signature = signature.as_bytes();
    let mut data = MAGIC.to_vec();
    data.extend(digest);
    data.extend(word(64));
    data.extend(word(signature.len()));
    data.extend(signature);
    let missing = signature.len().next_multiple_of(32) - signature.len();
    data.extend(std::iter::repeat_n(0, missing));
    data
}

/// Whether a contract's answer is yes: one word, the magic bytes before zeros.
/// An address without a contract answers nothing, which is no.
#[must_use]
pub fn accepted(answer: &[u8]) -> bool {
    let mut yes = [0; 32];
    yes[..4].copy_from_slice(&MAGIC);
    answer == yes
}

fn word(number: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&(number as u64).to_be_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygon::{hex, keccak256};

    #[test]
    fn the_question_is_what_a_compiler_would_write() {
        let signature: Signature = format!("0x{}", "ab".repeat(65)).parse().expect("one");
        let zeros = |digits: usize| "0".repeat(digits);
        assert_eq!(
            hex::encode(&question(&[0x11; 32], &signature)),
            format!(
                "0x1626ba7e{}{}40{}41{}{}",
                "11".repeat(32),
                zeros(62),
                zeros(62),
                "ab".repeat(65),
                zeros(62)
            )
        );
        assert_eq!(MAGIC, keccak256(b"isValidSignature(bytes32,bytes)")[..4]);
        let whole: Signature = format!("0x{}", "ab".repeat(64)).parse().expect("one");
        assert_eq!(question(&[0; 32], &whole).len(), 4 + 32 * 3 + 64);
    }

    #[test]
    fn only_the_magic_word_is_a_yes() {
        let mut yes = [0; 32];
        yes[..4].copy_from_slice(&MAGIC);
        assert!(accepted(&yes));
        let one = {
            let mut one = [0; 32];
            one[31] = 1;
            one
        };
        let mut longer = yes.to_vec();
        longer.extend([0; 32]);
        let mut dirty = yes;
        dirty[31] = 1;
        for no in [
            &[][..],
            &MAGIC,
            &[0; 32],
            &one,
            &[0xff; 32],
            &longer,
            &dirty,
        ] {
            assert!(!accepted(no), "{no:?}");
        }
    }
}
