use super::*;
use crate::audit_log::leaf::{VERSION, tests::entry};
use data_encoding::HEXLOWER;
use proptest::prelude::*;

/// A log as it is served: leaves with their entries, and entries that are not sealed yet.
#[derive(Debug, Clone)]
struct Log {
    leaves: Vec<ServedLeaf>,
    unsealed: Vec<StoredEntry>,
}

impl Log {
    /// A log of as many entries, all sealed.
    fn of(size: i64) -> Self {
        let mut log = Self {
            leaves: Vec::new(),
            unsealed: Vec::new(),
        };
        for sequence in 1..=size {
            log.seal(entry(sequence));
        }
        log
    }

    fn seal(&mut self, entry: StoredEntry) {
        let hash = entry.leaf_hash(VERSION).expect("a leaf");
        self.leaves.push(ServedLeaf {
            index: self.leaves.len() as u64,
            sequence: entry.sequence,
            version: VERSION,
            hash: HEXLOWER.encode(&hash),
            entry: Some(entry),
            withheld: false,
        });
    }

    fn head(&self) -> SignedHead {
        let mut head = TreeHead::default();
        for leaf in &self.leaves {
            head.append(read_hash(&leaf.hash).expect("a hash"));
        }
        SignedHead {
            size: head.size(),
            root: head.root(),
        }
    }

    fn read(&self, signed: SignedHead, kept: Option<SignedHead>) -> Verdict {
        let mut reader = LogReader::new(signed, kept);
        for leaf in &self.leaves {
            reader.leaf(leaf);
        }
        for entry in &self.unsealed {
            reader.without_leaf(entry);
        }
        reader.finish()
    }

    fn erase(&mut self, index: usize) {
        let entry = self.leaves[index].entry.take().expect("an entry");
        self.leaves[index].entry = entry.without_content();
    }
}

fn record(sequence: i64, action: &str, after: &Value) -> StoredEntry {
    StoredEntry {
        action: action.to_owned(),
        after: Some(after.to_string()),
        ..entry(sequence)
    }
}

fn erasure(sequence: i64, erased: &[i64]) -> StoredEntry {
    record(sequence, ERASURE, &serde_json::json!({ ERASED: erased }))
}

fn pruning(sequence: i64, to: u64) -> StoredEntry {
    record(sequence, PRUNING, &serde_json::json!({ PRUNED_TO: to }))
}

fn intact(size: u64) -> IntactLog {
    IntactLog {
        size,
        ..IntactLog::default()
    }
}

#[test]
fn a_log_that_grew_extends_what_was_kept() {
    let log = Log::of(20);
    for kept in 0..=20 {
        let kept = Log::of(kept).head();
        let verdict = log.read(log.head(), Some(kept));
        assert_eq!(verdict, Verdict::Intact(intact(20)), "{kept:?}");
    }
    assert_eq!(log.read(log.head(), None), Verdict::Intact(intact(20)));
    assert_eq!(
        Log::of(0).read(Log::of(0).head(), None),
        Verdict::Intact(intact(0))
    );
}

#[test]
fn leaves_and_entries_after_the_checkpoint_wait() {
    let mut log = Log::of(9);
    log.unsealed.push(entry(10));
    let expected = IntactLog {
        unsealed: 3,
        ..intact(7)
    };
    assert_eq!(log.read(Log::of(7).head(), None), Verdict::Intact(expected));
}

#[test]
fn erased_by_record_is_green_and_blanked_is_not() {
    let mut log = Log::of(7);
    log.seal(erasure(8, &[2, 3, 5]));
    let signed = log.head();
    for index in [1, 2, 4] {
        log.erase(index);
    }
    let erased = vec![ErasedEntries { count: 3, by: 7 }];
    let expected = IntactLog {
        erased,
        ..intact(8)
    };
    assert_eq!(log.read(signed, Some(signed)), Verdict::Intact(expected));
    // The same mark on an entry that no sealed record names.
    log.erase(5);
    let blanked = Finding::Blanked {
        index: 5,
        sequence: 6,
    };
    assert_eq!(log.read(signed, None), Verdict::Altered(vec![blanked]));
}

