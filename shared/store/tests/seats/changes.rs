//! What each change writes, and what it leaves alone when it is repeated.

use crate::desk::{Desk, LICENSE, START};
use keywright_domain::standing::LicenseStatus;
use keywright_store::seats::machines::{self, LastSeen};

#[tokio::test]
async fn the_same_machine_gets_the_same_seat() {
    let desk = Desk::new(2, None, None).await;
    let (id, first) = desk.activate("a", START).await;
    assert_eq!(first.machine_id.as_deref(), Some(id.as_str()));
    assert_eq!((first.active, first.last_seen_at), (1, Some(START)));
    let (_, again) = desk.activate("a", START + 5).await;
    assert_eq!(again.machine_id, first.machine_id);
    assert_eq!((again.active, again.last_seen_at), (1, Some(START)));
    assert_eq!(desk.events().await, (1, 0));
    let event = desk.run("SELECT data FROM events", []).await;
    let data: serde_json::Value =
        serde_json::from_str(event[0]["data"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        data,
        serde_json::json!({ "license_id": "l", "machine_id": id, "fingerprint_hash": "a" })
    );
    let found = desk.look_up("a", START).await;
    assert_eq!(found.machine_id, first.machine_id);
    assert_eq!(found.entitlements, ["a"]);
    assert_eq!(found.active, 0, "not needed, not counted");
    assert_eq!(desk.look_up("b", START).await.active, 1);
}

#[tokio::test]
async fn a_freed_machine_comes_back_as_a_new_activation() {
    let desk = Desk::new(1, None, None).await;
    let (_, first) = desk.activate("a", START).await;
    assert!(!desk.free("b", START).await, "never had a seat");
    for _ in 0..3 {
        assert!(desk.free("a", START + 1).await);
    }
    assert_eq!(desk.events().await, (1, 1));
    let freed = desk
        .run(
            "SELECT deactivated_at, deactivation_reason FROM machines",
            [],
        )
        .await;
    assert_eq!(
        (
            &freed[0]["deactivated_at"],
            &freed[0]["deactivation_reason"]
        ),
        (&(START + 1).into(), &"r".into())
    );
    let (id, back) = desk.activate("a", START + 2).await;
    assert_eq!(back.machine_id, Some(id));
    assert_ne!(back.machine_id, first.machine_id);
    assert_eq!(desk.number("SELECT count(*) FROM machines").await, 2);
}

#[tokio::test]
async fn no_seat_of_a_license_that_is_not_in_force() {
    for (status, as_read) in [
        ("revoked", LicenseStatus::Revoked),
        ("suspended", LicenseStatus::Suspended),
        ("lapsed", LicenseStatus::Unknown),
    ] {
        let desk = Desk::new(0, None, None).await;
        // A later version may know more states than this one.
        desk.run("PRAGMA ignore_check_constraints = 1", []).await;
        desk.run("UPDATE licenses SET status = ?1", [status.into()])
            .await;
        let (_, after) = desk.activate("a", START).await;
        assert_eq!((after.status, after.machine_id), (as_read, None));
        assert_eq!(desk.events().await, (0, 0));
    }
}

#[tokio::test]
async fn a_sign_of_life_never_goes_back() {
    let desk = Desk::new(1, None, None).await;
    let (id, _) = desk.activate("a", START).await;
    let refresh = async |hostname: Option<&str>, platform: Option<&str>, now: i64| {
        let sign = LastSeen {
            machine_id: id.clone(),
            hostname: hostname.map(str::to_owned),
            platform: platform.map(str::to_owned),
            at: now,
        };
        let nobodys = LastSeen {
            machine_id: "nobody".to_owned(),
            ..sign.clone()
        };
        let statement = machines::refresh(&[&nobodys, &sign]);
        desk.database.batch(vec![statement]).await.expect("a batch");
        let row = desk
            .run("SELECT hostname, platform, last_seen_at FROM machines", [])
            .await;
        (
            row[0]["hostname"].as_str().map(str::to_owned),
            row[0]["platform"].as_str().map(str::to_owned),
            row[0]["last_seen_at"].as_i64().expect("a time") - START,
        )
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(refresh(None, None, START + 600).await, (None, None, 600));
    let named = (text("h"), text("p"), 700);
    assert_eq!(refresh(Some("h"), Some("p"), START + 700).await, named);
    // Without a name it keeps the one it has; late, it changes nothing.
    assert_eq!(refresh(None, None, START + 700).await, named);
    assert_eq!(refresh(Some("old"), None, START + 650).await, named);
    desk.free("a", START + 800).await;
    assert_eq!(refresh(Some("freed"), None, START + 900).await, named);
}

#[tokio::test]
async fn the_machines_of_a_license_come_newest_first() {
    let desk = Desk::new(0, None, None).await;
    let listed = machines::of_license(&desk.database, LICENSE).await;
    let listed = listed.expect("an answer").expect("the license");
    assert_eq!(
        (listed.max_machines, listed.active, listed.machines.len()),
        (0, 0, 0)
    );
    for (machine, at) in [("a", 0), ("b", 9), ("c", 5), ("d", 9)] {
        desk.activate(machine, START + at).await;
    }
    desk.free("c", START + 10).await;
    let listed = machines::of_license(&desk.database, LICENSE).await;
    let listed = listed.expect("an answer").expect("the license");
    let order: Vec<&str> = listed
        .machines
        .iter()
        .map(|machine| machine.fingerprint_hash.as_str())
        .collect();
    assert_eq!((listed.active, order), (3, vec!["d", "b", "a"]));
    let nobody = machines::of_license(&desk.database, "nobody").await;
    assert!(nobody.expect("an answer").is_none());
}
