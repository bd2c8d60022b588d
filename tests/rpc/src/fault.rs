//! What goes wrong with an endpoint.

use crate::limit::RangeLimit;
use keywright_providers::polygon::Hash;
use serde_json::Value;

/// A call that an endpoint got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

/// Something that goes wrong, until [`crate::Endpoint::clear`].
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// No answer ever comes.
    Hang,
    /// The connection is cut before an answer.
    Cut,
    /// The body ends in the middle.
    Truncate,
    /// An HTTP status with a page instead of an answer.
    Status(u16),
    /// Every call is refused.
    Refuse(i64, String),
    /// It tells of another chain.
    ChainId(u64),
    /// It knows no receipts.
    NoReceipts,
    /// It has other hashes for blocks from this one on: another branch.
    OtherHashes(u64),
    /// Logs come in another order.
    ShuffleLogs,
    /// Logs of blocks that were not asked for come along.
    LogsOfOtherBlocks,
    /// Every transfer comes, whoever got it and of whatever token.
    LogsOfOthers,
    /// A log that is none is among them.
    OddLog(Value),
    /// Logs are told to be of blocks with other hashes.
    LogsOfOtherBranches,
    /// Receipts say that their transactions failed.
    FailedReceipts,
    /// Receipts come without their logs.
    EmptyReceipts,
    /// Logs have numbers that are so much too high.
    WrongLogIndex(u64),
    /// The receipt of one transaction meets another fault.
    ReceiptOf(Hash, Box<Self>),
    /// More blocks than this are refused, in somebody's words.
    RangeLimit(RangeLimit, u64),
    /// More results than this are refused, of one block too.
    MaxResults(usize),
    /// Logs of this block meet another fault, however few blocks are asked for;
    /// those who ask for nothing that is in it meet none.
    AtBlock(u64, Box<Self>),
    /// Every block is said to have no logs.
    NoLogs,
    /// The tag `finalized` is unknown to it.
    NoFinalizedTag,
    /// It has no finalized block.
    NoFinalized,
    /// Calls of one method meet another fault; others go well.
    Only(&'static str, Box<Self>),
    /// The first so many calls go well.
    After(u32, Box<Self>),
    /// It ends by itself after so many calls.
    Times(u32, Box<Self>),
}

impl Fault {
    /// The fault that a call about this transaction meets, of one that was met already.
    pub(crate) fn about(self, params: &Value) -> Option<Self> {
        match self {
            Self::ReceiptOf(hash, fault) => {
                (params[0].as_str() == Some(&hash.to_string())).then_some(*fault)
            }
            fault => Some(fault),
        }
    }

    /// The fault that a call of this method meets, if any; counts it.
    pub(crate) fn meet(&mut self, method: &str) -> Option<Self> {
        match self {
            Self::Only(only, fault) => (*only == method).then(|| fault.meet(method)).flatten(),
            Self::ReceiptOf(..) if method != "eth_getTransactionReceipt" => None,
            Self::After(calls, fault) => match calls.checked_sub(1) {
                Some(left) => {
                    *calls = left;
                    None
                }
                None => fault.meet(method),
            },
            Self::Times(left, fault) => {
                if *left == 0 {
                    return None;
                }
                let met = fault.meet(method)?;
                *left -= 1;
                Some(met)
            }
            fault => Some(fault.clone()),
        }
    }
}
