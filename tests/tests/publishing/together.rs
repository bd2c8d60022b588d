//! Two programs at once, as two jobs of a build.

use crate::tool::{Vendor, release};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor::product;

pub(crate) async fn two_jobs_at_once(instance: &Instance) {
    product(instance, "jobs", 1).await;
    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let key = vendor.path("release.key");
    let (one, two) = (vendor.file("one", b"first"), vendor.file("two", b"second"));
    let publish = |version: String, platform: &'static str, file: String| {
        let (place, key) = (place.clone(), key.clone());
        async move {
            let arguments = [
                "publish",
                "--product",
                "jobs",
                "--version",
                &version,
                "--platform",
                platform,
                "--key",
                &key,
                &file,
            ];
            release(&place, &arguments).await
        }
    };
    for round in 0..4 {
        let version = format!("1.0.{round}");
        let (linux, mac) = tokio::join!(
            publish(version.clone(), "x86_64-unknown-linux-gnu", one.clone()),
            publish(version.clone(), "aarch64-apple-darwin", two.clone()),
        );
        linux.ok();
        mac.ok();
        let again = publish(version, "x86_64-unknown-linux-gnu", one.clone())
            .await
            .ok();
        assert_eq!(again["changed"], false);
        assert_eq!(
            again["manifest"]["artifacts"].as_array().map(Vec::len),
            Some(2)
        );

        let version = format!("2.0.{round}");
        let (one, two) = tokio::join!(
            publish(version.clone(), "any", one.clone()),
            publish(version, "any", two.clone()),
        );
        let mut codes = [one.code, two.code];
        codes.sort_unstable();
        assert_eq!(codes, [0, 3], "{one:?} {two:?}");
    }
}
