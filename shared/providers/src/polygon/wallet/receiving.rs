//! The addresses that orders are paid to.

use super::super::{Address, PublicKey};
use super::HARDENED;
use super::extended::{ExtendedPublicKey, KeyError, child};
use std::fmt;
use std::str::FromStr;

/// What addresses of orders are derived from: `m/44'/60'/0'/0`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivingKey {
    key: PublicKey,
    chain_code: [u8; 32],
}

/// A number that has no address for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Number 0 is the address that the vendor's wallet shows as its own.
    #[error("number 0 is the wallet's own address; orders count from 1")]
    Wallet,
    /// Only a private key derives it.
    #[error("numbers from 2^31 on need a private key")]
    Hardened,
    /// One number in 2^127 has no key; the next one has.
    #[error("this number has no address; take the next")]
    Skipped,
}

impl ReceivingKey {
    /// The address of an order, number 1 and up.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn address(&self, index: u32) -> Result<Address, IndexError> {
        match index {
            0 => Err(IndexError::Wallet),
            index => self.derived(index),
        }
    }

    /// The address with number 0, for the vendor to compare with what the
    /// wallet shows: no order is ever paid to it.
    ///
    /// # Errors
    /// [`IndexError::Skipped`].
    pub fn wallet_address(&self) -> Result<Address, IndexError> {
        self.derived(0)
    }

    fn derived(&self, index: u32) -> Result<Address, IndexError> {
        if index >= HARDENED {
            return Err(IndexError::Hardened);
        }
        child(&self.key, &self.chain_code, index)
            .map(|(key, _)| key.address())
            .ok_or(IndexError::Skipped)
    }
}

impl FromStr for ReceivingKey {
    type Err = KeyError;

    /// Reads the extended public key of an account (depth 3), whose receiving
    /// addresses are under its child 0, or of those (depth 4).
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let given: ExtendedPublicKey = text.parse()?;
        let (key, chain_code) = match given.depth() {
            3 => given.child(0).ok_or(KeyError::Point)?,
            4 => (*given.key(), *given.chain_code()),
            depth => return Err(KeyError::Depth(depth)),
        };
        Ok(Self { key, chain_code })
    }
}

/// Not its bytes: who reads them sees every order's address.
impl fmt::Debug for ReceivingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceivingKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The words `test` eleven times and `junk`.
    const ACCOUNT: &str = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";
    const CHAIN: &str = "xpub6DyUKdwoLWmUJ4Tn9Bbsdtx7B5Ws18mEN19e5HT52ikE53FiUheSQXrZUNPovqfyKmw4579A1Mm3GXXKM39N64uooBfJ4tNAzFsEbodRTx4";
    const ADDRESSES: [&str; 5] = [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
    ];

    /// The words `abandon` eleven times and `about`.
    const OTHER: &str = "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM6si3yZdUsT8ddYM3PwnATt";
    const OTHERS: [&str; 3] = [
        "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
        "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0",
        "0xb6716976A3ebe8D39aCEB04372f22Ff8e6802D7A",
    ];

    fn check(xpub: &str, addresses: &[&str]) {
        let key: ReceivingKey = xpub.parse().expect(xpub);
        for (index, address) in (0..).zip(addresses) {
            let derived = match index {
                0 => key.wallet_address(),
                index => key.address(index),
            };
            let derived = derived.map(|address| address.to_string());
            assert_eq!(derived.as_deref(), Ok(*address), "{xpub} {index}");
        }
    }

    #[test]
    fn addresses_are_those_that_wallets_derive_from_the_words() {
        check(ACCOUNT, &ADDRESSES);
        check(CHAIN, &ADDRESSES);
        check(OTHER, &OTHERS);
        let (account, chain): (ReceivingKey, ReceivingKey) = (
            ACCOUNT.parse().expect("a key"),
            CHAIN.parse().expect("a key"),
        );
        assert_eq!(account, chain);
    }

    #[test]
    fn no_order_gets_the_wallets_own_address_or_another_ones() {
        let key: ReceivingKey = ACCOUNT.parse().expect("a key");
        assert_eq!(key.address(0), Err(IndexError::Wallet));
        assert_eq!(key.address(HARDENED), Err(IndexError::Hardened));
        assert_eq!(key.address(u32::MAX), Err(IndexError::Hardened));
        assert!(key.address(HARDENED - 1).is_ok());
        let mut seen: HashSet<Address> = HashSet::new();
        seen.insert(key.wallet_address().expect("an address"));
        for index in 1..200 {
            assert!(seen.insert(key.address(index).expect("an address")));
        }
    }

    #[test]
    fn a_key_of_another_depth_is_refused() {
        for (text, depth) in [
            (
                "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
                0,
            ),
            (
                "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
                1,
            ),
            (
                "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
                5,
            ),
        ] {
            assert_eq!(text.parse::<ReceivingKey>(), Err(KeyError::Depth(depth)));
        }
    }
}
