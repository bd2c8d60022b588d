//! The published Rust SDK, unchanged, through everything it can do, against
//! workerd and against the Spin components in the test host.

// compatibility: SDKs and examples | Keysat SDK for Rust | cargo:keysat-licensing-client | `make test` | buys, redeems, validates online and offline, activates machines, reads policies; workerd and Spin

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking"
)]

mod buying;
mod errors;
mod machines;
mod offline;
mod policies;
mod reasons;
mod standing;

use keysat_licensing_client::{Client, Error, PollResponse, PublicKeyPem, Verifier};
use keywright_license::{NewLicense, SigningKey, hash_fingerprint};
use keywright_tests::hosts::{Host, Instance, Reuse};
use keywright_tests::suite::{Play, floor, run_all};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use uuid::Uuid;

fn main() -> ExitCode {
    let cases = [
        buying::CASES,
        errors::CASES,
        machines::CASES,
        offline::CASES,
        policies::CASES,
        reasons::CASES,
        standing::CASES,
    ]
    .concat();
    let hosts = [
        ("workerd::", Host::Workerd),
        ("spin_test_host::", Host::SpinTestHost(Reuse::Default)),
    ];
    let plays = hosts.map(|(prefix, host)| Play {
        prefix,
        host,
        configured: keywright_tests::hosts::Configured::Fully,
        cases: cases.clone(),
    });
    run_all(plays.into())
}

/// The cases of a file; `alone` marks those that no other may run beside.
macro_rules! cases {
    (@one $name:ident) => {
        keywright_tests::suite::Case::new(module_path!(), stringify!($name), |instance| {
            Box::pin($name(instance))
        })
    };
    (@one $name:ident alone) => { cases!(@one $name).alone() };
    ($($name:ident $($alone:ident)?),* $(,)?) => {
        /// What this file tries.
        pub(crate) const CASES: &[keywright_tests::suite::Case] =
            &[$(cases!(@one $name $($alone)?)),*];
    };
}
pub(crate) use cases;

/// How long a purchase may take to settle, and the step of polling.
const PATIENCE: Duration = Duration::from_mins(3);
const STEP: Duration = Duration::from_millis(100);

fn client(instance: &Instance) -> Client {
    Client::new(instance.api.base_url()).expect("a client")
}

/// A verifier with the key that the instance serves.
async fn verifier(client: &Client) -> Verifier {
    let pem = client.fetch_pubkey().await.expect("a public key");
    Verifier::new(PublicKeyPem::from_str(&pem).expect("a PEM that the SDK reads"))
}

/// Polls until the purchase has this status, and its key when it is settled.
async fn until(client: &Client, invoice_id: &str, status: &str) -> PollResponse {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        let progress = client.poll_purchase(invoice_id).await.expect("a poll");
        if progress.status == status && (status != "settled" || progress.license_key.is_some()) {
            return progress;
        }
        tokio::time::sleep(STEP).await;
    }
    panic!("{invoice_id} did not become {status}")
}

/// The status of an error of the server.
fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> u16 {
    match result {
        Err(Error::Server { status, body }) => {
            let body: Value = serde_json::from_str(&body).expect("an error in JSON");
            assert_eq!(body["ok"], false, "{body}");
            assert!(body["error"].is_string(), "{body}");
            assert!(body["message"].is_string(), "{body}");
            status
        }
        other => panic!("not an error of the server: {other:?}"),
    }
}

/// A product with a license by hand: its key, license id and product id.
async fn licensed(instance: &Instance, slug: &str, members: Value) -> Licensed {
    let product = floor::product(instance, slug, 1_000).await;
    let issued = floor::issue(instance, slug, members).await;
    Licensed {
        key: floor::text(&issued, "license_key"),
        license_id: floor::text(&issued, "license_id"),
        product_id: floor::text(&product, "id"),
    }
}

struct Licensed {
    key: String,
    license_id: String,
    product_id: String,
}

impl Licensed {
    /// Another key for the same license, as an issuer might have made it.
    fn reissued(&self, signing_key: &SigningKey, change: impl FnOnce(&mut NewLicense)) -> String {
        let mut license = NewLicense {
            product_id: Uuid::parse_str(&self.product_id).expect("an id"),
            license_id: Uuid::parse_str(&self.license_id).expect("an id"),
            issued_at: 1_700_000_000,
            expires_at: None,
            trial: false,
            fingerprint_hash: None,
            entitlements: Vec::new(),
        };
        change(&mut license);
        signing_key.sign_license(&license).expect("a key")
    }

    /// The same, bound to a machine.
    fn bound_to(&self, signing_key: &SigningKey, fingerprint: &str) -> String {
        self.reissued(signing_key, |license| {
            license.fingerprint_hash = Some(hash_fingerprint(fingerprint));
        })
    }
}
