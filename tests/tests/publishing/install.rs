//! The install script: what it installs, and that it installs nothing when
//! something is wrong.

use crate::check::{LINUX, PROGRAM, Shelf, publish};
use crate::served::Answer;
use crate::tool::{Said, json, run};
use keywright_domain::release::manifest::VersionManifest;
use keywright_tests::hosts::Instance;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the script may call; of those that verify, only the named ones.
const TOOLS: &[&str] = &[
    "awk",
    "cat",
    "chmod",
    "cp",
    "curl",
    "cut",
    "grep",
    "head",
    "ldd",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "tail",
    "uname",
    "wc",
];

struct Target {
    folder: PathBuf,
}

impl Target {
    /// A machine with these programs that verify.
    async fn new(shelf: &Shelf, name: &str, verifiers: &[&str]) -> Self {
        let folder = shelf.vendor.folder().join(name);
        let tools = folder.join("tools");
        std::fs::create_dir_all(&tools).expect("a folder");
        for tool in TOOLS.iter().chain(verifiers) {
            symlink(on_path(tool), tools.join(tool)).expect("a link");
        }
        let script = folder.join("install.sh");
        let made = json(&[
            "release",
            "installer",
            "--product",
            "demo",
            "--public-key",
            &shelf.vendor.path("release.pub"),
            "--url",
            &shelf.served.url,
            "--output",
            script.to_str().expect("a plain path"),
        ]);
        made.await.ok();
        Self { folder }
    }

    async fn install(&self, variables: &[(&str, &str)]) -> Said {
        let mut command = Command::new(on_path("sh"));
        command
            .arg(self.folder.join("install.sh"))
            .env_clear()
            .env("PATH", self.folder.join("tools"))
            .env("HOME", &self.folder)
            .env("NO_PROXY", "*")
            .env("INSTALL_DIR", self.folder.join("bin"))
            .env("PLATFORM", LINUX)
            .stdin(Stdio::null());
        for (name, value) in variables {
            command.env(name, value);
        }
        run(command).await
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/demo")
    }

    async fn installs(&self, variables: &[(&str, &str)]) {
        let done = self.install(variables).await;
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(std::fs::read(self.program()).expect("it"), PROGRAM);
        let mode = std::fs::metadata(self.program()).expect("it").permissions();
        assert_eq!(mode.mode() & 0o777, 0o755);
        std::fs::remove_file(self.program()).expect("it");
    }

    async fn refuses(&self, what: &str, words: &str) {
        let refused = self.install(&[]).await;
        assert_ne!(refused.code, 0, "{what}: {refused:?}");
        assert!(refused.err.contains(words), "{what}: {refused:?}");
        assert!(!self.program().exists(), "{what}: something was installed");
    }
}

fn on_path(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{tool} is not installed; see README.md"))
}

pub(crate) async fn with_openssl_and_with_minisign(_: &Instance) {
    let shelf = Shelf::new().await;
    for verifier in ["openssl", "minisign"] {
        let target = Target::new(&shelf, verifier, &[verifier]).await;
        target.installs(&[]).await;
        target.installs(&[("VERSION", "1.0.0")]).await;
        // The token goes along, and is in no argument.
        shelf.served.asked();
        target.installs(&[("KEYWRIGHT_TOKEN", "a-token")]).await;
        let asked = shelf.served.asked();
        assert!(asked.len() >= 4, "{asked:?}");
        for head in asked {
            let head = head.to_lowercase();
            assert!(head.contains("authorization: bearer a-token"), "{head}");
        }
        // A download that is cut goes on where it stopped.
        let file = format!("/releases/demo/1.0.0/{LINUX}");
        shelf
            .served
            .put(&file, Answer::CutAfter(7, PROGRAM.to_vec()));
        target.installs(&[]).await;
        let asked = shelf.served.asked();
        let goes_on = |head: &String| head.to_lowercase().contains("range: bytes=7-");
        assert!(asked.iter().any(goes_on), "{asked:?}");
    }
    // This machine's own platform, where it is the one that is published.
    if cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        let target = Target::new(&shelf, "own", &["openssl"]).await;
        target.installs(&[("PLATFORM", "")]).await;
    }
}

