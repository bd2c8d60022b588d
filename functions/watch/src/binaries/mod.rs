//! Claims of files by wallets that paid.

pub(crate) mod challenge;
pub(crate) mod claim;

use keywright_domain::pasted::PastedLower;
use keywright_providers::polygon::Address;
use keywright_web::ApiError;

/// A valid wallet address and file hash.
struct WalletAndFile {
    wallet: Address,
    /// 64 lower-case hexadecimal digits.
    sha256: String,
}

impl WalletAndFile {
    fn read(binary_sha256: &str, wallet_address: &str) -> Result<Self, ApiError> {
        let sha256 = PastedLower::new(binary_sha256);
        let sha256 = sha256.as_str();
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash {
            return Err(ApiError::bad_request(
                "binary_sha256 must be 64 hexadecimal digits",
            ));
        }
        let wallet = Address::pasted(wallet_address)
            .map_err(|error| ApiError::bad_request(format!("wallet_address {error}")))?;
        Ok(Self {
            wallet,
            sha256: sha256.to_owned(),
        })
    }
}

/// 403: the wallet never paid.
fn never_paid() -> ApiError {
    crate::claims::proof::refused("never_paid", "this wallet has not made a payment")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn a_hash_and_an_address_are_read_strictly() {
        let pair = WalletAndFile::read(&"AB".repeat(32), WALLET).expect("a pair");
        assert_eq!(pair.sha256, "ab".repeat(32));
        assert_eq!(pair.wallet.to_string(), WALLET);
        let good = "ab".repeat(32);
        for (sha256, wallet) in [
            ("order-index", WALLET),
            ("", WALLET),
            (&good[1..], WALLET),
            (&format!("{good}0"), WALLET),
            (&"é".repeat(32), WALLET),
            (&good, "../data"),
            (&good, ""),
            (&good, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"),
        ] {
            assert!(
                WalletAndFile::read(sha256, wallet).is_err(),
                "{sha256} {wallet}"
            );
        }
    }
}
