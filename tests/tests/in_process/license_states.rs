//! Suspending, unsuspending, revoking: at once in force, told once.

use crate::bench::{Answer, Bench, json_request, signed_in};
use crate::license_changes::{change, events, told, validated};
use http::Method;
use serde_json::{Value, json};

async fn turn(bench: &Bench, id: &str, verb: &str, body: &Value) -> Answer {
    let path = format!("/v1/admin/licenses/{id}/{verb}");
    bench.operate("POST", &path, body).await
}

#[tokio::test]
async fn suspending_holds_a_license_back_until_it_is_unsuspended() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({})).await;
    let (id, key) = (issued.text("license_id"), issued.text("license_key"));
    let ok = json!({ "ok": true });
    for (verb, body, status, before, after) in [
        (
            "suspend",
            json!({ "reason": "chargeback" }),
            "suspended",
            "active",
            json!("chargeback"),
        ),
        ("unsuspend", json!({}), "active", "suspended", Value::Null),
        (
            "suspend",
            json!({ "reason": " " }),
            "suspended",
            "active",
            Value::Null,
        ),
        (
            "unsuspend",
            json!({ "reason": "paid" }),
            "active",
            "suspended",
            json!("paid"),
        ),
    ] {
        bench.clock.advance(1);
        let answer = turn(&bench, &id, verb, &body).await;
        assert_eq!((answer.status, answer.json()), (200, ok.clone()), "{verb}");
        let action = format!("license.{verb}");
        assert_eq!(
            told(&bench, &action, "before").await,
            json!({ "status": before })
        );
        let entry = told(&bench, &action, "after").await;
        assert_eq!(entry, json!({ "status": status, "reason": after }));
        let event = events(&bench, &format!("{action}ed")).await;
        let said = after.as_str().unwrap_or_default();
        assert_eq!(
            event.last(),
            Some(&json!({ "license_id": id, "reason": said }))
        );
        let valid = validated(&bench, &key).await;
        if status == "active" {
            assert_eq!(valid["ok"], true, "{valid}");
        } else {
            assert_eq!(valid["reason"], status);
        }
        // Again, with another reason: nothing changes.
        let path = format!("/v1/admin/licenses/{id}/{verb}");
        let again = json_request(Method::POST, &path, &json!({ "reason": "again" }));
        let answer = bench.untouched_by(signed_in(again)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, ok.clone()),
            "{verb} again"
        );
        let shown = bench
            .operate("GET", &format!("/v1/admin/licenses/{id}"), &json!({}))
            .await
            .json();
        assert_eq!(
            (&shown["status"], &shown["status_reason"]),
            (&json!(status), &after)
        );
    }
    // A suspended license can be changed, and has no key meanwhile.
    turn(&bench, &id, "suspend", &json!({})).await;
    let changed = change(&bench, &id, &json!({ "max_machines": 2 }))
        .await
        .json();
    assert_eq!(changed["max_machines"], 2);
    assert!(changed["license_key"].is_null() && changed["token"].is_null());
    let long = json!({ "reason": "r".repeat(2_001) });
    for verb in ["suspend", "unsuspend", "revoke"] {
        let path = format!("/v1/admin/licenses/{id}/{verb}");
        let request = signed_in(json_request(Method::POST, &path, &long));
        assert_eq!(bench.untouched_by(request).await.status, 400, "{verb}");
    }
}

#[tokio::test]
async fn revoked_is_for_good() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    for first in ["suspend", "unsuspend"] {
        let issued = bench.issue("demo", json!({})).await;
        let id = issued.text("license_id");
        assert_eq!(turn(&bench, &id, first, &json!({})).await.status, 200);
        assert_eq!(turn(&bench, &id, "revoke", &json!({})).await.status, 200);
        for verb in ["suspend", "unsuspend"] {
            let path = format!("/v1/admin/licenses/{id}/{verb}");
            let request = signed_in(json_request(Method::POST, &path, &json!({})));
            let answer = bench.untouched_by(request).await;
            assert_eq!(answer.refusal(), (409, "conflict".to_owned()), "{verb}");
            assert!(answer.text("message").contains("revoked"), "{answer:?}");
        }
        let key = issued.text("license_key");
        assert_eq!(validated(&bench, &key).await["reason"], "revoked");
    }
}
