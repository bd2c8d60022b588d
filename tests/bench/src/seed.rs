//! The licenses that are asked about: rows for the database of a host, and their
//! keys, signed with the tests' key. The same every time.

use crate::Error;
use data_encoding::HEXLOWER;
use keywright_domain::ids::uuid_v7;
use keywright_license::{NewLicense, SigningKey, hash_fingerprint};
use keywright_native_host::SqliteDatabase;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Slug of the one product.
pub const PRODUCT: &str = "bench";

/// Licenses are issued this long after one another, in seconds: ten thousand
/// take about a year.
const APART: i64 = 3_000;
/// When the last of them was issued: 2026-09-01.
const LAST_ISSUED: i64 = 1_788_220_800;

/// The seed of the key that signs; a test's, and no secret.
const SIGNING_SEED: [u8; 32] = [0x5a; 32];
/// The seed of a key that no server trusts.
const FORGING_SEED: [u8; 32] = [0x33; 32];

/// One license with the machine that it is active on.
#[derive(Debug, Clone)]
pub struct License {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// The same key, signed by somebody else.
    pub forged_key: String,
    /// Fingerprint of its machine.
    pub fingerprint: String,
    /// Id of its machine.
    pub machine_id: Uuid,
    receipt_id: Uuid,
    issued_at: i64,
}

/// All licenses of a run.
#[derive(Debug)]
pub struct Seed {
    /// The licenses, oldest first.
    pub licenses: Vec<License>,
    /// The public key that verifies their keys, as `VERIFY_KEYS` takes it.
    pub verify_keys: String,
    product_id: Uuid,
    policy_id: Uuid,
}

