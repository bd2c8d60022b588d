//! Files to publish, as the operator's routes want them, signed with the vendor's
//! release key.

use crate::vendor;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

/// A file and what it is published as.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseFile<'a> {
    /// Slug of the product.
    pub product: &'a str,
    /// The version.
    pub version: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The platform.
    pub platform: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl ReleaseFile<'_> {
    /// SHA-256 in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.bytes))
    }

    /// The name it is saved under.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}", self.product, self.version)
    }

    /// What the vendor states about it.
    fn statement(&self) -> String {
        let Self {
            product,
            version,
            channel,
            platform,
            bytes,
        } = self;
        format!(
            "timestamp:1700000000\tfile:{}\tversion:{version}\tproduct:{product}\tchannel:{channel}\tplatform:{platform}\tsize:{}\tsha256:{}",
            self.file_name(),
            bytes.len(),
            self.sha256()
        )
    }

    /// The vendor's signature file, which states what this is.
    #[must_use]
    pub fn signature(&self) -> String {
        vendor::stated(vendor::SEED, self.bytes, &self.statement())
    }

    /// The same by another key, whose signatures name the vendor's.
    #[must_use]
    pub fn signature_by(&self, seed: [u8; 32]) -> String {
        vendor::stated(seed, self.bytes, &self.statement())
    }

    /// The file in the body of `POST /v1/admin/releases`.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "platform": self.platform, "file_name": self.file_name(),
            "size_bytes": self.bytes.len(), "sha256": self.sha256(),
            "sha512": HEXLOWER.encode(&Sha512::digest(self.bytes)),
            "signature": self.signature(),
        })
    }

    /// The body that publishes this file alone, and brings the release key along
    /// for a product that has none.
    #[must_use]
    pub fn publication(&self) -> Value {
        json!({
            "product": self.product, "version": self.version, "channel": self.channel,
            "files": [self.json()], "release_key": vendor::release_key(),
        })
    }

    /// The body that begins its upload.
    #[must_use]
    pub fn upload(&self) -> Value {
        json!({
            "product": self.product, "sha256": self.sha256(), "size": self.bytes.len()
        })
    }
}
