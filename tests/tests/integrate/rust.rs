//! The Rust examples at work.

use crate::buy;
use crate::license::{License, Standing, watch};
use crate::seats::{self, Seat};
use crate::shop;
use keysat_licensing_client::Client;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor::{self, text};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Nobody listens to the port for discarding: the network is down.
const NOWHERE: &str = "http://127.0.0.1:9";
const DAY: Duration = Duration::from_hours(24);

struct Application {
    license: License,
    license_id: String,
    _folder: TempDir,
}

async fn application(instance: &Instance, members: Value) -> Application {
    let product_id = shop(instance).await.to_owned();
    let issued = floor::issue(instance, "demo", members).await;
    let folder = tempfile::tempdir().expect("a folder");
    Application {
        license: License {
            server: instance.api.base_url().to_owned(),
            public_key_pem: instance.signing_key.public_key().to_pem(),
            product_id,
            product_slug: "demo".to_owned(),
            key: text(&issued, "license_key"),
            fingerprint: "this machine".to_owned(),
            cache: folder.path().join("license.json"),
        },
        license_id: text(&issued, "license_id"),
        _folder: folder,
    }
}

fn licensed(entitlements: &[&str]) -> Standing {
    Standing::Licensed(entitlements.iter().map(|name| (*name).to_owned()).collect())
}

fn unlicensed(reason: &str) -> Standing {
    Standing::Unlicensed(reason.to_owned())
}

pub(crate) async fn a_day_with_a_license(instance: &Instance) {
    let members = json!({ "entitlements": ["basic"], "expires_at": "2030-01-01T00:00:00Z" });
    let mut app = application(instance, members).await;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(floor::now().cast_unsigned());
    let server = std::mem::replace(&mut app.license.server, NOWHERE.to_owned());
    // The first start, and the network is down.
    assert_eq!(app.license.at_start(now), licensed(&["basic"]));
    assert_eq!(app.license.check_online(now).await, licensed(&["basic"]));
    // It is up, and the vendor has given more and taken the end away.
    app.license.server.clone_from(&server);
    let path = format!("licenses/{}", app.license_id);
    let change = json!({ "entitlements": ["basic", "pro"], "expires_at": null });
    let patch = http::Method::PATCH;
    instance.api.admin(patch, &path, &change).await.ok();
    let more = licensed(&["basic", "pro"]);
    assert_eq!(app.license.check_online(now).await, more);
    // It is down again, for ten days and for ten years.
    NOWHERE.clone_into(&mut app.license.server);
    for days in [0, 10] {
        let then = now + DAY * days;
        assert_eq!(app.license.check_online(then).await, more);
        assert_eq!(app.license.at_start(then), more);
    }
    assert_eq!(app.license.at_start(now + DAY * 15), licensed(&["basic"]));
    assert_eq!(
        app.license.at_start(now + DAY * 3_650),
        unlicensed("expired")
    );
    // Suspended: known once asked, and not forgotten without a network.
    floor::standing(instance, &app.license_id, "suspend").await;
    assert_eq!(app.license.at_start(now), more);
    app.license.server.clone_from(&server);
    let held_back = unlicensed("suspended");
    assert_eq!(app.license.check_online(now).await, held_back);
    NOWHERE.clone_into(&mut app.license.server);
    assert_eq!(app.license.check_online(now).await, held_back);
    assert_eq!(app.license.at_start(now + DAY * 30), held_back);
    floor::standing(instance, &app.license_id, "unsuspend").await;
    app.license.server = server;
    assert_eq!(app.license.check_online(now).await, more);
    // Asked too often: no judgement about the key.
    for _ in 0..70 {
        assert_eq!(app.license.check_online(now).await, more);
    }
    // Keys that are none of ours.
    app.license.key.replace_range(20..21, "7");
    let changed = app.license.at_start(now);
    assert!(matches!(changed, Standing::Unlicensed(_)), "{changed:?}");
    let other = floor::product(instance, "another", 1).await;
    let key = floor::issue(instance, "another", json!({})).await;
    app.license.key = text(&key, "license_key");
    assert_eq!(app.license.at_start(now), unlicensed("product_mismatch"));
    app.license.product_id = text(&other, "id");
    assert_eq!(app.license.at_start(now), licensed(&[]));
}

pub(crate) async fn watching(instance: &Instance) {
    let app = application(instance, json!({ "entitlements": ["basic"] })).await;
    let mut told = Vec::new();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let watching = watch(&app.license, Duration::from_millis(20), move |standing| {
        sender.send(standing).expect("somebody listens");
    });
    let vendor = async {
        told.extend(receiver.recv().await);
        floor::standing(instance, &app.license_id, "revoke").await;
        while told.last() != Some(&unlicensed("revoked")) {
            told.extend(receiver.recv().await);
        }
    };
    tokio::select! {
        () = watching => {}
        () = vendor => {}
    }
    assert_eq!(told.first(), Some(&licensed(&["basic"])));
}

pub(crate) async fn seats(instance: &Instance) {
    let app = application(instance, json!({ "max_machines": 2 })).await;
    let (server, key) = (instance.api.base_url(), app.license.key.as_str());
    for machine in ["a", "b", "a"] {
        let seat = seats::take(server, key, machine).await.expect("an answer");
        assert!(matches!(seat, Seat::Taken), "{machine}");
    }
    let seat = seats::take(server, key, "c").await.expect("an answer");
    let Seat::AllTaken(machines) = seat else {
        unreachable!("two of two are taken");
    };
    assert_eq!(machines.len(), 2);
    let lost = text(&machines[0], "machine_id");
    seats::free(server, key, &lost).await.expect("it is freed");
    let seat = seats::take(server, key, "c").await.expect("an answer");
    assert!(matches!(seat, Seat::Taken));
    seats::leave(server, key, "c").await.expect("it is freed");
    let left = seats::machines(server, key).await.expect("a list");
    assert_eq!(left, machines[1..]);
    floor::standing(instance, &app.license_id, "revoke").await;
    let seat = seats::take(server, key, "d").await.expect("an answer");
    assert!(matches!(seat, Seat::Refused(reason) if reason == "revoked"));
}

pub(crate) async fn buying(instance: &Instance) {
    shop(instance).await;
    let client = Client::new(instance.api.base_url()).expect("a client");
    let order = buy::order(&client, "buyer@b.example").await;
    let order = order.expect("an order");
    assert_eq!(order.amount_sats, 5_000);
    let paid = instance.btcpay.pay_in_full(&order.btcpay_invoice_id);
    paid.expect("a payment");
    let key = buy::wait(&client, &order.invoice_id).await.expect("an end");
    let key = key.expect("a key");
    let online = client.validate(&key, Some("demo"), None).await;
    assert!(online.expect("an answer").has_entitlement("pro"));

    let unpaid = buy::order(&client, "buyer@b.example").await;
    let unpaid = unpaid.expect("an order");
    let ended = instance.btcpay.expire(&unpaid.btcpay_invoice_id);
    ended.expect("an invoice");
    let nothing = buy::wait(&client, &unpaid.invoice_id).await;
    assert_eq!(nothing.expect("an end"), None);
    assert!(buy::wait(&client, "no-such-order").await.is_err());
}
