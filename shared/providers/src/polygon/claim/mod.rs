//! The proof that somebody holds a wallet: a message for one purpose, signed.
//! An account signs with its key (EIP-191); a wallet that is a contract is
//! asked whether it accepts the signature (EIP-1271).

mod contract;
mod message;
mod signature;

pub use contract::{accepted, question};
pub use message::{Challenge, Purpose};
pub use signature::{MAX_SIGNATURE_BYTES, Signature, SignatureError, digest};
