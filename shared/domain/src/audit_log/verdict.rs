//! Whether an audit log that is read back is what was signed: intact, erased or pruned by
//! record, rolled back, forked, or changed behind the back of the log.

use super::leaf::StoredEntry;
use super::tree::{Hash, TreeHead, read_hash};
use super::{ERASED, ERASURE, PRUNED_TO, PRUNING};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The head of a log that somebody signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// The number of leaves.
    pub size: u64,
    /// The root hash.
    pub root: Hash,
}

/// A leaf as it is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedLeaf {
    /// Where it stands, from 0.
    pub index: u64,
    /// The sequence of its entry.
    pub sequence: i64,
    /// The layout of its bytes.
    pub version: i64,
    /// Its hash in hex.
    pub hash: String,
    /// The entry; `None` where it is not there, or is withheld.
    pub entry: Option<StoredEntry>,
    /// True when the caller may not see the entry, or not what can be erased of it.
    pub withheld: bool,
}

/// Something that is not as it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The entry is not the one that was sealed.
    Changed {
        /// The leaf.
        index: u64,
        /// The entry.
        sequence: i64,
    },
    /// The content is gone, and no sealed entry records that it was erased.
    Blanked {
        /// The leaf.
        index: u64,
        /// The entry.
        sequence: i64,
    },
    /// The entry is gone, and no sealed entry records that it was pruned.
    Removed {
        /// The leaf.
        index: u64,
        /// The entry.
        sequence: i64,
    },
    /// An entry among sealed ones was never sealed.
    Inserted {
        /// The entry.
        sequence: i64,
    },
    /// The hashes of the leaves are not those that were signed: leaves were changed,
    /// removed, reordered or inserted.
    Leaves,
}

/// Entries that one entry says were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedEntries {
    /// How many.
    pub count: u64,
    /// The index of the entry that records it.
    pub by: u64,
}

/// Entries at the beginning of the log that one entry says were pruned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrunedEntries {
    /// How many: those at indexes below it.
    pub count: u64,
    /// The index of the entry that records it.
    pub by: u64,
}

/// What a log shows that is what was signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IntactLog {
    /// The number of sealed entries.
    pub size: u64,
    /// Erased ones, by the entry that records it.
    pub erased: Vec<ErasedEntries>,
    /// Pruned ones.
    pub pruned: Option<PrunedEntries>,
    /// How many could not be compared in full with the caller's key.
    pub withheld: u64,
    /// How many newer entries are not sealed yet.
    pub unsealed: u64,
}

/// The verdict on a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is what was signed, and extends the head that was kept.
    Intact(IntactLog),
    /// Everything that is missing was erased or pruned by record, but a record is not
    /// sealed yet.
    RecordNotSealed,
    /// It is shorter than the head that was kept.
    RolledBack,
    /// It was signed, and does not extend the head that was kept.
    Forked,
    /// It is not what was signed.
    Altered(Vec<Finding>),
}

/// Reads a log leaf by leaf.
#[derive(Debug)]
pub struct LogReader {
    signed: SignedHead,
    kept: Option<SignedHead>,
    head: TreeHead,
    /// Whether the leaves so far lead to the head that was kept.
    extends_kept: Option<bool>,
    last_sequence: i64,
    findings: Vec<Finding>,
    /// The leaves whose content was erased, by sequence.
    erased: BTreeMap<i64, u64>,
    missing: BTreeMap<u64, i64>,
    /// Which sequence is erased by which record.
    erasures: BTreeMap<i64, RecordIndex>,
    pruning: Option<(u64, RecordIndex)>,
    intact: IntactLog,
}

/// The index of an entry that records something; `None` while it is not sealed.
type RecordIndex = Option<u64>;

impl LogReader {
    /// Begins to read a log that was signed with `signed`. `kept` is what was signed when
    /// it was read before.
    #[must_use]
    pub fn new(signed: SignedHead, kept: Option<SignedHead>) -> Self {
        let head = TreeHead::default();
        let is_kept = |kept: SignedHead| kept.root == head.root();
        Self {
            signed,
            kept,
            extends_kept: kept.filter(|kept| kept.size == 0).map(is_kept),
            head,
            last_sequence: 0,
            findings: Vec::new(),
            erased: BTreeMap::new(),
            missing: BTreeMap::new(),
            erasures: BTreeMap::new(),
            pruning: None,
            intact: IntactLog::default(),
        }
    }

