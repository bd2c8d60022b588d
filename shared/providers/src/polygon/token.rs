//! The chains and token contracts that are known by name.

use super::Address;

/// Chain id of Polygon `PoS`.
pub const POLYGON: u64 = 137;

/// Chain id of Polygon's test network Amoy.
pub const AMOY: u64 = 80_002;

/// USDC as Circle issues it on Polygon,
/// `0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359`.
pub const USDC_POLYGON: Address = Address::from_bytes([
    0x3c, 0x49, 0x9c, 0x54, 0x2c, 0xef, 0x5e, 0x38, 0x11, 0xe1, 0x19, 0x2c, 0xe7, 0x0d, 0x8c, 0xc0,
    0x3d, 0x5c, 0x33, 0x59,
]);

/// USDC bridged from Ethereum (USDC.e), another token which Circle no longer
/// supports: `0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174`.
pub const BRIDGED_USDC_POLYGON: Address = Address::from_bytes([
    0x27, 0x91, 0xbc, 0xa1, 0xf2, 0xde, 0x46, 0x61, 0xed, 0x88, 0xa3, 0x0c, 0x99, 0xa7, 0xa9, 0x44,
    0x9a, 0xa8, 0x41, 0x74,
]);

/// USDC on Amoy, `0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582`.
pub const USDC_AMOY: Address = Address::from_bytes([
    0x41, 0xe9, 0x4e, 0xb0, 0x19, 0xc0, 0x76, 0x2f, 0x9b, 0xfc, 0xf9, 0xfb, 0x1e, 0x58, 0x72, 0x5b,
    0xfb, 0x0e, 0x75, 0x82,
]);

/// The USDC contract of a chain, where it is known.
#[must_use]
pub fn usdc(chain_id: u64) -> Option<Address> {
    match chain_id {
        POLYGON => Some(USDC_POLYGON),
        AMOY => Some(USDC_AMOY),
        _ => None,
    }
}

/// A token that buyers take for USDC and that is not: reported, never credited.
#[must_use]
pub fn mistaken_for_usdc(chain_id: u64) -> Option<Address> {
    (chain_id == POLYGON).then_some(BRIDGED_USDC_POLYGON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_are_the_published_ones() {
        for (address, text) in [
            (USDC_POLYGON, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
            (
                BRIDGED_USDC_POLYGON,
                "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174",
            ),
            (USDC_AMOY, "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582"),
        ] {
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(usdc(POLYGON), Some(USDC_POLYGON));
        assert_eq!(usdc(AMOY), Some(USDC_AMOY));
        assert_eq!(usdc(1), None);
        assert_eq!(mistaken_for_usdc(POLYGON), Some(BRIDGED_USDC_POLYGON));
        assert_eq!(mistaken_for_usdc(AMOY), None);
    }
}
