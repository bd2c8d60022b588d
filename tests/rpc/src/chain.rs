//! The chain as a test drives it.

use crate::state::State;
use keywright_providers::polygon::token::USDC_POLYGON;
use keywright_providers::polygon::{Address, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A chain of blocks, two seconds apart. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Chain(Arc<Mutex<State>>);

/// Tokens that go from one address to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// The token's contract.
    pub token: Address,
    /// Who pays.
    pub payer: Address,
    /// Who gets it.
    pub recipient: Address,
    /// How many of the token's smallest units.
    pub units: u128,
}

impl Payment {
    /// A payment of USDC on Polygon.
    #[must_use]
    pub const fn usdc(payer: Address, recipient: Address, units: u128) -> Self {
        Self {
            token: USDC_POLYGON,
            payer,
            recipient,
            units,
        }
    }
}

/// What becomes of the transactions of blocks that are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// They are in the new blocks too, at the same numbers.
    All,
    /// They wait for the next block.
    Later,
    /// They never happened.
    None,
}

/// What a contract answers to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contract {
    /// A contract wallet that accepts this signature, whatever for, and
    /// answers no to any other (EIP-1271).
    Accepts(Vec<u8>),
    /// Always these bytes.
    Says(Vec<u8>),
    /// It refuses every call.
    Reverts,
}

#[expect(
    clippy::must_use_candidate,
    reason = "what happens on the chain is wanted more often than its hash"
)]
impl Chain {
    /// A chain whose block 0 was made at `genesis`, in unix seconds. Blocks are
    /// final at once until [`Self::finality`] says otherwise.
    #[must_use]
    pub fn new(chain_id: u64, genesis: i64) -> Self {
        Self(Arc::new(Mutex::new(State::new(chain_id, genesis))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the newest block.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.lock().head
    }

    /// Number of the finalized block.
    #[must_use]
    pub fn finalized(&self) -> u64 {
        self.lock().finalized()
    }

    /// When a block was made, in unix seconds.
    #[must_use]
    pub fn time(&self, number: u64) -> i64 {
        self.lock().time(number)
    }

    /// The hash of a block.
    #[must_use]
    pub fn hash(&self, number: u64) -> Hash {
        self.lock().hash(number)
    }

    /// The block of a transaction; `None` while it waits or when it vanished.
    #[must_use]
    pub fn block_of(&self, transaction: Hash) -> Option<u64> {
        self.lock().places.get(&transaction).copied()
    }

    /// A transaction with one payment, for the next block.
    pub fn pay(&self, payment: Payment) -> Hash {
        self.lock().submit(vec![payment], true)
    }

    /// A transaction with several payments, for the next block.
    pub fn pay_together(&self, payments: &[Payment]) -> Hash {
        self.lock().submit(payments.to_vec(), true)
    }

    /// A transaction that failed, and whose log is told nevertheless: no real
    /// node does that, and nobody shall believe it.
    pub fn pay_in_vain(&self, payment: Payment) -> Hash {
        self.lock().submit(vec![payment], false)
    }

    /// Makes blocks; what waits goes into the first of them. Answers the
    /// number of the newest.
    pub fn mine(&self, blocks: u64) -> u64 {
        let mut state = self.lock();
        state.mine(blocks);
        state.head
    }

    /// The next block comes so many seconds later than it would.
    pub fn skip(&self, seconds: i64) {
        self.lock().skip(seconds);
    }

    /// From now on the finalized block is so many blocks behind the newest.
    pub fn finality(&self, behind: u64) {
        self.lock().finality = behind;
    }

    /// The finalized block stands still, or goes on.
    pub fn stall(&self, still: bool) {
        let mut state = self.lock();
        state.stalled = None;
        if still {
            state.stalled = Some(state.finalized());
        }
    }

    /// The newest blocks, so many, are replaced by others.
    pub fn reorganise(&self, depth: u64, kept: Kept) {
        let mut state = self.lock();
        let first = state.branch_off(depth);
        if kept == Kept::All {
            return;
        }
        let vanished = state.blocks.split_off(&first);
        for one in vanished.into_values().flatten() {
            state.places.remove(&one.hash);
            if kept == Kept::Later {
                state.pending.push(one);
            }
        }
    }

    /// Puts a contract at an address.
    pub fn contract(&self, address: Address, contract: Contract) {
        self.lock().contracts.insert(address, contract);
    }
}
