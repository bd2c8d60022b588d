//! Publishing while the database or the release storage breaks off, before and
//! after each of their steps. Sending the same request again always ends well:
//! what is recorded is told once, and the storage shows just that.

use crate::bench::Answer;
use crate::publishing::{LINUX, MAC, Press, demo};
use crate::uploading::large;
use keywright_native_host::Fault;
use keywright_tests::release_file::ReleaseFile;
use keywright_tests::vendor;
use serde_json::{Value, json};

/// What breaks.
#[derive(Debug, Clone, Copy)]
enum Part {
    Database,
    Storage,
}

impl Part {
    fn break_call(self, press: &Press, call: u64, fault: Fault) {
        let shop = &press.bench.shop;
        match self {
            Self::Database => shop.database.break_call(call, fault),
            Self::Storage => shop.release_writer.break_call(call, fault),
        }
    }

    /// How many calls there were.
    fn mend(self, press: &Press) -> u64 {
        let shop = &press.bench.shop;
        match self {
            Self::Database => shop.database.mend(),
            Self::Storage => shop.release_writer.mend(),
        }
    }
}

const ALL: [(Part, Fault); 4] = [
    (Part::Database, Fault::Before),
    (Part::Database, Fault::After),
    (Part::Storage, Fault::Before),
    (Part::Storage, Fault::After),
];

/// A request to the routes of releases.
struct Ask {
    method: &'static str,
    path: String,
    body: Value,
}

impl Ask {
    async fn send(&self, press: &Press) -> Answer {
        press.operate(self.method, &self.path, &self.body).await
    }
}

async fn told(press: &Press, action: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM audit WHERE action = '{action}'");
    press.bench.number(&sql).await
}

/// What may change of releases, each on a press of its own: the action that is
/// told, and the request.
async fn changes(press: &Press) -> Vec<(&'static str, Ask)> {
    let first = press.publish(&demo("1.0.0", LINUX, b"first")).await;
    let path = format!("/{}", first["release"]["id"].as_str().expect("an id"));
    let new = demo("2.0.0", LINUX, b"second");
    let more = demo("1.0.0", MAC, b"for the mac");
    press.upload(&new).await;
    press.upload(&more).await;
    let beta = ReleaseFile {
        channel: "beta",
        ..demo("1.0.0", LINUX, b"first")
    };
    let ask = |method, path: &str, body| Ask {
        method,
        path: path.to_owned(),
        body,
    };
    vec![
        ("release.publish", ask("POST", "", new.publication())),
        ("release.publish", ask("POST", "", more.publication())),
        (
            "release.change",
            ask("PATCH", &path, json!({ "yanked": { "reason": "bad" } })),
        ),
        (
            "release.change",
            ask(
                "PATCH",
                &path,
                json!({ "channel": "beta", "signatures": { LINUX: beta.signature() } }),
            ),
        ),
        (
            "release.gate",
            ask("PUT", "/gate/demo", json!({ "requires_license": false })),
        ),
        (
            "release.installer",
            ask("PUT", "/installer/demo", json!({ "script": "#!/bin/sh" })),
        ),
        (
            "release.keys",
            ask(
                "PUT",
                "/keys/demo",
                json!({ "public_keys": [
                    vendor::release_key(), vendor::release_key_of([0x66; 32])
                ] }),
            ),
        ),
    ]
}

#[tokio::test]
async fn a_change_that_breaks_off_ends_well_when_it_is_sent_again() {
    for (part, fault) in ALL {
        for number in 0..7 {
            let mut call = 0;
            loop {
                let press = Press::new().await;
                let (action, ask) = changes(&press).await.swap_remove(number);
                let what = format!("{action} {number}, {part:?} call {call} {fault:?}");
                let before = told(&press, action).await;
                part.break_call(&press, call, fault);
                let broken = ask.send(&press).await;
                let is_over = part.mend(&press) <= call;
                assert_eq!(broken.status == 200, is_over, "{what}: {broken:?}");
                assert!(matches!(broken.status, 200 | 500 | 503), "{what}");
                let again = ask.send(&press).await;
                assert_eq!(again.status, 200, "{what}: {again:?}");
                assert_eq!(told(&press, action).await, before + 1, "{what}");
                press.is_in_step().await;
                if action == "release.gate" {
                    let open = json!({ "requires_license": false });
                    assert_eq!(press.stored("demo/MANIFEST.json"), open, "{what}");
                }
                if action == "release.installer" {
                    assert!(press.path("demo/install.sh").is_file(), "{what}");
                }
                if is_over {
                    assert!(call >= 1, "{what}");
                    break;
                }
                call += 1;
            }
        }
    }
}

/// What an earlier request could not write, the next one of the product does.
#[tokio::test]
async fn any_later_change_repairs_what_is_not_shown() {
    for number in 0..7 {
        let press = Press::new().await;
        let all = changes(&press).await;
        // The put of a manifest: after looking for the file, and for what is in
        // its place.
        let lost = demo("3.0.0", LINUX, b"third");
        press.upload(&lost).await;
        press.bench.shop.release_writer.break_call(2, Fault::Before);
        let refused = press.operate("POST", "", &lost.publication()).await;
        press.bench.shop.release_writer.mend();
        let expected = (503, "storage_unavailable".to_owned());
        assert_eq!(refused.refusal(), expected);
        assert_eq!(press.stored("demo/3.0.0/MANIFEST.json"), Value::Null);
        let ask = &all[number].1;
        let answer = ask.send(&press).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        press.is_in_step().await;
        let shown = press.stored("demo/3.0.0/MANIFEST.json");
        assert_eq!(shown["artifacts"], json!([lost.json()]), "{number}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_goes_on() {
    let bytes = large();
    let file = demo("1.0.0", LINUX, &bytes);
    for (part, fault) in ALL {
        let mut call = 0;
        loop {
            let what = format!("{part:?} call {call} {fault:?}");
            let press = Press::new().await;
            part.break_call(&press, call, fault);
            let broken = upload(&press, &file).await;
            let is_over = part.mend(&press) <= call;
            assert!(matches!(broken, 200 | 500 | 503), "{what}: {broken}");
            if broken != 200 {
                assert_eq!(upload(&press, &file).await, 200, "{what}");
            }
            let content = press.path(&format!("demo/.files/{}", file.sha256()));
            assert!(std::fs::read(content).expect("the file") == bytes, "{what}");
            let published = press.operate("POST", "", &file.publication()).await;
            assert_eq!(published.status, 200, "{what}: {published:?}");
            if is_over {
                assert!(call >= 4, "{what}");
                break;
            }
            call += 1;
        }
    }
}

/// Uploads as a client does, up to the first refusal.
async fn upload(press: &Press, file: &ReleaseFile<'_>) -> u16 {
    let mut state = press.operate("POST", "/uploads", &file.upload()).await;
    while state.status == 200 && state.json()["complete"] == false {
        let json = state.json();
        let number = |member: &str| {
            let number = json[member].as_u64().expect("a number");
            usize::try_from(number).expect("a number")
        };
        let offset = number("offset");
        let end = file.bytes.len().min(offset + number("part_size"));
        let part = &file.bytes[offset..end];
        state = press.part(&state.text("id"), offset, part).await;
    }
    state.status
}