impl Seed {
    /// Makes `count` licenses and signs their keys.
    ///
    /// # Errors
    /// [`Error`] when a key cannot be made: then this code is wrong.
    pub fn new(count: usize) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::new("making license keys", error);
        let signing = SigningKey::from_bytes(&SIGNING_SEED).map_err(|error| failed(&error))?;
        let forging = SigningKey::from_bytes(&FORGING_SEED).map_err(|error| failed(&error))?;
        let product_id = id("product", 0, LAST_ISSUED);
        let mut licenses = Vec::with_capacity(count);
        let mut issued_at = LAST_ISSUED - APART * i64::try_from(count).unwrap_or_default();
        for number in 0..count {
            issued_at += APART;
            let fingerprint = format!("bench-machine-{number:05}");
            let new = NewLicense {
                product_id,
                license_id: id("license", number, issued_at),
                issued_at,
                expires_at: None,
                trial: false,
                fingerprint_hash: None,
                entitlements: vec!["pro".to_owned(), "export".to_owned()],
            };
            licenses.push(License {
                id: new.license_id,
                key: signing.sign_license(&new).map_err(|error| failed(&error))?,
                forged_key: forging.sign_license(&new).map_err(|error| failed(&error))?,
                fingerprint,
                machine_id: id("machine", number, issued_at),
                receipt_id: id("receipt", number, issued_at),
                issued_at,
            });
        }
        Ok(Self {
            licenses,
            verify_keys: signing.public_key().to_hex(),
            product_id,
            policy_id: id("policy", 0, LAST_ISSUED),
        })
    }

    /// Brings the database file up to the newest schema and fills it. It is made
    /// where it is missing. For a host that is not running.
    ///
    /// # Errors
    /// [`Error`] when the database refuses: the schema has changed.
    pub fn write(&self, file: &Path) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::new("filling the database", error);
        SqliteDatabase::open(file, keywright_store::MIGRATIONS).map_err(|error| failed(&error))?;
        let connection = Connection::open(file).map_err(|error| failed(&error))?;
        self.insert(connection).map_err(|error| failed(&error))
    }

    fn insert(&self, mut connection: Connection) -> rusqlite::Result<()> {
        // As Spin's adapter and local D1 have it; the mode stays with the file.
        connection.pragma_update(None, "journal_mode", "wal")?;
        let product_id = self.product_id.to_string();
        let policy_id = self.policy_id.to_string();
        let all = connection.transaction()?;
        all.execute(
            "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                   active, metadata, created_at, updated_at)
             VALUES (?1, ?2, 'Bench', '', 1000, 'SAT', 1, '{}', ?3, ?3)",
            params![product_id, PRODUCT, LAST_ISSUED],
        )?;
        all.execute(
            "INSERT INTO policies (id, product_id, slug, name, price_amount, duration_seconds,
                                   grace_seconds, max_machines, entitlements, is_trial, active,
                                   public, metadata, created_at, updated_at)
             VALUES (?1, ?2, 'pro', 'Pro', NULL, 0, 0, 3, '[\"pro\",\"export\"]', 0, 1, 1, '{}', ?3, ?3)",
            params![policy_id, product_id, LAST_ISSUED],
        )?;
        let seen_at = unix_now();
        for (number, license) in self.licenses.iter().enumerate() {
            let id = license.id.to_string();
            let receipt_id = license.receipt_id.to_string();
            all.prepare_cached(
                "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency, received_at)
                 VALUES (?1, 'grant', ?1, ?2, 0, 'SAT', ?3)",
            )?
            .execute(params![receipt_id, product_id, license.issued_at])?;
            all.prepare_cached(
                "INSERT INTO licenses (id, receipt_id, product_id, policy_id, status, issued_at,
                                       grace_seconds, max_machines, entitlements, is_trial,
                                       buyer_email, updated_at)
                 VALUES (?1, ?2, ?3, ?4, 'active', ?5, 0, 3, '[\"pro\",\"export\"]', 0, ?6, ?5)",
            )?
            .execute(params![
                id,
                receipt_id,
                product_id,
                policy_id,
                license.issued_at,
                format!("buyer-{number}@example.com"),
            ])?;
            all.prepare_cached(
                "INSERT INTO machines (id, license_id, fingerprint_hash, hostname, platform,
                                       activated_at, last_seen_at)
                 VALUES (?1, ?2, ?3, 'bench', 'linux', ?4, ?5)",
            )?
            .execute(params![
                license.machine_id.to_string(),
                id,
                HEXLOWER.encode(&hash_fingerprint(&license.fingerprint)),
                license.issued_at,
                seen_at,
            ])?;
        }
        all.commit()?;
        // Without what `ANALYZE` writes: no operator runs it.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

/// An id that is the same in every run.
fn id(kind: &str, number: usize, at: i64) -> Uuid {
    let digest = Sha256::digest(format!("{kind} {number}"));
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    uuid_v7(u64::try_from(at).unwrap_or_default() * 1_000, random)
}

/// The machines were seen just now: the run is about those who validate often.
#[expect(
    clippy::disallowed_methods,
    reason = "a program that measures has a clock"
)]
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_license::{LicenseError, VerifyKeys, verify_license};

    #[test]
    fn keys_verify_and_forged_ones_do_not() {
        let seed = Seed::new(3).unwrap();
        let keys: VerifyKeys = seed.verify_keys.parse().unwrap();
        for license in &seed.licenses {
            let verified = verify_license(&license.key, &keys).unwrap();
            assert_eq!(verified.payload().license_id(), license.id);
            let forged = verify_license(&license.forged_key, &keys);
            assert_eq!(forged.unwrap_err(), LicenseError::BadSignature);
        }
    }

    #[test]
    fn every_license_is_written_with_a_machine_that_was_just_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let seed = Seed::new(50).unwrap();
        seed.write(&file).unwrap();
        let connection = Connection::open(&file).unwrap();
        let joined = "SELECT count(*) FROM licenses l JOIN machines m ON m.license_id = l.id
                      JOIN receipts r ON r.id = l.receipt_id
                      WHERE l.status = 'active' AND m.last_seen_at >= unixepoch() - 60";
        let count: i64 = connection.query_row(joined, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 50);
        let mode: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    }
}
