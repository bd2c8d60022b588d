//! Addresses: 20 bytes, shown with the checksum of EIP-55.

use super::hash::keccak256;
use super::hex::{self, PastedHexError};
use std::fmt;
use std::str::FromStr;

/// An address. Its text is `0x` and 40 digits, of which the letters carry a
/// checksum by their case (EIP-55).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `0x` and 40 digits.
    #[error("the address must be 0x and 40 hexadecimal digits")]
    Form,
    /// Upper and lower case that is not the checksum of EIP-55.
    #[error("the address has a typing mistake: upper and lower case do not fit (EIP-55)")]
    Checksum,
}

/// Text that somebody pasted for an address. The text follows the member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PastedAddressError {
    /// Not `0x` and 40 digits.
    #[error(transparent)]
    Form(#[from] PastedHexError),
    /// Upper and lower case that is not the checksum of EIP-55.
    #[error("has a typing mistake: its capital and small letters do not fit (EIP-55)")]
    Checksum,
}

impl Address {
    /// The address of nobody, from which tokens are minted.
    pub const ZERO: Self = Self([0; 20]);

    /// An address from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Reads an address that somebody pasted.
    ///
    /// # Errors
    /// [`PastedAddressError`] names the likely cause.
    pub fn pasted(text: &str) -> Result<Self, PastedAddressError> {
        let clean = hex::pasted(text, 40)?;
        clean.parse().map_err(|_| PastedAddressError::Checksum)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The form in which the database keeps it: all lower case, all zeros kept.
    #[must_use]
    pub fn lower(&self) -> String {
        hex::encode(&self.0)
    }

    /// As a 32-byte word of the chain: zeros before it.
    #[must_use]
    pub fn to_word(&self) -> [u8; 32] {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&self.0);
        word
    }

    /// Reads a 32-byte word; `None` when anything but zeros stands before it.
    #[must_use]
    pub fn from_word(word: &[u8; 32]) -> Option<Self> {
        let (zeros, address) = word.split_first_chunk::<12>()?;
        if zeros != &[0; 12] {
            return None;
        }
        address.try_into().ok().map(Self)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `0x` and 40 digits. All lower case and all upper case carry no
    /// checksum and are accepted; mixed case must be right.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = hex::fixed(text).map(Self).ok_or(AddressError::Form)?;
        let digits = &text[2..];
        let mixed = digits.bytes().any(|b| b.is_ascii_lowercase())
            && digits.bytes().any(|b| b.is_ascii_uppercase());
        if mixed && address.to_string() != text {
            return Err(AddressError::Checksum);
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lower = self.lower();
        let digits = &lower[2..];
        let hash = keccak256(digits.as_bytes());
        f.write_str("0x")?;
        for (at, digit) in digits.chars().enumerate() {
            let nibble = (hash[at / 2] >> (4 * (1 - at % 2))) & 0x0f;
            let shown = if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of EIP-55.
    const CHECKSUMMED: [&str; 8] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
    ];

    #[test]
    fn the_examples_of_eip_55_are_read_and_shown() {
        for text in CHECKSUMMED {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
            assert_eq!(address.lower(), text.to_lowercase());
            assert_eq!(address.lower().parse(), Ok(address));
            let upper = format!("0x{}", text[2..].to_uppercase());
            assert_eq!(upper.parse(), Ok(address));
        }
    }

    #[test]
    fn wrong_case_and_wrong_forms_are_refused() {
        let good = CHECKSUMMED[0];
        let one_wrong = good.replace("0x5aA", "0x5AA");
        assert_eq!(one_wrong.parse::<Address>(), Err(AddressError::Checksum));
        for text in [
            "",
            "0x",
            &good[2..],
            &good[..41],
            &format!("{good}0"),
            &format!(" {good}"),
            &format!("{good}\n"),
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
            "0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "alice.eth",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError::Form), "{text:?}");
        }
    }

    #[test]
    fn zeros_at_the_front_stay() {
        let text = "0x00000000000000000000000000000000000aabbc";
        let address: Address = text.parse().expect("an address");
        assert_eq!(address.lower(), text);
        assert_eq!(Address::from_word(&address.to_word()), Some(address));
    }

    #[test]
    fn a_word_with_more_than_an_address_is_none() {
        for at in 0..12 {
            let mut word = [0; 32];
            word[at] = 1;
            assert_eq!(Address::from_word(&word), None, "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn every_address_reads_back(bytes: [u8; 20]) {
            let address = Address::from_bytes(bytes);
            prop_assert_eq!(address.to_string().parse(), Ok(address));
            prop_assert_eq!(address.lower().parse(), Ok(address));
            prop_assert_eq!(Address::from_word(&address.to_word()), Some(address));
        }
    }
}
