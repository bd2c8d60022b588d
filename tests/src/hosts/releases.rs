//! The release files that every instance has, and a file beside them that no
//! request may ever reach.

use super::StartError;
use crate::published::{self, Published, release};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A licensed product: no manifest says otherwise.
pub const LICENSED: &str = "gate";
/// A product whose manifest opens it.
pub const OPEN: &str = "open";
/// A product whose manifest says `"requires_license": "false"`, which is no
/// boolean and opens nothing.
pub const MISTAKEN: &str = "mistaken";
/// The platform of most files.
pub const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// Bytes of the large file.
pub const LARGE_BYTES: usize = 20 * 1024 * 1024;
/// Text of the file outside the releases.
pub const OUTSIDE: &str = "this file lies outside the releases folder";

/// Files by key, as `product/version/platform`; the large one is not here.
pub const FILES: &[(&str, &[u8])] = &[
    (
        "gate/1.0.0/x86_64-unknown-linux-gnu",
        b"#!/bin/sh\necho gate 1.0.0\n",
    ),
    (
        "gate/1.0.0/x86_64-unknown-linux-gnu.sig",
        b"a detached signature of gate 1.0.0",
    ),
    (
        "gate/1.10.0-rc1/x86_64-unknown-linux-gnu",
        b"#!/bin/sh\necho gate 1.10.0-rc1\n",
    ),
    ("gate/1.0.0/empty", b""),
    ("gate/1.0.0/folder/file", b"a file too deep to be named"),
    ("open/MANIFEST.json", br#"{"requires_license":false}"#),
    (
        "open/1.0.0/x86_64-unknown-linux-gnu",
        b"#!/bin/sh\necho open\n",
    ),
    ("mistaken/MANIFEST.json", br#"{"requires_license":"false"}"#),
    (
        "mistaken/1.0.0/x86_64-unknown-linux-gnu",
        b"#!/bin/sh\necho mistaken\n",
    ),
    (
        "sold/2.0.0/x86_64-unknown-linux-gnu",
        b"#!/bin/sh\necho what was paid for\n",
    ),
];

/// A licensed product that was published with manifests.
pub const LISTED: &str = "listed";
/// A Joomla extension, licensed.
pub const EXTENSION: &str = "extension";
/// Text that is in every file of a product with manifests.
pub const PAID: &str = "what a manifest lists";

/// What was published with manifests.
#[must_use]
pub fn published() -> Vec<Published> {
    let of = |product: &str, version: &str, platforms: &[&str]| {
        let release = release(product, version);
        platforms.iter().fold(release, |release, platform| {
            let name = format!("{product}-{version}-{platform}");
            release.file(platform, &name, format!("{PAID}: {name}\n").as_bytes())
        })
    };
    vec![
        of(LISTED, "1.0.0", &[PLATFORM, "any.deb"]),
        of(LISTED, "1.1.0", &[PLATFORM])
            .with("yanked", json!({ "at_unix": 1, "reason": "broken" })),
        of(LISTED, "1.2.0-rc.1", &[PLATFORM]).with("channel", json!("rc")),
        of(LISTED, "1.3.0", &["any"]).with("requires_entitlement", json!("pro")),
        of(EXTENSION, "1.0.0", &["any"]),
        of(EXTENSION, "1.1.0", &["any"]).with("requires_entitlement", json!("pro")),
    ]
}

/// Key of the large file; its product is open, so that only streaming is tried.
pub const LARGE: &str = "open/1.0.0/large";

/// Links out of the folder of releases, each with where it leads: to
/// [`OUTSIDE`] and to the folder around. Where releases are in a bucket they
/// are not there at all.
const LINKS: [(&str, &str); 2] = [
    ("open/1.0.0/linked", "../../../outside"),
    ("open/9.0.0", "../.."),
];

/// An open product with so many versions that a bucket lists them in two
/// pieces; only where the huge file is.
pub const MANY: &str = "many";
/// How many it has: 1.0.0, 2.0.0 and so on.
pub const MANY_VERSIONS: usize = 1_050;

/// Key of the huge file, which only some instances have; its product is open.
pub const HUGE: &str = "open/1.0.0/huge";
/// Bytes of the huge file.
pub const HUGE_BYTES: usize = 200 * 1024 * 1024;

/// The files on disk, in a folder of their own.
pub struct Releases {
    folder: TempDir,
}

impl Releases {
    /// Writes them, the huge one only where it is wanted.
    pub(super) fn write(with_huge: bool) -> Result<Self, StartError> {
        let failed = |error| StartError::new("writing the release files", error);
        let folder = tempfile::Builder::new()
            .prefix("keywright-suite-")
            .tempdir();
        let releases = Self {
            folder: folder.map_err(failed)?,
        };
        let put = |key: &str, bytes: &[u8]| published::put(&releases.path(), key, bytes);
        for (key, bytes) in FILES {
            put(key, bytes).map_err(failed)?;
        }
        for published in self::published() {
            published.write(&releases.path()).map_err(failed)?;
        }
        put(LARGE, &large()).map_err(failed)?;
        if with_huge {
            let file = File::create(releases.path().join(HUGE));
            let mut file = BufWriter::new(file.map_err(failed)?);
            for word in words(HUGE_BYTES) {
                file.write_all(&word).map_err(failed)?;
            }
            file.flush().map_err(failed)?;
            put(
                &format!("{MANY}/MANIFEST.json"),
                br#"{"requires_license":false}"#,
            )
            .map_err(failed)?;
            for version in 1..=MANY_VERSIONS {
                let key = format!("{MANY}/{version}.0.0/{PLATFORM}");
                put(&key, version.to_string().as_bytes()).map_err(failed)?;
            }
        }
        for (link, to) in LINKS {
            std::os::unix::fs::symlink(to, releases.path().join(link)).map_err(failed)?;
        }
        std::fs::write(releases.home().join("outside"), OUTSIDE).map_err(failed)?;
        Ok(releases)
    }

    /// The folder of releases.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.home().join("releases")
    }

    /// The folder around it, where a host keeps its state.
    pub(super) fn home(&self) -> &Path {
        self.folder.path()
    }
}

/// The large file: the same bytes every time, and no two pieces of it alike.
#[must_use]
pub fn large() -> Vec<u8> {
    words(LARGE_BYTES).flatten().collect()
}

/// SHA-256 of the huge file.
#[must_use]
pub fn huge_digest() -> [u8; 32] {
    let mut digest = Sha256::new();
    for word in words(HUGE_BYTES) {
        digest.update(word);
    }
    digest.finalize().into()
}

/// So many bytes, by eights.
fn words(bytes: usize) -> impl Iterator<Item = [u8; 8]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes / 8).map(move |_| {
        // Xorshift (Marsaglia, 2003): enough that a lost or doubled piece shows.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
}
