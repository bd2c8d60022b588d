//! A vendor who publishes releases: files, statements about them, and signatures
//! made with a key that no server has. Written straight into the database, so
//! that a test of what is offered needs no uploads.

#![expect(
    clippy::expect_used,
    reason = "a test cannot go on without its release"
)]

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer, SigningKey};
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::statement::{FileName, Sha256Hex, Statement};
use keywright_domain::release::{Channel, Platform, Version};
use keywright_domain::slug::Slug;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

/// The vendor's key for releases.
pub const SEED: [u8; 32] = [0x33; 32];
/// Its id in signatures.
const KEY_ID: [u8; 8] = *b"keyid-33";

/// The public half, 32 bytes.
#[must_use]
pub fn public_key() -> [u8; 32] {
    SigningKey::from_bytes(&SEED).verifying_key().to_bytes()
}

/// The public half as minisign's `.pub` file has it.
#[must_use]
pub fn minisign_public_key() -> String {
    let bytes = [b"Ed".as_slice(), &KEY_ID, &public_key()].concat();
    format!("untrusted comment: vendor\n{}\n", BASE64.encode(&bytes))
}

/// The public half as the operator's routes take it.
#[must_use]
pub fn release_key() -> String {
    release_key_of(SEED)
}

/// The public half of another vendor's key, which has the same id in signatures.
#[must_use]
pub fn release_key_of(seed: [u8; 32]) -> String {
    let key = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    BASE64.encode(&[b"Ed".as_slice(), &KEY_ID, &key].concat())
}

/// The signature file of a file.
#[must_use]
pub fn signature(bytes: &[u8], statement: &Statement) -> String {
    signature_by(SEED, bytes, statement)
}

/// The signature file of a file, by another key of the same id.
#[must_use]
pub fn signature_by(seed: [u8; 32], bytes: &[u8], statement: &Statement) -> String {
    stated(seed, bytes, &statement.to_string())
}

/// The signature file of a file about which this is stated, whatever it is.
#[must_use]
pub fn stated(seed: [u8; 32], bytes: &[u8], trusted_comment: &str) -> String {
    let key = SigningKey::from_bytes(&seed);
    let signature = key.sign(bytes).to_bytes();
    let trusted_comment = trusted_comment.to_owned();
    let signed = DetachedSignature::globally_signed(&signature, &trusted_comment);
    DetachedSignature {
        key_id: KEY_ID,
        signature,
        trusted_comment,
        global_signature: key.sign(&signed).to_bytes(),
    }
    .to_string()
}

/// A release to be recorded as published.
#[derive(Debug, Clone)]
pub struct Release {
    product: String,
    version: String,
    channel: Channel,
    members: Value,
    files: Vec<Value>,
}

/// When releases are built and published unless a test says otherwise:
/// 2027-01-14T08:00:00Z.
pub const PUBLISHED_AT: i64 = 1_799_913_600;

impl Release {
    /// A stable release without files.
    #[must_use]
    pub fn new(product: &str, version: &str) -> Self {
        Self::on(Channel::Stable, product, version)
    }

    /// A release on a channel, without files.
    #[must_use]
    pub fn on(channel: Channel, product: &str, version: &str) -> Self {
        Self {
            product: product.to_owned(),
            version: version.to_owned(),
            channel,
            members: json!({
                "rollout_percent": 100, "metadata": {}, "built_at": PUBLISHED_AT,
                "published_at": PUBLISHED_AT, "written_revision": 1,
            }),
            files: Vec::new(),
        }
    }

    /// With this column, such as `notes` or `metadata`.
    #[must_use]
    pub fn with(mut self, column: &str, value: Value) -> Self {
        self.members[column] = value;
        self
    }

    /// With a file; its content is its name.
    ///
    /// # Panics
    /// When something about it breaks a grammar.
    #[must_use]
    pub fn file(self, platform: &str, name: &str) -> Self {
        self.holding(platform, name, name.as_bytes())
    }

    /// With a file of this content.
    ///
    /// # Panics
    /// When something about it breaks a grammar.
    #[must_use]
    pub fn holding(mut self, platform: &str, name: &str, bytes: &[u8]) -> Self {
        let sha256 = HEXLOWER.encode(&Sha256::digest(bytes));
        let statement = Statement {
            timestamp: PUBLISHED_AT,
            file_name: FileName::parse(name).expect("a file name"),
            version: Version::parse(&self.version).expect("a version"),
            product: Slug::parse(&self.product).expect("a slug"),
            channel: self.channel,
            platform: Platform::parse(platform).expect("a platform"),
            size: u64::try_from(bytes.len()).expect("a size"),
            sha256: Sha256Hex::parse(&sha256).expect("a digest"),
        };
        self.files.push(json!({
            "platform": platform, "file_name": name, "size": bytes.len(), "sha256": sha256,
            "sha512": HEXLOWER.encode(&Sha512::digest(bytes)),
            "signature": signature(bytes, &statement),
        }));
        self
    }

    /// The statements that record it, each with its parameters.
    #[must_use]
    pub fn statements(&self) -> [(&'static str, Vec<String>); 2] {
        let id = format!("{}-{}", self.product, self.version);
        let mut row = self.members.clone();
        row["id"] = json!(id);
        row["product"] = json!(self.product);
        row["version"] = json!(self.version);
        row["channel"] = json!(self.channel);
        row["metadata"] = json!(row["metadata"].to_string());
        [
            (
                "INSERT INTO releases (id, product_id, version, channel, notes,
                                       requires_entitlement, rollout_percent, metadata, built_at,
                                       published_at, yanked_at, revision, written_revision,
                                       updated_at)
                 SELECT ?1 ->> '$.id', p.id, ?1 ->> '$.version', ?1 ->> '$.channel',
                        ?1 ->> '$.notes', ?1 ->> '$.requires_entitlement',
                        ?1 ->> '$.rollout_percent', ?1 ->> '$.metadata', ?1 ->> '$.built_at',
                        ?1 ->> '$.published_at', ?1 ->> '$.yanked_at', 1,
                        ?1 ->> '$.written_revision', 1
                 FROM products p WHERE p.slug = ?1 ->> '$.product'",
                vec![row.to_string()],
            ),
            (
                "INSERT INTO release_files (release_id, platform, file_name, size, sha256, sha512,
                                            signature)
                 SELECT ?1, value ->> '$.platform', value ->> '$.file_name', value ->> '$.size',
                        value ->> '$.sha256', value ->> '$.sha512', value ->> '$.signature'
                 FROM json_each(?2)",
                vec![id, Value::from(self.files.clone()).to_string()],
            ),
        ]
    }
}

/// The statement that opens a product to everybody, or closes it; its parameters
/// are the slug, `0` or `1`, and an entitlement or nothing.
pub const GATE: &str = "INSERT INTO release_gates (product_id, requires_license,
       requires_entitlement, revision, written_revision, updated_at)
     SELECT id, CAST(?2 AS INTEGER), nullif(?3, ''), 1, 1, 1 FROM products WHERE slug = ?1";
