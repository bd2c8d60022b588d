//! USDC on Polygon, without custody and without an account: reading the chain
//! over JSON-RPC, what a transfer is, the buyer's payment request, addresses
//! derived from a public key, and the proof that somebody holds a wallet.
//!
//! - [`rpc`]: requests to an endpoint and its answers as typed results
//! - [`range`]: how many blocks to ask for at a time
//! - [`transfer`]: reading a `Transfer` log
//! - [`wallet`]: addresses from an extended public key (BIP-32)
//! - [`claim`]: a message that a wallet signs (EIP-191, EIP-1271)
//! - [`uri`], [`qr`]: what the buyer's wallet scans (EIP-681)

pub mod address;
pub mod claim;
mod curve;
pub mod hash;
mod hex;
pub mod market;
pub mod qr;
pub mod range;
pub mod rpc;
pub mod token;
pub mod transfer;
pub mod units;
pub mod uri;
pub mod wallet;

pub use address::{Address, AddressError, PastedAddressError};
pub use curve::PublicKey;
pub use hash::{Hash, HashError, keccak256};
pub use hex::PastedHexError;
pub use units::{Units, UnitsError};
