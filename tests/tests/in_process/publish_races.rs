//! Publishers at once: what is compatible lands, of what is not exactly one
//! wins, and the storage shows what is recorded.

use crate::publishing::{LINUX, MAC, Press, demo};
use crate::races::at_once;
use keywright_tests::release_file::ReleaseFile;
use serde_json::{Value, json};
use std::sync::Arc;

const ROUNDS: usize = 40;

async fn posts(press: &Arc<Press>, bodies: Vec<Value>) -> Vec<u16> {
    let count = bodies.len();
    press.bench.shop.database.gather(count);
    let requests = bodies.into_iter().map(|body| {
        let press = press.clone();
        async move { press.operate("POST", "", &body).await.status }
    });
    let mut statuses = at_once(requests).await;
    statuses.sort_unstable();
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_jobs_publish_two_platforms_of_a_version() {
    let press = Arc::new(Press::new().await);
    for round in 0..ROUNDS {
        let version = format!("1.0.{round}");
        let files = [
            demo(&version, LINUX, b"for linux"),
            demo(&version, MAC, b"for the mac"),
        ];
        for file in &files {
            press.upload(file).await;
        }
        let bodies = files.iter().map(ReleaseFile::publication).collect();
        assert_eq!(posts(&press, bodies).await, [200, 200], "{version}");
        let manifest = press.stored(&format!("demo/{version}/MANIFEST.json"));
        assert_eq!(
            manifest["artifacts"],
            json!([files[1].json(), files[0].json()]),
            "{version}"
        );
    }
    press.is_in_step().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_other_bytes_exactly_one_publisher_wins() {
    let press = Arc::new(Press::new().await);
    for round in 0..ROUNDS {
        let version = format!("2.0.{round}");
        let contents: Vec<Vec<u8>> = (0..4_u8).map(|n| vec![n + 1; 100]).collect();
        let files: Vec<ReleaseFile<'_>> = contents
            .iter()
            .map(|bytes| demo(&version, LINUX, bytes))
            .collect();
        for file in &files {
            press.upload(file).await;
        }
        let bodies = files.iter().map(ReleaseFile::publication).collect();
        let statuses = posts(&press, bodies).await;
        assert_eq!(statuses, [200, 409, 409, 409], "{version}");
    }
    press.is_in_step().await;
    let told = "SELECT count(*) FROM audit WHERE action = 'release.publish'";
    let rounds = i64::try_from(ROUNDS).expect("a number");
    assert_eq!(press.bench.number(told).await, rounds);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_yank_a_rollout_and_a_platform_at_once_all_land() {
    let press = Arc::new(Press::new().await);
    for round in 0..ROUNDS {
        let version = format!("3.0.{round}");
        let published = press.publish(&demo(&version, LINUX, b"for linux")).await;
        let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
        let mac = demo(&version, MAC, b"for the mac");
        press.upload(&mac).await;
        let requests = [
            (
                "PATCH",
                path.clone(),
                json!({ "yanked": { "reason": "r" } }),
            ),
            ("PATCH", path, json!({ "rollout_percent": 7 })),
            ("POST", String::new(), mac.publication()),
        ];
        let requests = requests.into_iter().map(|(method, path, body)| {
            let press = press.clone();
            async move { press.operate(method, &path, &body).await.status }
        });
        assert_eq!(at_once(requests).await, [200; 3], "{version}");
        let manifest = press.stored(&format!("demo/{version}/MANIFEST.json"));
        assert_eq!(manifest["yanked"]["reason"], "r", "{version}");
        assert_eq!(manifest["rollout_percent"], 7, "{version}");
        assert_eq!(manifest["artifacts"].as_array().map(Vec::len), Some(2));
    }
    press.is_in_step().await;
}

/// A new channel needs the signature of every file: one that comes meanwhile
/// either comes first, and the channel stays, or finds another channel.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_platform_and_a_new_channel_never_disagree() {
    let press = Arc::new(Press::new().await);
    for round in 0..ROUNDS {
        let version = format!("4.0.{round}");
        let published = press.publish(&demo(&version, LINUX, b"for linux")).await;
        let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
        let mac = demo(&version, MAC, b"for the mac");
        press.upload(&mac).await;
        let beta = ReleaseFile {
            channel: "beta",
            ..demo(&version, LINUX, b"for linux")
        };
        let promote = json!({ "channel": "beta", "signatures": { LINUX: beta.signature() } });
        let requests = [
            ("PATCH", path, promote),
            ("POST", String::new(), mac.publication()),
        ];
        press.bench.shop.database.gather(2);
        let requests = requests.into_iter().map(|(method, path, body)| {
            let press = press.clone();
            async move { press.operate(method, &path, &body).await.status }
        });
        let mut statuses = at_once(requests).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{version}");
        let manifest = press.stored(&format!("demo/{version}/MANIFEST.json"));
        let channel = manifest["channel"].as_str().expect("a channel");
        for file in manifest["artifacts"].as_array().expect("files") {
            let signature = file["signature"].as_str().expect("a signature");
            assert!(
                signature.contains(&format!("channel:{channel}\t")),
                "{version}"
            );
        }
    }
    press.is_in_step().await;
}
