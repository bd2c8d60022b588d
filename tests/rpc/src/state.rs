//! What the chain is. Empty blocks are not stored: their hashes and times are
//! computed, so that a day of 43,200 blocks costs nothing.

use crate::chain::{Contract, Payment};
use keywright_providers::polygon::{Address, Hash, keccak256};
use std::collections::{BTreeMap, HashMap};

/// Seconds from one block to the next.
pub(crate) const BLOCK_SECONDS: i64 = 2;

/// A transaction in a block.
#[derive(Debug, Clone)]
pub(crate) struct Mined {
    pub(crate) hash: Hash,
    pub(crate) succeeded: bool,
    pub(crate) payments: Vec<Payment>,
}

pub(crate) struct State {
    pub(crate) chain_id: u64,
    pub(crate) genesis: i64,
    pub(crate) head: u64,
    /// By how many blocks the finalized one is behind the newest.
    pub(crate) finality: u64,
    /// Where the finalized block stands still.
    pub(crate) stalled: Option<u64>,
    /// From which block on which branch of the chain is told.
    branches: BTreeMap<u64, u64>,
    /// From which block on time is how many seconds ahead.
    skips: BTreeMap<u64, i64>,
    pub(crate) blocks: BTreeMap<u64, Vec<Mined>>,
    pub(crate) places: HashMap<Hash, u64>,
    pub(crate) pending: Vec<Mined>,
    pub(crate) contracts: HashMap<Address, Contract>,
    made: u64,
}

impl State {
    pub(crate) fn new(chain_id: u64, genesis: i64) -> Self {
        Self {
            chain_id,
            genesis,
            head: 0,
            finality: 0,
            stalled: None,
            branches: BTreeMap::new(),
            skips: BTreeMap::new(),
            blocks: BTreeMap::new(),
            places: HashMap::new(),
            pending: Vec::new(),
            contracts: HashMap::new(),
            made: 0,
        }
    }

    pub(crate) fn finalized(&self) -> u64 {
        let moving = self.head.saturating_sub(self.finality);
        self.stalled.map_or(moving, |still| still.min(moving))
    }

    pub(crate) fn time(&self, number: u64) -> i64 {
        let skipped = self.skips.range(..=number).next_back();
        let skipped = skipped.map_or(0, |(_, seconds)| *seconds);
        let blocks = i64::try_from(number).unwrap_or(i64::MAX / 4);
        self.genesis + blocks * BLOCK_SECONDS + skipped
    }

    pub(crate) fn skip(&mut self, seconds: i64) {
        let last = self.skips.values().next_back().copied().unwrap_or(0);
        self.skips.insert(self.head + 1, last + seconds);
    }

    pub(crate) fn hash(&self, number: u64) -> Hash {
        let branch = self.branches.range(..=number).next_back();
        let branch = branch.map_or(0, |(_, branch)| *branch);
        self.named("block", number, branch)
    }

    fn named(&self, what: &str, number: u64, branch: u64) -> Hash {
        let name = format!("{what} {} {number} {branch}", self.chain_id);
        Hash::from_bytes(keccak256(name.as_bytes()))
    }

    pub(crate) fn submit(&mut self, payments: Vec<Payment>, succeeded: bool) -> Hash {
        self.made += 1;
        let hash = self.named("transaction", self.made, 0);
        self.pending.push(Mined {
            hash,
            succeeded,
            payments,
        });
        hash
    }

    pub(crate) fn mine(&mut self, blocks: u64) {
        if blocks == 0 {
            return;
        }
        let first = self.head + 1;
        let mined = std::mem::take(&mut self.pending);
        for one in &mined {
            self.places.insert(one.hash, first);
        }
        if !mined.is_empty() {
            self.blocks.insert(first, mined);
        }
        self.head += blocks;
    }

    /// Another branch from so many blocks below the newest on.
    pub(crate) fn branch_off(&mut self, depth: u64) -> u64 {
        let first = self.head.saturating_sub(depth) + 1;
        self.made += 1;
        self.branches.retain(|from, _| *from < first);
        self.branches.insert(first, self.made);
        first
    }
}
