//! `keywright wallet xpub`: derives the one key of a wallet that a server may have from
//! the recovery words.

use crate::CommandOutput;
use crate::error::CliError;
use bip32::{ChildNumber, Prefix, XPrv};
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

/// Prints `WALLET_XPUB`, the public key from which the server derives an address for each
/// order, and the first addresses, for comparison. The recovery words are read from a
/// prompt or from the first line of standard input; they are never an argument and are
/// not stored. Run the command on a machine that you trust, preferably offline.
#[derive(Debug, Args)]
pub struct Xpub {
    /// The account of the wallet: the last number of m/44'/60'/0'.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    account: u32,
    /// The recovery words have a passphrase, which is read from a prompt or from the
    /// second line of standard input.
    #[arg(long)]
    passphrase: bool,
}

impl Xpub {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let words = secret("Recovery words: ")?;
        let passphrase = if self.passphrase {
            secret("Passphrase of the words: ")?
        } else {
            Zeroizing::default()
        };
        let key = account_key(&words, &passphrase, self.account)?;
        output(&key, self.account)
    }
}

/// Reads a line without echo, or from a pipe.
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
    // The error contains no word, because it may end up in a log.
    let mnemonic = Mnemonic::parse_in(Language::English, words).map_err(|error| {
        CliError::usage(match error {
            bip39::Error::BadWordCount(count) => {
                format!("there must be 12, 15, 18, 21 or 24 recovery words, not {count}")
            }
            bip39::Error::UnknownWord(at) => {
                format!("word number {} is not an English recovery word", at + 1)
            }
            _ => "the checksum of the recovery words is wrong: check each word and their order"
                .to_owned(),
        })
    })?;
    let seed = Zeroizing::new(mnemonic.to_seed(passphrase));
    let secret = XPrv::new(seed.as_slice()).and_then(|master| {
        [PURPOSE, COIN, account]
            .into_iter()
            .try_fold(master, |key, number| {
                key.derive_child(ChildNumber::new(number, true)?)
            })
    });
    let secret =
        secret.map_err(|_| CliError::usage("the wallet has no account with this number"))?;
    let text = secret.public_key().to_string(Prefix::XPUB);
    text.parse()
        .map_err(|error| CliError::failed(format!("deriving the account's key: {error}")))
}

fn output(key: &ExtendedPublicKey, account: u32) -> Result<CommandOutput, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("deriving: {error}"));
    let text = key.to_string();
    let receiving: ReceivingKey = text.parse().map_err(|error| failed(&error))?;
    let wallet = receiving.wallet_address().map_err(|error| failed(&error))?;
    let order = receiving.address(1).map_err(|error| failed(&error))?;
    let path = format!("m/{PURPOSE}'/{COIN}'/{account}'");
    Ok(CommandOutput {
        text: format!(
            "WALLET_XPUB={text}\n\n\
             key of {path}\n\
             address 0: {wallet}\n\
             address 1: {order}, the first order's\n\n\
             Compare address 0 with the address that your wallet shows for Ethereum or Polygon.\n\
             If they differ, do not use this key: payments would go to addresses that your\n\
             wallet does not show. The key cannot spend. Anyone who has it can see the\n\
             addresses of all orders."
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
            let json = output(&key, 0).expect("an output").json;
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
            ("", "not 0"),
            ("abandon", "not 1"),
            (
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon",
                "checksum",
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
