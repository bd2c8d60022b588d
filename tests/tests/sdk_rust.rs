//! The published Rust SDK, unchanged, against workerd.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking"
)]

use keysat_licensing_client::{
    Client, Error, PollResponse, PublicKeyPem, StartPurchaseOptions, Verifier,
};
use keywright_tests::hosts::{Host, Instance};
use keywright_tests::suite::{Case, floor, run};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let cases = [
        Case::new("example", |instance| Box::pin(example(instance))),
        Case::new("free_policy", |instance| Box::pin(free_policy(instance))),
        Case::new("paid_policy", |instance| Box::pin(paid_policy(instance))),
        Case::new("refusals", |instance| Box::pin(refusals(instance))),
    ];
    run(Host::Workerd, cases.into_iter())
}

fn client(instance: &Instance) -> Client {
    Client::new(instance.api.base_url()).expect("a client")
}

async fn verifier(client: &Client) -> Verifier {
    let pem = client.fetch_pubkey().await.expect("a public key");
    Verifier::new(PublicKeyPem::from_str(&pem).expect("a PEM that the SDK reads"))
}

async fn until_settled(client: &Client, invoice_id: &str) -> PollResponse {
    for _ in 0..100 {
        let progress = client.poll_purchase(invoice_id).await.expect("a poll");
        if progress.license_key.is_some() {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{invoice_id} did not settle")
}

/// What the SDK's example `online_validate` does: purchase without options,
/// wait, validate without a fingerprint. The product's own price decides.
async fn example(instance: &Instance) {
    let product = floor::product(instance, "example", 500).await;
    let path = format!("products/{}", floor::text(&product, "id"));
    instance
        .api
        .admin(http::Method::PATCH, &path, &json!({ "price_sats": 0 }))
        .await
        .ok();
    let client = client(instance);
    let options = StartPurchaseOptions::default();
    let session = client
        .start_purchase("example", &options)
        .await
        .expect("a purchase");
    assert_eq!(
        (session.amount_sats, session.checkout_url.as_str()),
        (0, "")
    );
    let progress = until_settled(&client, &session.invoice_id).await;
    let key = progress.license_key.expect("a key");
    let validated = client
        .validate(&key, Some("example"), None)
        .await
        .expect("an answer");
    assert!(validated.ok, "{validated:?}");
    assert_eq!(validated.status.as_deref(), Some("active"));
}

async fn free_policy(instance: &Instance) {
    floor::product(instance, "rust-free", 500).await;
    let terms = json!({ "price_sats_override": 0, "entitlements": ["basic"], "is_trial": true,
                        "duration_seconds": 86_400 });
    floor::policy(instance, "rust-free", "trial", terms).await;
    let client = client(instance);
    let options = StartPurchaseOptions {
        policy_slug: Some("trial"),
        ..StartPurchaseOptions::default()
    };
    let session = client
        .start_purchase("rust-free", &options)
        .await
        .expect("a purchase");
    let progress = until_settled(&client, &session.invoice_id).await;
    assert_eq!(progress.status, "settled");
    let key = progress.license_key.expect("a key");
    let offline = verifier(&client)
        .await
        .verify(&key)
        .expect("a key that verifies offline");
    assert_eq!(Some(offline.license_id.clone()), progress.license_id);
    assert_eq!(offline.product_id, progress.product_id);
    assert!(offline.is_trial() && offline.has_entitlement("basic"));
    assert!(!offline.is_expired_at(floor::now()) && offline.is_expired_at(floor::now() + 90_000));
    let online = client
        .validate(&key, Some("rust-free"), Some("machine"))
        .await;
    let online = online.expect("an answer");
    assert!(online.ok && online.has_entitlement("basic"), "{online:?}");
    assert_eq!(online.is_trial, Some(true));
    assert_eq!(online.license_id, Some(offline.license_id));
}

async fn paid_policy(instance: &Instance) {
    floor::product(instance, "rust-paid", 1_000).await;
    let terms = json!({ "price_sats_override": 5_000, "max_machines": 4, "entitlements": ["pro"],
                        "metadata": { "description": "For teams", "highlight": true } });
    floor::policy(instance, "rust-paid", "team", terms).await;
    floor::policy(instance, "rust-paid", "solo", json!({})).await;
    let client = client(instance);
    let listed = client
        .list_public_policies("rust-paid")
        .await
        .expect("policies");
    let slugs: Vec<_> = listed
        .policies
        .iter()
        .map(|policy| policy.slug.as_str())
        .collect();
    assert_eq!(slugs, ["solo", "team"]);
    let team = &listed.policies[1];
    assert_eq!((team.price_sats, team.max_machines), (5_000, 4));
    assert_eq!(
        (team.description.as_str(), team.highlighted),
        ("For teams", true)
    );
    assert_eq!(listed.product.base_price_sats, 1_000);

    let options = StartPurchaseOptions {
        policy_slug: Some("team"),
        buyer_email: Some("buyer@b.example"),
        buyer_note: Some("thanks"),
        redirect_url: Some("https://app.example/thanks"),
        ..StartPurchaseOptions::default()
    };
    let session = client
        .start_purchase("rust-paid", &options)
        .await
        .expect("a purchase");
    assert_eq!(session.amount_sats, 5_000);
    let progress = client
        .poll_purchase(&session.invoice_id)
        .await
        .expect("a poll");
    assert_eq!(
        (progress.status.as_str(), progress.license_key),
        ("pending", None)
    );
    instance
        .btcpay
        .pay_in_full(&session.btcpay_invoice_id)
        .expect("a payment");
    let progress = until_settled(&client, &session.invoice_id).await;
    assert_eq!(
        (progress.status.as_str(), progress.amount_sats),
        ("settled", 5_000)
    );
    let key = progress.license_key.expect("a key");
    verifier(&client)
        .await
        .verify(&key)
        .expect("a key that verifies offline");
    let online = client
        .validate(&key, Some("rust-paid"), None)
        .await
        .expect("an answer");
    assert!(online.ok && online.has_entitlement("pro"), "{online:?}");
    assert_eq!(online.max_machines, Some(4));
    let id = progress.license_id.expect("an id");
    floor::revoke(instance, &id).await.ok();
    let online = client
        .validate(&key, Some("rust-paid"), None)
        .await
        .expect("an answer");
    assert_eq!(
        (online.ok, online.reason.as_deref()),
        (false, Some("revoked"))
    );
}

async fn refusals(instance: &Instance) {
    let client = client(instance);
    let unknown = client
        .start_purchase("no-such-product", &StartPurchaseOptions::default())
        .await;
    assert!(
        matches!(unknown, Err(Error::Server { status: 404, .. })),
        "{unknown:?}"
    );
    let unknown = client.poll_purchase("no-such-invoice").await;
    assert!(
        matches!(unknown, Err(Error::Server { status: 404, .. })),
        "{unknown:?}"
    );
    let unknown = client.list_public_policies("no-such-product").await;
    assert!(
        matches!(unknown, Err(Error::Server { status: 404, .. })),
        "{unknown:?}"
    );
    let garbage = client
        .validate("LIC1-AAAA-BBBB", None, None)
        .await
        .expect("an answer");
    assert_eq!(
        (garbage.ok, garbage.reason.as_deref()),
        (false, Some("bad_format"))
    );
}
