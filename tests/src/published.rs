//! Releases as they are published: manifests, and bytes by their digest.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};
use std::path::Path;

/// When releases are built where a test does not care: 2023-11-14.
pub const BUILT_AT: i64 = 1_700_000_000;

/// One version of a product, put together member by member.
#[derive(Debug, Clone)]
pub struct Published {
    manifest: Value,
    contents: Vec<Vec<u8>>,
}

/// A version on the stable channel, without files yet.
#[must_use]
pub fn release(product: &str, version: &str) -> Published {
    Published {
        manifest: json!({
            "format": 1, "product": product, "version": version, "channel": "stable",
            "built_at_unix": BUILT_AT, "published_at_unix": BUILT_AT + 100,
            "rollout_percent": 100, "artifacts": [], "metadata": {},
        }),
        contents: Vec::new(),
    }
}

impl Published {
    /// With a file for a platform.
    #[must_use]
    pub fn file(mut self, platform: &str, name: &str, bytes: &[u8]) -> Self {
        let artifact = json!({
            "platform": platform, "file_name": name, "size_bytes": bytes.len(),
            "sha256": sha256(bytes), "sha512": HEXLOWER.encode(&Sha512::digest(bytes)),
            "signature": format!("the signature of {name}\n"),
        });
        if let Some(artifacts) = self.manifest["artifacts"].as_array_mut() {
            artifacts.push(artifact);
        }
        self.contents.push(bytes.to_owned());
        self
    }

    /// With another value of a manifest's member.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.manifest[member] = value;
        self
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Value {
        &self.manifest
    }

    fn text(&self, member: &str) -> &str {
        self.manifest[member].as_str().unwrap_or_default()
    }

    /// All that is stored of it, by key.
    #[must_use]
    pub fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let (product, version) = (self.text("product"), self.text("version"));
        let mut stored = vec![(
            format!("{product}/{version}/MANIFEST.json"),
            self.manifest.to_string().into_bytes(),
        )];
        for bytes in &self.contents {
            stored.push((format!("{product}/.files/{}", sha256(bytes)), bytes.clone()));
        }
        stored
    }

    /// Writes it into a releases folder.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (key, bytes) in self.stored() {
            put(folder, &key, &bytes)?;
        }
        Ok(())
    }
}

/// Writes a file of a releases folder.
///
/// # Errors
/// When the disk does not take it.
pub fn put(folder: &Path, key: &str, bytes: &[u8]) -> std::io::Result<()> {
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    std::fs::write(path, bytes)
}

/// A digest in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
