//! A machine that asks for its seat, or frees it, while the database breaks:
//! before its write, or after it so that the answer is lost. Asking again has
//! to leave one machine and one event, or none.

use crate::bench::Bench;
use crate::breaking::break_every_call;
use crate::holder::Holder;
use keywright_native_host::Fault;
use keywright_ports::Statement;
use serde_json::json;

/// Machines with a seat, and events of both kinds.
async fn recorded(holder: &Holder<'_>) -> [i64; 3] {
    let machines = "SELECT count(*) FROM machines WHERE deactivated_at IS NULL";
    [
        holder.bench.number(machines).await,
        holder.events("machine.activated").await,
        holder.events("machine.deactivated").await,
    ]
}

#[tokio::test]
async fn an_activation_that_breaks_is_asked_for_again_and_made_once() {
    for path in ["/v1/validate", "/v1/machines/activate"] {
        // The look-up and the activation.
        break_every_call(2, async |call, fault| {
            let bench = Bench::new();
            let holder = Holder::new(&bench, "demo", json!({})).await;
            let machine = json!({ "fingerprint": "a" });
            bench.shop.database.break_call(call, fault);
            let first = holder.send(path, machine.clone()).await;
            if bench.shop.database.mend() <= call {
                assert_eq!(first.status, 200);
                return false;
            }
            let case = format!("{path}, call {call}, {fault:?}");
            assert_eq!(
                first.refusal(),
                (500, "internal_error".to_owned()),
                "{case}"
            );
            // The write is the second call: lost, or made and not told of.
            let made = i64::from(call == 1 && fault == Fault::After);
            assert_eq!(recorded(&holder).await, [made, made, 0], "{case}");
            let again = holder.send(path, machine).await.json();
            assert_eq!(again["ok"], true, "{case}: {again}");
            assert_eq!(recorded(&holder).await, [1, 1, 0], "{case}");
            let listed = holder.list().await;
            assert_eq!(
                listed["machines"][0]["machine_id"], again["machine_id"],
                "{case}"
            );
            true
        })
        .await;
    }
}

#[tokio::test]
async fn a_seat_that_is_freed_while_it_breaks_is_freed_once() {
    for fault in [Fault::Before, Fault::After] {
        let bench = Bench::new();
        let holder = Holder::new(&bench, "demo", json!({})).await;
        holder.validate("a").await;
        let machine = json!({ "fingerprint": "a" });
        bench.shop.database.break_call(0, fault);
        let first = holder.send("/v1/machines/deactivate", machine).await;
        assert_eq!(bench.shop.database.mend(), 1);
        assert_eq!(first.refusal(), (500, "internal_error".to_owned()));
        for _ in 0..2 {
            assert_eq!(holder.free("a").await, json!({ "ok": true }), "{fault:?}");
            assert_eq!(recorded(&holder).await, [0, 1, 1], "{fault:?}");
        }
    }
}

/// The license is revoked, or its last seat taken, between the look-up and the
/// write: the write itself looks again.
#[tokio::test]
async fn what_happens_between_look_up_and_activation_counts() {
    for (meanwhile, validate, activate) in [
        (
            "UPDATE licenses SET status = 'revoked'",
            json!({ "ok": false, "reason": "revoked" }),
            json!(["revoked", 0]),
        ),
        (
            "UPDATE licenses SET status = 'suspended'",
            json!({ "ok": false, "reason": "suspended" }),
            json!(["suspended", 0]),
        ),
        (
            "INSERT INTO machines (id, license_id, fingerprint_hash, activated_at, last_seen_at)
             SELECT 'other', id, 'other', 1, 1 FROM licenses",
            json!({ "ok": false, "reason": "fingerprint_mismatch" }),
            json!(["too_many_machines", 1]),
        ),
    ] {
        for path in ["/v1/validate", "/v1/machines/activate"] {
            let bench = Bench::new();
            let holder = Holder::new(&bench, "demo", json!({})).await;
            let meanwhile = Statement::new(meanwhile, []);
            bench.shop.database.before_batch(meanwhile.clone());
            let answer = holder
                .send(path, json!({ "fingerprint": "a" }))
                .await
                .json();
            if path == "/v1/validate" {
                assert_eq!(answer, validate);
            } else {
                assert_eq!(json!([answer["reason"], answer["active_count"]]), activate);
                assert!(answer["machine_id"].is_null());
            }
            assert_eq!(holder.events("machine.activated").await, 0, "{meanwhile:?}");
        }
    }
}
