//! What the operator changes while the database breaks off.

use crate::bench::Bench;
use keywright_native_host::Fault;
use serde_json::json;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn a_change_that_breaks_off_is_neither_made_nor_told() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 5).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    let license_id = bench.issue("demo", json!({})).await.text("license_id");
    bench.machine("m", &license_id).await;
    let unsold = bench.product("unsold", 5).await;
    bench.policy("unsold", "pro", json!({})).await;
    let new = json!({ "label": "demo", "role": "support" });
    let made = bench.operate("POST", "/v1/admin/api-keys", &new).await;
    let api_key_id = made.text("id");
    let code_id = bench.code("CODE", json!({})).await;
    let unused_id = bench.code("UNUSED", json!({})).await;
    for (method, path, body) in [
        (
            "POST",
            "/v1/admin/api-keys".to_owned(),
            json!({ "label": "n", "role": "support" }),
        ),
        (
            "DELETE",
            format!("/v1/admin/api-keys/{api_key_id}"),
            json!({}),
        ),
        (
            "POST",
            "/v1/admin/discount-codes".to_owned(),
            json!({ "code": "N", "kind": "free_license" }),
        ),
        (
            "PATCH",
            format!("/v1/admin/discount-codes/{code_id}"),
            json!({ "amount": 1 }),
        ),
        (
            "PATCH",
            format!("/v1/admin/discount-codes/{code_id}/active"),
            json!({ "active": false }),
        ),
        (
            "DELETE",
            format!("/v1/admin/discount-codes/{unused_id}"),
            json!({}),
        ),
        (
            "POST",
            "/v1/admin/products".to_owned(),
            json!({ "slug": "n", "name": "N", "price_sats": 1 }),
        ),
        (
            "PATCH",
            format!("/v1/admin/products/{product_id}"),
            json!({ "name": "N" }),
        ),
        (
            "PATCH",
            format!("/v1/admin/products/{product_id}/active"),
            json!({ "active": false }),
        ),
        (
            "POST",
            "/v1/admin/policies".to_owned(),
            json!({ "product_slug": "demo", "slug": "n", "name": "N" }),
        ),
        (
            "PATCH",
            format!("/v1/admin/policies/{policy_id}"),
            json!({ "name": "N" }),
        ),
        (
            "POST",
            "/v1/admin/licenses".to_owned(),
            json!({ "product_slug": "demo" }),
        ),
        (
            "PATCH",
            format!("/v1/admin/policies/{policy_id}/archived"),
            json!({ "archived": true }),
        ),
        (
            "PATCH",
            format!("/v1/admin/licenses/{license_id}"),
            json!({ "max_machines": 2 }),
        ),
        (
            "POST",
            format!("/v1/admin/licenses/{license_id}/suspend"),
            json!({ "reason": "r" }),
        ),
        (
            "POST",
            format!("/v1/admin/licenses/{license_id}/unsuspend"),
            json!({ "reason": "r" }),
        ),
        (
            "POST",
            format!("/v1/admin/licenses/{license_id}/revoke"),
            json!({ "reason": "r" }),
        ),
        (
            "POST",
            "/v1/admin/machines/m/deactivate".to_owned(),
            json!({ "reason": "r" }),
        ),
        (
            "DELETE",
            format!("/v1/admin/policies/{policy_id}"),
            json!({}),
        ),
        (
            "DELETE",
            format!("/v1/admin/products/{unsold}?force=true"),
            json!({}),
        ),
    ] {
        let before = bench.dump().await;
        let mut call = 0;
        let broken = loop {
            bench.shop.database.break_call(call, Fault::Before);
            let answer = bench.operate(method, &path, &body).await;
            if bench.shop.database.mend() <= call {
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                break call;
            }
            if answer.status == 200 || answer.status == 503 {
                // Recorded, and only signing broke.
                break call;
            }
            assert_eq!(
                answer.refusal(),
                (500, "internal_error".to_owned()),
                "{path}"
            );
            assert_eq!(bench.dump().await, before, "{method} {path}, call {call}");
            call += 1;
        };
        assert!(broken >= 1, "{path}");
        let told = bench.number("SELECT count(*) FROM audit").await;
        let audit = i64::try_from(before["audit"].len()).expect("a number");
        assert_eq!(told, audit + 1, "{method} {path}");
    }
}
