//! `keywright wallet xpub`: from the recovery words of a wallet to the one key
//! of it that a server may have.

use crate::Report;
use crate::error::CliError;
use crate::keys::ExtendedSecret;
use bip39::{Language, Mnemonic};
use clap::Args;
use keywright_providers::polygon::wallet::{ExtendedPublicKey, ReceivingKey};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use zeroize::Zeroizing;

/// The path of an account of Ethereum and Polygon without its last step
/// (BIP-44).
const PURPOSE: u32 = 44;
const COIN: u32 = 60;

/// Prints `WALLET_XPUB`, the public key of a wallet from which the server
/// derives an address for each order, and the first addresses, to compare. The
/// words are asked for, or read from the first line of standard input; they are
/// never an argument, go nowhere, and are not kept. Run this where the words
/// are safe, best without a network.
#[derive(Debug, Args)]
pub struct Xpub {
    /// Which account of the wallet: the last number of m/44'/60'/0'.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    account: u32,
    /// The words are protected by a passphrase of their own: it is asked for,
    /// or read from the second line of standard input.
    #[arg(long)]
    passphrase: bool,
}

impl Xpub {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let words = secret("Recovery words: ")?;
        let passphrase = if self.passphrase {
            secret("Passphrase of the words: ")?
        } else {
            Zeroizing::default()
        };
        let key = account_key(&words, &passphrase, self.account)?;
        report(&key, self.account)
    }
}

/// A line that is not shown: typed in, or from a pipe.
fn secret(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    let failed = |error| CliError::failed(format!("reading standard input: {error}"));
    let mut line = Zeroizing::default();
    if std::io::stdin().is_terminal() {
        *line = rpassword::prompt_password(prompt).map_err(failed)?;
    } else {
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(failed)?;
        let end = line.trim_end_matches(['\n', '\r']).len();
        line.truncate(end);
    }
    Ok(line)
}

fn account_key(words: &str, passphrase: &str, account: u32) -> Result<ExtendedPublicKey, CliError> {
    // The reason names no word: it may end in a log.
    let mnemonic = Mnemonic::parse_in(Language::English, words).map_err(|error| {
        CliError::usage(match error {
            bip39::Error::BadWordCount(count) => {
                format!("these are {count} words; recovery words are 12, 15, 18, 21 or 24")
            }
            bip39::Error::UnknownWord(at) => {
                format!(
                    "word number {} is none of the English recovery words",
                    at + 1
                )
            }
            _ => "the words do not fit together: one of them, or their order, is wrong".to_owned(),
        })
    })?;
    let seed = Zeroizing::new(mnemonic.to_seed(passphrase));
    let derived = ExtendedSecret::master(seed.as_slice()).and_then(|master| {
        let purpose = master.hardened(PURPOSE)?;
        purpose.hardened(COIN)?.hardened(account)
    });
    derived
        .map(|secret| secret.public())
        .ok_or_else(|| CliError::usage("the wallet has no account of this number"))
}

fn report(key: &ExtendedPublicKey, account: u32) -> Result<Report, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("deriving: {error}"));
    let text = key.to_string();
    let receiving: ReceivingKey = text.parse().map_err(|error| failed(&error))?;
    let wallet = receiving.wallet_address().map_err(|error| failed(&error))?;
    let order = receiving.address(1).map_err(|error| failed(&error))?;
    let path = format!("m/{PURPOSE}'/{COIN}'/{account}'");
    Ok(Report {
        text: format!(
            "WALLET_XPUB={text}\n\n\
             key of {path}\n\
             address 0: {wallet}\n\
             address 1: {order}, the first order's\n\n\
             Compare address 0 with the one that your wallet shows for Ethereum or Polygon. If\n\
             it is another one, do not use this key: payments would go where you do not look.\n\
             The key cannot spend. Who has it sees the addresses of all orders."
        ),
        json: json!({
            "WALLET_XPUB": text, "path": path,
            "address_0": wallet.to_string(), "address_1": order.to_string(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "test test test test test test test test test test test junk";
    const ABANDON: &str = "abandon abandon abandon abandon abandon abandon abandon abandon \
         abandon abandon abandon about";

    #[test]
    fn keys_and_addresses_are_those_of_known_wallets() {
        for (words, xpub, first, second) in [
            (
                TEST,
                "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP",
                "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
                "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            ),
            (
                ABANDON,
                "xpub6DCoCpSuQZB2jawqnGMEPS63ePKWkwWPH4TU45Q7LPXWuNd8TMtVxRrgjtEshuqpK3mdhaWHPFsBngh5GFZaM6si3yZdUsT8ddYM3PwnATt",
                "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
                "0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0",
            ),
        ] {
            let key = account_key(words, "", 0).expect("a key");
            let json = report(&key, 0).expect("a report").json;
            assert_eq!(json["WALLET_XPUB"], xpub);
            assert_eq!(json["address_0"], first);
            assert_eq!(json["address_1"], second);
            let other = account_key(words, "", 1).expect("a key");
            assert_ne!(other, key);
            assert_ne!(account_key(words, "secret", 0).expect("a key"), key);
        }
    }

    #[test]
    fn wrong_words_are_refused_and_not_repeated() {
        for (words, said) in [
            ("", "0 words"),
            ("abandon", "1 words"),
            (
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon",
                "do not fit",
            ),
            (
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon sesame",
                "word number 12",
            ),
        ] {
            let refused = account_key(words, "", 0).expect_err("a refusal");
            let message = refused.to_string();
            assert!(message.contains(said), "{message}");
            assert!(!message.contains("abandon") && !message.contains("sesame"));
        }
        assert!(account_key(TEST, "", u32::MAX).is_err());
    }
}
