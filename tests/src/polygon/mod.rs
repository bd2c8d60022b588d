//! A real Ethereum node on which tests pay: anvil, with contracts that set-up
//! compiled from `tests/contracts/`. What the node does wrong on demand is the
//! business of the RPC double; here the contracts, hashes and signatures are
//! real.

mod anvil;
mod contracts;
mod wallet;

pub use anvil::{Anvil, Tokens};
pub use contracts::programs;
pub use wallet::Wallet;
