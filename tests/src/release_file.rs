//! Files to publish, as the operator's routes want them. Their signatures have
//! the form and the statement; a server has no key to verify them with, so
//! nothing is signed here.

use data_encoding::HEXLOWER;
use keywright_domain::release::signature::DetachedSignature;
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

    /// A signature file that states what this is.
    #[must_use]
    pub fn signature(&self) -> String {
        let Self {
            product,
            version,
            channel,
            platform,
            bytes,
        } = self;
        let trusted_comment = format!(
            "timestamp:1700000000\tfile:{}\tversion:{version}\tproduct:{product}\tchannel:{channel}\tplatform:{platform}\tsize:{}\tsha256:{}",
            self.file_name(),
            bytes.len(),
            self.sha256()
        );
        let signature = DetachedSignature {
            key_id: [1; 8],
            signature: [2; 64],
            trusted_comment,
            global_signature: [3; 64],
        };
        signature.to_string()
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

    /// The body that publishes this file alone.
    #[must_use]
    pub fn publication(&self) -> Value {
        json!({
            "product": self.product, "version": self.version, "channel": self.channel,
            "files": [self.json()],
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
