//! The payment request that a wallet reads from a QR code (EIP-681).

use super::{Address, Units};

/// `ethereum:<token>@<chain>/transfer?address=<recipient>&uint256=<units>`. The
/// amount is written in full, because few wallets read an exponent. It is no
/// more than a proposal to the wallet: show it beside the code in clear.
#[must_use]
pub fn payment_uri(token: Address, chain_id: u64, recipient: Address, amount: Units) -> String {
    format!(
        "ethereum:{token}@{chain_id}/transfer?address={recipient}&uint256={}",
        amount.get()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygon::token::{POLYGON, USDC_POLYGON};

    #[test]
    fn names_token_chain_recipient_and_amount() {
        let recipient = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
            .parse()
            .expect("an address");
        let amount = Units::new(25_000_000).expect("an amount");
        assert_eq!(
            payment_uri(USDC_POLYGON, POLYGON, recipient, amount),
            "ethereum:0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359@137/transfer\
             ?address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed&uint256=25000000"
        );
    }
}
