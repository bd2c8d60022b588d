//! Watch-only addresses: one for each order, derived from an extended public
//! key of the vendor's wallet (BIP-32, BIP-44). Nothing here can spend.
//!
//! Whoever has the extended public key and the private key of one derived
//! address can compute all private keys: never export one of those.

mod extended;
mod receiving;

pub use extended::{ExtendedPublicKey, KeyError};
pub use receiving::{IndexError, ReceivingKey};

/// Child numbers from here on are hardened: only a private key derives them.
pub const HARDENED: u32 = 1 << 31;
