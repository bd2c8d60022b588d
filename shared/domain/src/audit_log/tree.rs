//! Hashes of RFC 6962, and the head of a tree that grows leaf by leaf: it needs the roots
//! of the perfect subtrees only, one for each 1 in the binary form of the size.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf with these bytes.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(bytes)
        .finalize()
        .into()
}

/// The hash of a node over two subtrees.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let node = Sha256::new().chain_update([1]).chain_update(left);
    node.chain_update(right).finalize().into()
}

/// A hash in lower-case hex.
#[must_use]
pub fn write_hash(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

/// Reads a hash in lower-case hex.
#[must_use]
pub fn read_hash(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The head of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeHead {
    size: u64,
    /// The roots of the perfect subtrees, the largest first.
    subtrees: Vec<Hash>,
}

impl TreeHead {
    /// Reads a head as [`Self::frontier`] writes it; `None` where it is not that of a tree
    /// of this size.
    #[must_use]
    pub fn read(size: u64, frontier: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(frontier.as_bytes()).ok()?;
        let (subtrees, rest) = bytes.as_chunks::<32>();
        let has_all = u32::try_from(subtrees.len()).ok()? == size.count_ones();
        (has_all && rest.is_empty()).then(|| Self {
            size,
            subtrees: subtrees.to_vec(),
        })
    }

    /// The roots of the perfect subtrees in hex, the largest first.
    #[must_use]
    pub fn frontier(&self) -> String {
        HEXLOWER.encode(self.subtrees.as_flattened())
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the end.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each 1 at the end of the size is a subtree that is as large as the new one.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    /// The root hash.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(last) = subtrees.next() else {
            return Sha256::digest([]).into();
        };
        subtrees.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves of the test vectors of the reference implementation of RFC 6962,
    /// certificate-transparency, and the roots of the trees over the first 0 to 8.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// The root of RFC 6962 section 2.1, from scratch.
    fn root_of(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                node_hash(&root_of(&leaves[..half]), &root_of(&leaves[half..]))
            }
        }
    }

    #[test]
    fn the_published_roots_come_out() {
        let mut head = TreeHead::default();
        assert_eq!(HEXLOWER.encode(&head.root()), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            let bytes = HEXLOWER.decode(leaf.as_bytes()).expect("hex");
            head.append(leaf_hash(&bytes));
            assert_eq!(HEXLOWER.encode(&head.root()), *root);
        }
    }

    #[test]
    fn a_head_that_grew_has_the_root_from_scratch() {
        let leaf = |n: u32| leaf_hash(&n.to_be_bytes());
        let leaves: Vec<Hash> = (0..300).map(leaf).collect();
        let mut head = TreeHead::default();
        for size in 0..=leaves.len() {
            assert_eq!(head.size(), size as u64);
            assert_eq!(head.root(), root_of(&leaves[..size]), "{size}");
            // Stored and read back between any two leaves.
            head = TreeHead::read(head.size(), &head.frontier()).expect("a head");
            if let Some(leaf) = leaves.get(size) {
                head.append(*leaf);
            }
        }
    }

    #[test]
    fn a_frontier_of_another_size_is_refused() {
        let mut head = TreeHead::default();
        for _ in 0..5 {
            head.append([1; 32]);
        }
        let frontier = head.frontier();
        assert_eq!(TreeHead::read(5, &frontier), Some(head));
        for (size, text) in [
            (4, &*frontier),
            (7, &frontier),
            (5, &frontier[2..]),
            (5, "zz"),
            (0, "00"),
        ] {
            assert_eq!(TreeHead::read(size, text), None, "{size} {text}");
        }
    }
}
