//! Which Bitcoin network a store is on. No endpoint says so: the addresses of
//! its wallet do, by how they begin (BIP-173, and the version bytes of base58
//! addresses).

use std::fmt;

/// A Bitcoin network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Where bitcoins are worth something.
    Mainnet,
    /// Testnet or signet.
    Testnet,
    /// A network of one's own.
    Regtest,
}

impl Network {
    /// The network of an address; `None` for what is none, or cannot be told.
    #[must_use]
    pub fn of_address(address: &str) -> Option<Self> {
        let lower = address.to_ascii_lowercase();
        // A bech32 address is in one case, and `bcrt1` begins like nothing else.
        if address == lower || address == address.to_ascii_uppercase() {
            for (prefix, network) in [
                ("bcrt1", Self::Regtest),
                ("bc1", Self::Mainnet),
                ("tb1", Self::Testnet),
            ] {
                if let Some(data) = lower.strip_prefix(prefix) {
                    return is_bech32(data).then_some(network);
                }
            }
        }
        if !(26..=35).contains(&address.len()) || !address.bytes().all(is_base58) {
            return None;
        }
        match address.as_bytes().first() {
            Some(b'1' | b'3') => Some(Self::Mainnet),
            // A regtest's look the same.
            Some(b'm' | b'n' | b'2') => Some(Self::Testnet),
            _ => None,
        }
    }

    /// Its name in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Regtest => "regtest",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// At least a version, twenty bytes and a checksum, in the alphabet of BIP-173.
fn is_bech32(data: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_alphanumeric() && !matches!(b, b'1' | b'b' | b'i' | b'o');
    (39..=84).contains(&data.len()) && data.bytes().all(alphabet)
}

fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_their_network() {
        for (address, network) in [
            // BIP-173 and BIP-350.
            (
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                Network::Mainnet,
            ),
            (
                "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                Network::Mainnet,
            ),
            (
                "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
                Network::Testnet,
            ),
            (
                "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
                Network::Regtest,
            ),
            (
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                Network::Mainnet,
            ),
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", Network::Mainnet),
            ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", Network::Mainnet),
            ("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn", Network::Testnet),
            ("n2eMqTT929pb1RDNuqEnxdaLau1rxy3efi", Network::Testnet),
            ("2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc", Network::Testnet),
        ] {
            assert_eq!(Network::of_address(address), Some(network), "{address}");
        }
        for none in [
            "",
            "bc1",
            "tb1q",
            "tb1 qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "Tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "nobody knows",
            "maintenance",
            "2",
            "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
            "0J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "lntb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        ] {
            assert_eq!(Network::of_address(none), None, "{none}");
        }
    }
}
