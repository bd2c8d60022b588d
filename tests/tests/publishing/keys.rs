//! Keys: made here, used by the real minisign, and the other way round.

// compatibility: Downloads and installers | minisign | - | `make test` | signs with keys that `keywright` made, and the other way round

use crate::tool::{Vendor, json, keywright, other, release, run};
use keywright_license::SigningKey;
use keywright_tests::hosts::Instance;
use std::os::unix::fs::PermissionsExt;

pub(crate) async fn made_and_read_by_minisign(_: &Instance) {
    let vendor = Vendor::new().await;
    let (secret, public) = (vendor.path("release.key"), vendor.path("release.pub"));
    let mode = std::fs::metadata(&secret)
        .expect("the key")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&secret).expect("the key");
    let again = json(&[
        "keygen",
        "release",
        "--no-password",
        "--secret",
        &secret,
        "--public",
        &public,
    ]);
    again.await.is_refused(3, "is not overwritten");
    assert_eq!(std::fs::read(&secret).expect("the key"), before);

    // Signed by minisign with our key, checked by minisign with our key.
    let file = vendor.file("file", b"signed by minisign");
    let sign = ["-S", "-l", "-W", "-s", &secret, "-m", &file];
    let signed = other("minisign", &sign).await;
    assert_eq!(signed.code, 0, "{signed:?}");
    let checked = other("minisign", &["-V", "-p", &public, "-m", &file]).await;
    assert_eq!(checked.code, 0, "{checked:?}");

    // A protected one: the password is needed, and the right one.
    let (secret, public) = (vendor.path("locked.key"), vendor.path("locked.pub"));
    let arguments = [
        "keygen", "release", "--secret", &secret, "--public", &public,
    ];
    run(keywright(&arguments))
        .await
        .is_refused(2, "KEYWRIGHT_RELEASE_PASSWORD");
    let mut make = keywright(&arguments);
    make.env("KEYWRIGHT_RELEASE_PASSWORD", "correct horse");
    assert_eq!(run(make).await.code, 0);
    let releases = tempfile::tempdir().expect("a folder");
    let releases = releases.path().to_str().expect("a plain path");
    let publish = |password: Option<&str>| {
        let mut command = keywright(&[
            "release",
            "publish",
            "--product",
            "demo",
            "--version",
            "1.0.0",
            "--platform",
            "any",
            "--key",
            &secret,
            "--folder",
            releases,
            &file,
        ]);
        if let Some(password) = password {
            command.env("KEYWRIGHT_RELEASE_PASSWORD", password);
        }
        run(command)
    };
    publish(None).await.is_refused(2, "protected by a password");
    publish(Some("wrong")).await.is_refused(2, "locked.key");
    assert_eq!(publish(Some("correct horse")).await.code, 0);

    // A key that minisign made.
    let (secret, public) = (vendor.path("theirs.key"), vendor.path("theirs.pub"));
    let made = other("minisign", &["-G", "-W", "-s", &secret, "-p", &public]).await;
    assert_eq!(made.code, 0, "{made:?}");
    let place = ["--folder".to_owned(), releases.to_owned()];
    let published = release(
        &place,
        &[
            "publish",
            "--product",
            "demo",
            "--version",
            "2.0.0",
            "--platform",
            "any",
            "--key",
            &secret,
            &file,
        ],
    );
    let manifest = published.await.ok()["manifest"].clone();
    let signature = manifest["artifacts"][0]["signature"].as_str();
    let signature = vendor.file("sig", signature.expect("a signature").as_bytes());
    let check = ["-V", "-p", &public, "-m", &file, "-x", &signature];
    let checked = other("minisign", &check).await;
    assert_eq!(checked.code, 0, "{checked:?}");

    let license = json(&["keygen", "license"]).await.ok();
    let seed = license["SIGNING_KEY"].as_str().expect("a seed");
    let key = SigningKey::from_seed_base64(seed).expect("a seed");
    assert_eq!(license["VERIFY_KEYS"], key.public_key().to_base64());
}
