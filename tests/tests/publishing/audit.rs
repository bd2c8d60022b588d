//! `keywright audit verify`: a log that is intact, one that was erased by record, and one
//! that was changed in the database.

use crate::tool::{Said, keywright, run};
use http::Method;
use keywright_license::SigningKey;
use keywright_tests::hosts::Instance;
use keywright_tests::shop::{ADMIN_KEY, CRON_TOKEN, SEAL_KEY};
use serde_json::{Value, json};
use std::path::Path;

async fn verify(instance: &Instance, kept: &Path, key: &str) -> Said {
    let kept = kept.to_str().expect("a path");
    let server = instance.api.base_url();
    let mut command = keywright(&[
        "--json", "audit", "verify", "--server", server, "--kept", kept, "--key", key,
    ]);
    command.env("KEYWRIGHT_API_KEY", ADMIN_KEY);
    run(command).await
}

async fn tick(instance: &Instance) {
    let request = instance.api.request(Method::POST, "/v1/cron/renew");
    let tick = instance.api.send(request.bearer_auth(CRON_TOKEN)).await;
    tick.ok();
}

async fn admin(instance: &Instance, path: &str, body: &Value) -> Value {
    instance.api.admin(Method::POST, path, body).await.ok()
}

pub(crate) async fn verified_kept_and_found_changed(instance: &Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let key = SigningKey::from_seed_base64(SEAL_KEY).expect("a seed");
    let key = key.public_key().to_base64();
    let new = json!({ "slug": "audited-log", "name": "A", "price_sats": 0 });
    admin(instance, "products", &new).await;
    let buyer = json!({ "product_slug": "audited-log", "buyer_email": "ana@example.com" });
    let license = admin(instance, "licenses", &buyer).await["license_id"].clone();
    let license = license.as_str().expect("an id");
    tick(instance).await;
    let first = verify(instance, &kept, &key).await.ok();
    assert_eq!(
        (&first["verdict"], &first["kept_size"]),
        (&json!("intact"), &Value::Null)
    );
    // A change of the address, and then its erasure, which the log records.
    let path = format!("licenses/{license}");
    let change = json!({ "buyer_email": "ana@new.example" });
    instance.api.admin(Method::PATCH, &path, &change).await.ok();
    tick(instance).await;
    let erased = admin(instance, &format!("{path}/erase-buyer"), &json!({})).await;
    assert_eq!(erased["erased_entries"], 1);
    verify(instance, &kept, &key)
        .await
        .is_refused(1, "not sealed yet");
    tick(instance).await;
    let second = verify(instance, &kept, &key).await.ok();
    assert_eq!(second["kept_size"], first["size"], "{second}");
    assert_eq!(second["erased"][0]["count"], 1, "{second}");
    let other = SigningKey::from_bytes(&[9; 32]).expect("a key");
    let elsewhere = folder.path().join("elsewhere");
    let other = verify(instance, &elsewhere, &other.public_key().to_hex()).await;
    other.is_refused(3, "with none of the given keys");
    let sql = "UPDATE audit SET actor = 'nobody' WHERE object_id = ?1 AND action = 'license.issue'";
    instance.database.change(sql, &[license]).await;
    let changed = verify(instance, &kept, &key).await;
    changed.is_refused(4, "was changed");
    let sql =
        "UPDATE audit SET actor = 'operator' WHERE object_id = ?1 AND action = 'license.issue'";
    instance.database.change(sql, &[license]).await;
    verify(instance, &kept, &key).await.ok();
}