pub(crate) async fn fails_closed(_: &Instance) {
    let shelf = Shelf::new().await;
    let none = Target::new(&shelf, "none", &[]).await;
    none.refuses("nothing to verify with", "OpenSSL 3 or minisign")
        .await;
    for verifier in ["openssl", "minisign"] {
        let target = Target::new(&shelf, verifier, &[verifier]).await;
        tampered(&shelf, &target).await;
        shelf.served.version(&shelf.manifest, PROGRAM);
        target.installs(&[]).await;
        let refused = target
            .install(&[("KEYWRIGHT_TOKEN", "a\"\nurl = \"x")])
            .await;
        assert_ne!(refused.code, 0, "{refused:?}");
        let refused = target
            .install(&[("PLATFORM", "riscv64gc-unknown-linux-gnu")])
            .await;
        assert!(refused.err.contains("no release"), "{refused:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "one lie after the other")]
async fn tampered(shelf: &Shelf, target: &Target) {
    let serve = |tamper: &dyn Fn(&mut VersionManifest), bytes: &[u8]| {
        let mut manifest = shelf.manifest.clone();
        tamper(&mut manifest);
        shelf.served.version(&manifest.arranged(), bytes);
    };
    let mut other = PROGRAM.to_vec();
    other[3] ^= 1;
    serve(&|_| (), &other);
    target.refuses("other bytes", "nothing was installed").await;
    serve(&|_| (), b"");
    target.refuses("no bytes", "error").await;

    // The digest of the other bytes in the manifest, as a lying server would.
    let digest = {
        let path = shelf.vendor.file("other", &other);
        let said = crate::tool::other("sha256sum", &[&path]).await;
        said.out[..64].to_owned()
    };
    let lie = digest.clone();
    serve(
        &move |m| m.artifacts[0].sha256 = lie.clone().try_into().expect("a digest"),
        &other,
    );
    target
        .refuses("a digest to match", "for something else")
        .await;
    let lie = digest.clone();
    serve(
        &move |m| {
            let artifact = &mut m.artifacts[0];
            let is = artifact.sha256.to_string();
            artifact.signature = artifact.signature.replace(&is, &lie);
            artifact.sha256 = lie.clone().try_into().expect("a digest");
        },
        &other,
    );
    target
        .refuses("a statement to match", "does not verify")
        .await;

    for (product, version, channel, platform, words) in [
        ("other", "1.0.0", "stable", LINUX, "for something else"),
        ("demo", "0.9.0", "stable", LINUX, "for something else"),
        (
            "demo",
            "0.8.0",
            "stable",
            "aarch64-apple-darwin",
            "for something else",
        ),
        ("demo", "1.0.0-rc.1", "rc", LINUX, "for something else"),
    ] {
        let old = publish(
            &shelf.vendor,
            product,
            version,
            channel,
            platform,
            b"an old one",
        )
        .await;
        serve(
            &move |m| {
                m.artifacts.clone_from(&old.artifacts);
                m.artifacts[0].platform = LINUX.to_owned().try_into().expect("a platform");
            },
            b"an old one",
        );
        target
            .refuses(&format!("{product} {version} {platform}"), words)
            .await;
    }
    // A beta where stable was asked for.
    let beta = publish(&shelf.vendor, "demo", "3.0.0", "beta", LINUX, PROGRAM).await;
    shelf.served.version(&beta, PROGRAM);
    target.refuses("a beta", "does not offer").await;
    shelf.served.version(&shelf.manifest, PROGRAM);
    // Another platform's file comes first in the manifest, with its own digest.
    let mac = publish(
        &shelf.vendor,
        "demo",
        "0.7.0",
        "stable",
        "aarch64-apple-darwin",
        b"mac",
    );
    let mac = mac.await;
    serve(
        &move |m| {
            m.artifacts.insert(0, mac.artifacts[0].clone());
            m.only = None;
        },
        PROGRAM,
    );
    target.installs(&[]).await;
    for missing in ["MANIFEST", &format!("{LINUX}.sig")] {
        shelf.served.version(&shelf.manifest, PROGRAM);
        shelf.served.put(
            &format!("/releases/demo/1.0.0/{missing}"),
            Answer::Bytes(Vec::new()),
        );
        target.refuses(missing, "error").await;
    }
    shelf.served.version(&shelf.manifest, PROGRAM);
    assert!(!Path::new(&target.folder.join("bin/.demo.new")).exists());
}
