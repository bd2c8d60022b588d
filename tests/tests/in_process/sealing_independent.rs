//! Other implementations agree with ours about the sealed audit log: `signed_note` and
//! `tlog_tiles`, ports of Go's packages by Cloudflare.

use crate::bench::Bench;
use keywright_domain::audit_log::tree::{TreeHead, leaf_hash, read_hash};
use keywright_license::{NoteKey, SigningKey};
use keywright_tests::shop::SEAL_KEY;
use serde_json::json;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash, HashReader, record_hash, stored_hashes_for_record_hash};

/// The hashes of all complete subtrees, as the library stores them.
#[derive(Default)]
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let at = |index: &u64| self.0[usize::try_from(*index).expect("an index")];
        Ok(indexes.iter().map(at).collect())
    }
}

impl Stored {
    fn append(&mut self, size: u64, leaf: Hash) {
        let hashes = stored_hashes_for_record_hash(size, leaf, self);
        self.0.extend(hashes.expect("hashes"));
    }

    fn root(&self, size: u64) -> [u8; 32] {
        tlog_tiles::tree_hash(size, self).expect("a root").0
    }
}

#[test]
fn another_implementation_has_the_same_root_at_every_size() {
    let mut head = TreeHead::default();
    let mut stored = Stored::default();
    for size in 0..300_u64 {
        assert_eq!(head.root(), stored.root(size), "{size}");
        let leaf = size.to_be_bytes();
        stored.append(size, record_hash(&leaf));
        head.append(leaf_hash(&leaf));
    }
}

#[tokio::test]
async fn another_implementation_verifies_the_checkpoint_and_its_root() {
    let bench = Bench::new();
    for number in 0..5 {
        bench.product(&format!("p{number}"), 1).await;
    }
    assert_eq!(bench.tick().await.json()["sealed"], 5);
    let path = "/v1/admin/audit/checkpoint";
    let note = bench.operate("GET", path, &json!({})).await;
    let note = Note::from_bytes(&note.body).expect("a note");
    let key = SigningKey::from_seed_base64(SEAL_KEY).expect("a seed");
    let name = "shop.test/keywright-audit".to_owned();
    let key = NoteKey {
        name: name.clone(),
        key: key.public_key(),
    };
    let verifier = StandardVerifier::new(&key.to_string()).expect("a key");
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let (good, unknown) = note.verify(&known).expect("a good signature");
    assert_eq!((good.len(), unknown.len()), (1, 0));
    let checkpoint = Checkpoint::from_bytes(note.text()).expect("a checkpoint");
    assert_eq!((checkpoint.origin(), checkpoint.size()), (&*name, 5));
    let path = "/v1/admin/audit/leaves";
    let leaves = bench.operate("GET", path, &json!({})).await.json();
    let mut stored = Stored::default();
    for (size, leaf) in (0..).zip(leaves["leaves"].as_array().expect("leaves")) {
        let hash = read_hash(leaf["hash"].as_str().expect("a text"));
        stored.append(size, Hash(hash.expect("a hash")));
    }
    assert_eq!(stored.root(5), checkpoint.hash().0);
}
