//! Uploads in parts.

use crate::bench::{Answer, Bench};
use crate::publishing::{LINUX, Press, demo};
use keywright_tests::release_file::ReleaseFile;
use serde_json::json;

const PART: usize = 8 * 1024 * 1024;
const DAY: u64 = 86_400;

/// More than two parts.
pub(crate) fn large() -> Vec<u8> {
    (0..u32::try_from(PART / 4 * 2 + 100).expect("a number"))
        .flat_map(u32::to_le_bytes)
        .collect()
}

async fn begin(press: &Press, file: &ReleaseFile<'_>) -> String {
    let begun = press.operate("POST", "/uploads", &file.upload()).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun.text("id")
}

fn how_far(answer: &Answer) -> (i64, bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let offset = json["offset"].as_i64().expect("an offset");
    (offset, json["complete"].as_bool().expect("a flag"))
}

fn offset(bytes: usize) -> i64 {
    i64::try_from(bytes).expect("a number")
}

#[tokio::test]
async fn parts_follow_one_another_and_make_the_file() {
    let press = Press::new().await;
    let bytes = large();
    let file = demo("1.0.0", LINUX, &bytes);
    let id = begin(&press, &file).await;
    let content = press.path(&format!("demo/.files/{}", file.sha256()));
    // Not the next part: nothing is kept, and the answer says where to go on.
    let ahead = press.part(&id, PART, &bytes[PART..2 * PART]).await;
    assert_eq!(how_far(&ahead), (0, false));
    let first = press.part(&id, 0, &bytes[..PART]).await;
    assert_eq!(how_far(&first), (offset(PART), false));
    let again = press.part(&id, 0, &bytes[..PART]).await;
    assert_eq!(how_far(&again), (offset(PART), false));
    // Whoever begins it anew goes on where it is.
    let begun = press.operate("POST", "/uploads", &file.upload()).await;
    assert_eq!(how_far(&begun), (offset(PART), false));
    assert_eq!(begun.text("id"), id);
    for (body, status) in [
        (&bytes[PART..2 * PART - 1], 400),
        (&bytes[PART..=2 * PART], 413),
        (&bytes[..0], 400),
    ] {
        let refused = press.part(&id, PART, body).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    let second = press.part(&id, PART, &bytes[PART..2 * PART]).await;
    assert_eq!(how_far(&second), (offset(2 * PART), false));
    assert!(!content.exists(), "half a file is nobody's");
    let last = press.part(&id, 2 * PART, &bytes[2 * PART..]).await;
    assert_eq!(how_far(&last), (offset(bytes.len()), true));
    assert!(std::fs::read(&content).expect("the file") == bytes);
    let again = press.part(&id, 2 * PART, &bytes[2 * PART..]).await;
    assert_eq!(how_far(&again), (offset(bytes.len()), true));
}

#[tokio::test]
async fn other_bytes_than_were_said_are_forgotten() {
    let press = Press::new().await;
    let file = demo("1.0.0", LINUX, b"the program");
    let id = begin(&press, &file).await;
    let refused = press.part(&id, 0, b"the progrbm").await;
    assert_eq!(refused.refusal(), (422, "digest_mismatch".to_owned()));
    let content = press.path(&format!("demo/.files/{}", file.sha256()));
    assert!(!content.exists());
    let gone = press.part(&id, 0, file.bytes).await;
    assert_eq!(gone.refusal(), (404, "not_found".to_owned()));
    press.upload(&file).await;
    assert!(content.exists());
}

#[tokio::test]
async fn what_cannot_be_uploaded_is_refused() {
    let press = Press::new().await;
    let file = demo("1.0.0", LINUX, b"the program");
    press.upload(&file).await;
    for (member, value, status) in [
        ("product", json!("nothing"), 404),
        ("product", json!("No"), 400),
        ("sha256", json!("00"), 400),
        ("size", json!(0), 400),
        ("size", json!(8_388_608_i64 * 10_000 + 1), 400),
        ("size", json!("1"), 422),
        // There is such a file, of another size.
        ("size", json!(10), 409),
    ] {
        let mut body = file.upload();
        body[member] = value.clone();
        let before = press.bench.dump().await;
        let refused = press.operate("POST", "/uploads", &body).await;
        assert_eq!(refused.status, status, "{member} {value}: {refused:?}");
        assert_eq!(press.bench.dump().await, before, "{member} {value}");
    }
    let path = "/v1/admin/releases/uploads/x";
    let no_offset = press.bench.operate("PUT", path, &json!({})).await;
    assert_eq!(no_offset.refusal(), (400, "bad_request".to_owned()));
}

#[tokio::test]
async fn an_old_upload_is_begun_anew() {
    let press = Press::new().await;
    let bytes = large();
    let file = demo("1.0.0", LINUX, &bytes);
    let other = demo("1.0.0", LINUX, b"another file");
    let id = begin(&press, &file).await;
    let first = press.part(&id, 0, &bytes[..PART]).await;
    assert_eq!(how_far(&first), (offset(PART), false));
    press.bench.clock.advance(5 * DAY);
    assert_eq!(begin(&press, &file).await, id);
    press.bench.clock.advance(DAY + 1);
    let anew = begin(&press, &file).await;
    assert_ne!(anew, id);
    assert_eq!(count(&press.bench).await, 1);
    // One that nobody goes on with goes when another begins.
    press.bench.clock.advance(6 * DAY + 1);
    begin(&press, &other).await;
    assert_eq!(count(&press.bench).await, 1);
    // A file that was removed from the storage can be uploaded again.
    press.upload(&other).await;
    let content = press.path(&format!("demo/.files/{}", other.sha256()));
    std::fs::remove_file(&content).expect("the file");
    press.upload(&other).await;
    assert!(content.exists());
    let left = std::fs::read_dir(press.path("demo/.files")).expect("the folder");
    assert_eq!(left.count(), 1, "no part of a forgotten upload stays");
}

async fn count(bench: &Bench) -> i64 {
    bench.number("SELECT count(*) FROM uploads").await
}

#[tokio::test]
async fn a_part_that_is_gone_begins_the_upload_anew() {
    let press = Press::new().await;
    let bytes = large();
    let file = demo("1.0.0", LINUX, &bytes);
    let id = begin(&press, &file).await;
    press.part(&id, 0, &bytes[..PART]).await;
    press.part(&id, PART, &bytes[PART..2 * PART]).await;
    let rows = press.bench.sql("SELECT storage_ref FROM uploads").await;
    let storage_ref = rows[0]["storage_ref"].as_str().expect("a name");
    let parts = press.path(&format!("demo/.files/{}.{storage_ref}", file.sha256()));
    std::fs::remove_dir_all(parts).expect("the parts");
    let refused = press.part(&id, 2 * PART, &bytes[2 * PART..]).await;
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    assert_eq!(count(&press.bench).await, 0);
    assert_ne!(begin(&press, &file).await, id);
}