#[test]
fn a_record_that_is_not_sealed_yet_waits() {
    let mut log = Log::of(3);
    let signed = log.head();
    log.erase(1);
    log.unsealed.push(erasure(4, &[2]));
    assert_eq!(log.read(signed, None), Verdict::RecordNotSealed);
    let mut log = Log::of(3);
    log.leaves[0].entry = None;
    log.unsealed.push(pruning(4, 1));
    assert_eq!(log.read(signed, None), Verdict::RecordNotSealed);
}

#[test]
fn a_changed_erasure_record_erases_nothing() {
    let mut log = Log::of(3);
    log.seal(erasure(4, &[2]));
    let signed = log.head();
    log.erase(1);
    log.erase(0);
    log.leaves[3].entry = Some(erasure(4, &[1, 2]));
    let expected = vec![
        Finding::Blanked {
            index: 0,
            sequence: 1,
        },
        Finding::Blanked {
            index: 1,
            sequence: 2,
        },
        Finding::Changed {
            index: 3,
            sequence: 4,
        },
    ];
    assert_eq!(log.read(signed, None), Verdict::Altered(expected));
}

#[test]
fn pruned_by_record_keeps_the_hashes_and_still_extends() {
    let mut log = Log::of(6);
    let kept = log.head();
    log.seal(pruning(7, 4));
    let signed = log.head();
    for leaf in &mut log.leaves[..4] {
        leaf.entry = None;
    }
    let pruned = Some(PrunedEntries { count: 4, by: 6 });
    let expected = IntactLog {
        pruned,
        ..intact(7)
    };
    assert_eq!(log.read(signed, Some(kept)), Verdict::Intact(expected));
    // One more than was recorded.
    log.leaves[4].entry = None;
    let removed = Finding::Removed {
        index: 4,
        sequence: 5,
    };
    assert_eq!(
        log.read(signed, Some(kept)),
        Verdict::Altered(vec![removed])
    );
    // Pruned again later, with the record of the first time.
    log.seal(pruning(8, 7));
    let signed = log.head();
    for leaf in &mut log.leaves[..7] {
        leaf.entry = None;
    }
    let pruned = Some(PrunedEntries { count: 7, by: 7 });
    let expected = IntactLog {
        pruned,
        ..intact(8)
    };
    assert_eq!(log.read(signed, Some(kept)), Verdict::Intact(expected));
}

#[test]
fn rolled_back_and_forked_are_told_apart() {
    let kept = Log::of(9).head();
    // A backup of an earlier day.
    let earlier = Log::of(7);
    assert_eq!(
        earlier.read(earlier.head(), Some(kept)),
        Verdict::RolledBack
    );
    // It goes on, to the same size and beyond.
    for size in [9, 12] {
        let mut other = Log::of(7);
        for sequence in 8..=size {
            other.seal(StoredEntry {
                actor: "other".to_owned(),
                ..entry(sequence)
            });
        }
        assert_eq!(
            other.read(other.head(), Some(kept)),
            Verdict::Forked,
            "{size}"
        );
        assert!(matches!(other.read(other.head(), None), Verdict::Intact(_)));
    }
}

#[test]
fn an_entry_that_came_in_among_sealed_ones_is_found() {
    let mut log = Log::of(5);
    let signed = log.head();
    log.unsealed.push(StoredEntry {
        id: "other".to_owned(),
        ..entry(3)
    });
    let inserted = Finding::Inserted { sequence: 3 };
    assert_eq!(log.read(signed, None), Verdict::Altered(vec![inserted]));
}

