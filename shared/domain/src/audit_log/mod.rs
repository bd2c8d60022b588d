//! The audit log as a Merkle tree (RFC 6962): what a leaf covers, the head of the tree, and
//! the verdict on a log that is read back.
//!
//! - [`tree`]: hashes, and heads that grow leaf by leaf
//! - [`leaf`]: the bytes of a leaf, and what of an entry can be erased
//! - [`verdict`]: whether a log is what was signed

pub mod leaf;
pub mod tree;
pub mod verdict;

/// The action of the entry that records which entries were erased.
pub const ERASURE: &str = "license.erase_buyer";
/// The action of the entry that records up to where entries were pruned.
pub const PRUNING: &str = "audit.prune";
/// The member of an erasure entry: the sequences of the entries that were erased.
pub const ERASED: &str = "erased";
/// The member of a pruning entry: the position of the first leaf whose entry was kept.
pub const PRUNED_TO: &str = "pruned_to";
