//! What a test in another process does to the chain, in a method of the
//! endpoint's own, as development nodes have them.

use crate::answer::Result;
use crate::chain::{Chain, Payment};
use keywright_providers::polygon::Address;
use serde_json::Value;

/// `double_pay {to, units}`: somebody pays USDC, and the next block has it. Its
/// result is the hash of the transaction.
pub(crate) const PAY: &str = "double_pay";

/// Who pays.
const PAYER: Address = Address::from_bytes([0x77; 20]);

pub(crate) fn pay(chain: &Chain, params: &Value) -> Result {
    let asked = &params[0];
    let to = asked["to"].as_str().and_then(|text| text.parse().ok());
    let (Some(to), Some(units)) = (to, asked["units"].as_u64()) else {
        return Err((-32_602, format!("{PAY} takes [{{to, units}}]")));
    };
    let paid = chain.pay(Payment::usdc(PAYER, to, u128::from(units)));
    chain.mine(1);
    Ok(paid.to_string().into())
}