#[test]
fn what_is_withheld_is_counted_and_compared_by_digest() {
    let mut log = Log::of(4);
    let signed = log.head();
    log.erase(1);
    log.leaves[1].withheld = true;
    log.leaves[2].entry = None;
    log.leaves[2].withheld = true;
    let expected = IntactLog {
        withheld: 2,
        ..intact(4)
    };
    assert_eq!(log.read(signed, None), Verdict::Intact(expected));
    // A member that is shown is compared all the same.
    let shown = log.leaves[1].entry.as_mut().expect("an entry");
    shown.actor = "other".to_owned();
    let changed = Finding::Changed {
        index: 1,
        sequence: 2,
    };
    assert_eq!(log.read(signed, None), Verdict::Altered(vec![changed]));
}

/// One way of tampering with a log of [`SIZE`] entries.
#[derive(Debug, Clone)]
enum Tampering {
    Change(usize),
    ChangeWithHash(usize),
    Blank(usize),
    Remove(usize),
    RemoveWithLeaf(usize),
    RemoveAndCloseUp(usize),
    Swap(usize, usize),
    SwapWithLeaves(usize, usize),
    Insert(i64),
    InsertWithLeaf(usize),
    CutOff(usize),
}

const SIZE: usize = 12;

fn tampering() -> impl Strategy<Value = Tampering> {
    let at = 0..SIZE;
    let pair = (0..SIZE, 1..SIZE).prop_map(|(a, by)| (a, (a + by) % SIZE));
    prop_oneof![
        at.clone().prop_map(Tampering::Change),
        at.clone().prop_map(Tampering::ChangeWithHash),
        at.clone().prop_map(Tampering::Blank),
        at.clone().prop_map(Tampering::Remove),
        at.clone().prop_map(Tampering::RemoveWithLeaf),
        at.clone().prop_map(Tampering::RemoveAndCloseUp),
        pair.clone().prop_map(|(a, b)| Tampering::Swap(a, b)),
        pair.prop_map(|(a, b)| Tampering::SwapWithLeaves(a, b)),
        (1..=12_i64).prop_map(Tampering::Insert),
        at.clone().prop_map(Tampering::InsertWithLeaf),
        at.prop_map(Tampering::CutOff),
    ]
}

fn tamper(log: &mut Log, how: &Tampering) {
    let number = |log: &mut Log| {
        for (index, leaf) in log.leaves.iter_mut().enumerate() {
            leaf.index = index as u64;
        }
    };
    match *how {
        Tampering::Change(at) => {
            log.leaves[at].entry.as_mut().expect("an entry").after = Some("{}".to_owned());
        }
        Tampering::ChangeWithHash(at) => {
            let leaf = &mut log.leaves[at];
            let entry = leaf.entry.as_mut().expect("an entry");
            entry.actor = "somebody else".to_owned();
            leaf.hash = HEXLOWER.encode(&entry.leaf_hash(VERSION).expect("a leaf"));
        }
        Tampering::Blank(at) => log.erase(at),
        Tampering::Remove(at) => log.leaves[at].entry = None,
        Tampering::RemoveWithLeaf(at) => drop(log.leaves.remove(at)),
        Tampering::RemoveAndCloseUp(at) => {
            log.leaves.remove(at);
            number(log);
        }
        Tampering::Swap(a, b) => {
            let entry = log.leaves[a].entry.take();
            log.leaves[a].entry = std::mem::replace(&mut log.leaves[b].entry, entry);
        }
        Tampering::SwapWithLeaves(a, b) => {
            log.leaves.swap(a, b);
            number(log);
        }
        Tampering::Insert(sequence) => log.unsealed.push(entry(sequence)),
        Tampering::InsertWithLeaf(at) => {
            let leaf = ServedLeaf {
                ..log.leaves[at].clone()
            };
            log.leaves.insert(at, leaf);
            number(log);
        }
        Tampering::CutOff(at) => log.leaves.truncate(at),
    }
}

proptest! {
    #[test]
    fn any_tampering_is_found(how in tampering(), kept in 0..=12_i64) {
        let mut log = Log::of(12);
        let signed = log.head();
        tamper(&mut log, &how);
        let verdict = log.read(signed, Some(Log::of(kept).head()));
        prop_assert!(matches!(verdict, Verdict::Altered(_)), "{:?}", verdict);
    }
}
