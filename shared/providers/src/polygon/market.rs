//! What is sold for: a token on a chain, from the configuration.

use super::{Address, token};

/// A token on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsdcContract {
    /// EIP-155.
    pub chain_id: u64,
    /// The contract.
    pub token: Address,
}

impl UsdcContract {
    /// Polygon and its USDC, unless configured otherwise.
    ///
    /// # Errors
    /// Which value is wrong, or missing: the USDC of other chains is not known.
    pub fn configured(chain_id: Option<&str>, usdc: Option<&str>) -> Result<Self, String> {
        let chain_id = match chain_id.map(str::parse::<u32>) {
            None => token::POLYGON,
            Some(Ok(id)) if id > 0 => u64::from(id),
            Some(_) => {
                return Err("POLYGON_CHAIN_ID must be a number, such as 137 or 80002".to_owned());
            }
        };
        let token = match usdc {
            Some(address) => address
                .parse()
                .map_err(|error| format!("USDC_ADDRESS: {error}"))?,
            None => token::usdc(chain_id).ok_or_else(|| {
                format!("USDC_ADDRESS is needed: the USDC of chain {chain_id} is not known")
            })?,
        };
        Ok(Self { chain_id, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygon_and_its_test_network_are_known() {
        let market = |chain, usdc| UsdcContract::configured(chain, usdc);
        let main = UsdcContract {
            chain_id: 137,
            token: token::USDC_POLYGON,
        };
        assert_eq!(market(None, None), Ok(main));
        assert_eq!(market(Some("137"), None), Ok(main));
        let test = market(Some("80002"), None).expect("Amoy");
        assert_eq!(test.token, token::USDC_AMOY);
        let own = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        let local = market(Some("31337"), Some(own)).expect("a chain of one's own");
        assert_eq!(
            (local.chain_id, local.token.to_string()),
            (31_337, own.to_owned())
        );
        for (chain, usdc) in [
            (Some("31337"), None),
            (Some("0"), None),
            (Some("0x89"), None),
            (Some("-137"), None),
            (None, Some("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")),
        ] {
            assert!(market(chain, usdc).is_err(), "{chain:?} {usdc:?}");
        }
    }
}
