//! The text that a wallet shows and signs, in the form of ERC-4361, which
//! wallets know: they warn when the host is not the one of the page.

use super::super::{Address, Hash};
use keywright_domain::dates::rfc3339;

/// What the signature is for. A message for one purpose is worth nothing for
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Getting the license that a transaction paid for.
    License {
        /// The transaction.
        transaction: Hash,
    },
    /// Recording that the wallet belongs to a file.
    Binary {
        /// The file's SHA-256, 64 lower-case hexadecimal digits.
        sha256: &'a str,
    },
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Host and, where it is not the scheme's own, port of this instance.
    pub host: &'a str,
    /// Base URL of this instance, without a slash at its end.
    pub base_url: &'a str,
    /// The wallet that shall sign.
    pub wallet: Address,
    /// The chain, on which a contract wallet is asked.
    pub chain_id: u64,
    /// What for.
    pub purpose: Purpose<'a>,
    /// Makes it one of a kind: at least 8 letters and digits.
    pub nonce: &'a str,
    /// When it was made, in unix seconds.
    pub issued: i64,
    /// Till when it is accepted, in unix seconds.
    pub expires: i64,
}

impl Challenge<'_> {
    /// The text.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            host,
            base_url,
            wallet,
            chain_id,
            nonce,
            ..
        } = self;
        let (statement, path) = match self.purpose {
            Purpose::License { transaction } => (
                format!(
                    "Show me the license that I paid for with transaction {transaction}. \
                     Signing this costs nothing and moves no money."
                ),
                format!("/v1/license/{transaction}/claim"),
            ),
            Purpose::Binary { sha256 } => (
                format!(
                    "Record that this wallet has the file with SHA-256 {sha256}. \
                     Signing this costs nothing and moves no money."
                ),
                "/v1/claim".to_owned(),
            ),
        };
        format!(
            "{host} wants you to sign in with your Ethereum account:\n\
             {wallet}\n\
             \n\
             {statement}\n\
             \n\
             URI: {base_url}{path}\n\
             Version: 1\n\
             Chain ID: {chain_id}\n\
             Nonce: {nonce}\n\
             Issued At: {}\n\
             Expiration Time: {}",
            rfc3339(self.issued),
            rfc3339(self.expires)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn challenge() -> Challenge<'static> {
        Challenge {
            host: "shop.example",
            base_url: "https://shop.example",
            wallet: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
                .parse()
                .expect("an address"),
            chain_id: 137,
            purpose: Purpose::License {
                transaction: Hash::from_bytes([0xab; 32]),
            },
            nonce: "4f6cb9d0a1b2c3d4",
            issued: 1_700_000_000,
            expires: 1_700_000_600,
        }
    }

    #[test]
    fn the_text_is_for_people_and_of_the_form_that_wallets_know() {
        let hash = Hash::from_bytes([0xab; 32]);
        assert_eq!(
            challenge().message(),
            format!(
                "shop.example wants you to sign in with your Ethereum account:\n\
                 0x70997970C51812dc3A010C7d01b50e0d17dc79C8\n\n\
                 Show me the license that I paid for with transaction {hash}. \
                 Signing this costs nothing and moves no money.\n\n\
                 URI: https://shop.example/v1/license/{hash}/claim\n\
                 Version: 1\nChain ID: 137\nNonce: 4f6cb9d0a1b2c3d4\n\
                 Issued At: 2023-11-14T22:13:20Z\nExpiration Time: 2023-11-14T22:23:20Z"
            )
        );
    }

    #[test]
    fn every_member_is_bound() {
        let one = challenge();
        let others = [
            Challenge {
                host: "other.example",
                ..one
            },
            Challenge {
                base_url: "https://other.example",
                ..one
            },
            Challenge {
                wallet: Address::ZERO,
                ..one
            },
            Challenge {
                chain_id: 80_002,
                ..one
            },
            Challenge {
                purpose: Purpose::License {
                    transaction: Hash::from_bytes([0xac; 32]),
                },
                ..one
            },
            Challenge {
                purpose: Purpose::Binary { sha256: SHA256 },
                ..one
            },
            Challenge {
                nonce: "4f6cb9d0a1b2c3d5",
                ..one
            },
            Challenge {
                issued: one.issued + 1,
                ..one
            },
            Challenge {
                expires: one.expires + 1,
                ..one
            },
        ];
        for other in others {
            assert_ne!(other.message(), one.message(), "{other:?}");
        }
    }
}