    /// Reads the next leaf. One behind the signed size counts as an entry that is not
    /// sealed yet.
    pub fn leaf(&mut self, leaf: &ServedLeaf) {
        if leaf.index >= self.signed.size {
            if self.is_new(leaf.sequence)
                && let Some(entry) = &leaf.entry
            {
                self.record(entry, None);
            }
            return;
        }
        let hash = read_hash(&leaf.hash);
        let (Some(hash), true) = (hash, leaf.index == self.head.size()) else {
            self.findings.push(Finding::Leaves);
            return;
        };
        let is_rising = leaf.sequence > self.last_sequence;
        self.last_sequence = leaf.sequence;
        self.head.append(hash);
        if let Some(kept) = self.kept.filter(|kept| kept.size == self.head.size()) {
            self.extends_kept = Some(kept.root == self.head.root());
        }
        let (index, sequence) = (leaf.index, leaf.sequence);
        self.intact.withheld += u64::from(leaf.withheld);
        let Some(entry) = &leaf.entry else {
            if !leaf.withheld {
                self.missing.insert(index, sequence);
            }
            return;
        };
        let is_same = entry.sequence == sequence && entry.leaf_hash(leaf.version) == Some(hash);
        if !is_same || !is_rising {
            self.findings.push(Finding::Changed { index, sequence });
            return;
        }
        if entry.is_erased() && !leaf.withheld {
            self.erased.insert(sequence, index);
        }
        self.record(entry, Some(index));
    }

    /// Reads an entry that has no leaf.
    pub fn without_leaf(&mut self, entry: &StoredEntry) {
        if self.is_new(entry.sequence) {
            self.record(entry, None);
        }
    }

    /// Whether an entry that is not sealed comes after all those before it, as it must.
    fn is_new(&mut self, sequence: i64) -> bool {
        if sequence <= self.last_sequence {
            self.findings.push(Finding::Inserted { sequence });
            return false;
        }
        self.last_sequence = sequence;
        self.intact.unsealed += 1;
        true
    }

    /// Notes what an entry records about others.
    fn record(&mut self, entry: &StoredEntry, index: RecordIndex) {
        let after = || serde_json::from_str::<Value>(entry.after.as_deref()?).ok();
        match &*entry.action {
            ERASURE => {
                let after = after().unwrap_or_default();
                let erased = after[ERASED].as_array().into_iter().flatten();
                for sequence in erased.filter_map(Value::as_i64) {
                    // The first sealed record counts.
                    self.erasures.entry(sequence).or_insert(index);
                }
            }
            PRUNING => {
                let to = after().and_then(|after| after[PRUNED_TO].as_u64());
                if let Some(to) = to {
                    let farthest = self.pruning.map_or(0, |(to, _)| to);
                    if to > farthest {
                        self.pruning = Some((to, index));
                    }
                }
            }
            _ => {}
        }
    }

    /// The verdict, once every leaf was read.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let is_signed =
            self.head.size() == self.signed.size && self.head.root() == self.signed.root;
        if !is_signed {
            self.findings.push(Finding::Leaves);
        }
        let mut waits = false;
        let mut erased: BTreeMap<u64, u64> = BTreeMap::new();
        for (sequence, index) in std::mem::take(&mut self.erased) {
            match self.erasures.get(&sequence) {
                Some(Some(by)) => *erased.entry(*by).or_default() += 1,
                Some(None) => waits = true,
                None => self.findings.push(Finding::Blanked { index, sequence }),
            }
        }
        let mut pruned = 0;
        for (index, sequence) in std::mem::take(&mut self.missing) {
            match self.pruning {
                Some((to, _)) if index < to => pruned += 1,
                _ => self.findings.push(Finding::Removed { index, sequence }),
            }
        }
        if let Some((_, by)) = self.pruning.filter(|_| pruned > 0) {
            waits |= by.is_none();
            let count = pruned;
            self.intact.pruned = by.map(|by| PrunedEntries { count, by });
        }
        if let Some(kept) = self.kept {
            if self.signed.size < kept.size {
                return Verdict::RolledBack;
            }
            if kept.size == self.signed.size && kept.root != self.signed.root {
                return Verdict::Forked;
            }
            if is_signed && self.extends_kept != Some(true) {
                return Verdict::Forked;
            }
        }
        self.findings.sort_by_key(|finding| match finding {
            Finding::Leaves => (0, 0),
            Finding::Changed { sequence, .. }
            | Finding::Blanked { sequence, .. }
            | Finding::Removed { sequence, .. }
            | Finding::Inserted { sequence } => (1, *sequence),
        });
        self.findings.dedup();
        if !self.findings.is_empty() {
            return Verdict::Altered(self.findings);
        }
        if waits {
            return Verdict::RecordNotSealed;
        }
        let counted = |(by, count)| ErasedEntries { count, by };
        Verdict::Intact(IntactLog {
            size: self.signed.size,
            erased: erased.into_iter().map(counted).collect(),
            ..self.intact
        })
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
