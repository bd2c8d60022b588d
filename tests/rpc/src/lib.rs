//! A small server that plays a JSON-RPC endpoint of Polygon in tests: a chain
//! of blocks with transfers of tokens, and everything that goes wrong with the
//! endpoints that tell of it.
//!
//! ```
//! use keywright_rpc_double::{Chain, Endpoint, Fault, Payment};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = Chain::new(137, 1_700_000_000);
//! let one = Endpoint::start(&chain)?;
//! let other = Endpoint::start(&chain)?;
//! other.fault(Fault::Hang);
//! let paid = chain.pay(Payment::usdc("0x70997970C51812dc3A010C7d01b50e0d17dc79C8".parse()?,
//!     "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC".parse()?, 19_000_001));
//! chain.mine(1);
//! assert!(chain.block_of(paid).is_some());
//! assert!(one.url().starts_with("http://127.0.0.1:"));
//! # Ok(())
//! # }
//! ```
//!
//! Several endpoints share a [`Chain`] and have faults of their own. Each runs
//! on a thread and a runtime of its own and ends when it is dropped.

mod answer;
mod chain;
mod control;
mod endpoint;
mod fault;
mod limit;
mod state;

pub use chain::{Chain, Contract, Kept, Payment};
pub use endpoint::{Endpoint, Reply};
pub use fault::{Call, Fault};
pub use limit::RangeLimit;
