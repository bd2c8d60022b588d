//! An upload whose program is killed in the middle, and run again.

use crate::tool::{Vendor, keywright, release};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor::product;
use std::process::Stdio;
use std::time::Duration;

/// Twelve parts.
const BYTES: usize = 96 * 1024 * 1024;

pub(crate) async fn goes_on_where_it_was(instance: &Instance) {
    product(instance, "broken-off", 1).await;
    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let bytes: Vec<u8> = (0..u32::try_from(BYTES / 4).expect("a number"))
        .flat_map(u32::to_le_bytes)
        .collect();
    let file = vendor.file("large", &bytes);
    let key = vendor.path("release.key");
    let arguments = [
        "publish",
        "--product",
        "broken-off",
        "--version",
        "1.0.0",
        "--platform",
        "any",
        "--key",
        &key,
        &file,
    ];
    let received = || async {
        let sql = "SELECT u.id, u.received FROM uploads u JOIN products p ON p.id = u.product_id
                   WHERE p.slug = ?1";
        let rows = instance.database.rows(sql, &["broken-off"]).await;
        let row = rows.first()?;
        let received = row["received"].as_u64()?;
        Some((row["id"].as_str()?.to_owned(), received))
    };
    let place_arguments: Vec<&str> = place.iter().map(String::as_str).collect();
    let all = [&["release"], &arguments[..], &place_arguments].concat();
    let mut child = keywright(&all)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let (id, so_far) = loop {
        let ended = child.try_wait().expect("the program");
        assert_eq!(ended, None, "it was to be killed before it ends");
        if let Some((id, received)) = received().await
            && received > 0
        {
            break (id, received);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    child.kill().expect("killed");
    child.wait().expect("its end");
    // A part that was on its way may still arrive.
    let (_, then) = received().await.expect("the upload");
    assert!(then >= so_far && then < BYTES as u64, "{then} of {BYTES}");
    let list = release(&place, &["list", "--product", "broken-off"])
        .await
        .ok();
    assert_eq!(list["releases"].as_array().map(Vec::len), Some(0));

    let published = release(&place, &arguments).await.ok();
    assert_eq!(published["changed"], true);
    let (same, all) = received().await.expect("the upload");
    assert_eq!((same, all), (id, BYTES as u64), "it was not begun anew");
    let told = "SELECT count(*) AS count FROM audit WHERE action = 'upload.begin'
                AND after LIKE '%broken-off%'";
    let told = instance.database.rows(told, &[]).await;
    assert_eq!(told[0]["count"], 1);
}
