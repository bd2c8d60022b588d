//! The install script: what it installs, and that it installs nothing when
//! something is wrong.

// compatibility: Downloads and installers | dash, BusyBox, curl | - | `make test` | run the install script, also through a proxy, with a ~/.curlrc, and with a LibreSSL

use crate::check::{LINUX, PROGRAM, Shelf, publish};
use crate::served::Answer;
use crate::tool::{Said, json, run};
use keywright_domain::release::manifest::VersionManifest;
use keywright_tests::hosts::Instance;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the script may call; of those that verify, only the named ones.
const TOOLS: &[&str] = &[
    "awk",
    "cat",
    "chmod",
    "curl",
    "cut",
    "grep",
    "head",
    "id",
    "ldd",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
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
        run(self.command(variables)).await
    }

    fn command(&self, variables: &[(&str, &str)]) -> Command {
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
        command
    }

    /// Installs as somebody who is not root, whoever runs the tests.
    async fn install_as_user(&self) -> Said {
        let mut command = self.command(&[]);
        if is_root(&self.folder) {
            command.uid(NOBODY).gid(NOBODY);
        }
        run(command).await
    }

    /// Gives the machine's home to somebody who is not root.
    fn belongs_to_user(&self) {
        let open = std::fs::Permissions::from_mode(0o755);
        let parent = self.folder.parent().expect("the vendor's folder");
        std::fs::set_permissions(parent, open).expect("a folder");
        if is_root(parent) {
            give(&self.folder);
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.join(".cache/keywright")
    }

    /// Puts a program into the place of one that verifies; it runs that one,
    /// and then these commands.
    fn then(&self, verifier: &str, commands: &str) {
        let tool = self.folder.join("tools").join(verifier);
        std::fs::remove_file(&tool).expect("the tool");
        let real = on_path(verifier);
        let real = real.display();
        let script = format!("#!/bin/sh\n{real} \"$@\"\nstatus=$?\n{commands}\nexit $status\n");
        std::fs::write(&tool, script).expect("the tool");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&tool, executable).expect("the tool");
    }

    /// Puts a script into the place of a tool, or beside them.
    fn stub(&self, tool: &str, commands: &str) {
        let file = self.folder.join("tools").join(tool);
        let _ = std::fs::remove_file(&file);
        write_program(&file, commands);
    }

    /// A machine that says these things of itself.
    fn machine(&self, system: &str, hardware: &str) {
        self.stub(
            "uname",
            &format!("case $1 in -s) echo {system} ;; *) echo {hardware} ;; esac"),
        );
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/demo")
    }

    async fn installs(&self, variables: &[(&str, &str)]) {
        let done = self.install(variables).await;
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(std::fs::read(self.program()).expect("it"), PROGRAM);
        for path in [self.program(), self.folder.join("bin")] {
            let mode = std::fs::metadata(path).expect("it").permissions();
            assert_eq!(mode.mode() & 0o777, 0o755);
        }
        std::fs::remove_file(self.program()).expect("it");
    }

    async fn refuses(&self, what: &str, words: &str) {
        let refused = self.install(&[]).await;
        assert_ne!(refused.code, 0, "{what}: {refused:?}");
        assert!(refused.err.contains(words), "{what}: {refused:?}");
        assert!(!self.program().exists(), "{what}: something was installed");
    }
}

fn write_program(file: &Path, commands: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{commands}\n")).expect("a program");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, executable).expect("a program");
}

/// Somebody who is not root.
const NOBODY: u32 = 65_534;

/// Whether the tests run as root: only root may give a file away.
fn is_root(folder: &Path) -> bool {
    let probe = folder.join(".probe");
    std::fs::write(&probe, b"").expect("a file");
    let given = chown(&probe, Some(NOBODY), Some(NOBODY)).is_ok();
    std::fs::remove_file(&probe).expect("a file");
    given
}

/// Gives a path, and what is below it, to somebody who is not root.
fn give(path: &Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).expect("a path");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            give(&entry.expect("an entry").path());
        }
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

/// The platform that is asked for first, on each kind of machine.
pub(crate) async fn finds_the_platform_of_the_machine(_: &Instance) {
    let shelf = Shelf::new().await;
    let elf = |class: &str| format!("echo ' {class}'");
    for (system, hardware, stubs, expected) in [
        (
            "Linux",
            "x86_64",
            vec![("getconf", "echo 64".to_owned())],
            LINUX,
        ),
        (
            "Linux",
            "x86_64",
            vec![("getconf", "echo 32".to_owned())],
            "i686-unknown-linux-gnu",
        ),
        // Without getconf the head of a program tells.
        (
            "Linux",
            "x86_64",
            vec![("od", elf("1"))],
            "i686-unknown-linux-gnu",
        ),
        ("Linux", "x86_64", vec![("od", elf("2"))], LINUX),
        ("Linux", "x86_64", vec![], LINUX),
        ("Linux", "i686", vec![], "i686-unknown-linux-gnu"),
        (
            "Linux",
            "aarch64",
            vec![("getconf", "echo 32".to_owned())],
            "armv7-unknown-linux-gnueabihf",
        ),
        (
            "Linux",
            "aarch64",
            vec![("getconf", "echo 64".to_owned())],
            "aarch64-unknown-linux-gnu",
        ),
        ("Linux", "armv8l", vec![], "armv7-unknown-linux-gnueabihf"),
        ("Linux", "armv6l", vec![], "arm-unknown-linux-gnueabihf"),
        (
            "Linux",
            "x86_64",
            vec![("ldd", "echo 'musl libc (x86_64)' >&2; exit 1".to_owned())],
            "x86_64-unknown-linux-musl",
        ),
        ("Darwin", "arm64", vec![], "aarch64-apple-darwin"),
        (
            "Darwin",
            "x86_64",
            vec![("sysctl", "echo 0".to_owned())],
            "x86_64-apple-darwin",
        ),
        // A terminal under Rosetta.
        (
            "Darwin",
            "x86_64",
            vec![("sysctl", "echo 1".to_owned())],
            "aarch64-apple-darwin",
        ),
        ("FreeBSD", "amd64", vec![], "x86_64-unknown-freebsd"),
    ] {
        let name = format!("{system} {hardware} {expected} {stubs:?}").replace(['/', '"'], "");
        let target = Target::new(&shelf, &name, &["openssl"]).await;
        target.machine(system, hardware);
        for (tool, commands) in &stubs {
            target.stub(tool, commands);
        }
        shelf.served.asked();
        let done = target.install(&[("PLATFORM", "")]).await;
        let asked = shelf.served.asked();
        let latest = format!("GET /releases/demo/latest/{expected}?channel=stable ");
        assert!(asked[0].starts_with(&latest), "{name}: {asked:?} {done:?}");
    }
    let target = Target::new(&shelf, "unknown", &["openssl"]).await;
    target.machine("Plan9", "x86_64");
    let refused = target.install(&[("PLATFORM", "")]).await;
    assert!(refused.err.contains("set PLATFORM"), "{refused:?}");
}

/// What people have: settings of curl for other uses, a curl that may not write where we
/// are, and an openssl that cannot verify.
pub(crate) async fn works_with_the_tools_that_people_have(_: &Instance) {
    let shelf = Shelf::new().await;
    let target = Target::new(&shelf, "curlrc", &["openssl"]).await;
    let settings = "output = \"elsewhere\"\nlocation\nfail\nwrite-out = \"done\"\nhead\n";
    std::fs::write(target.folder.join(".curlrc"), settings).expect("a file");
    target.installs(&[]).await;

    let target = Target::new(&shelf, "snap", &["openssl"]).await;
    let curl = on_path("curl");
    let confined = "for word; do case $word in -o | -O | --output) exit 23 ;; esac; done";
    target.stub(
        "curl",
        &format!("{confined}\nexec {} \"$@\"", curl.display()),
    );
    target.installs(&[]).await;

    // LibreSSL on a Mac reads no raw input, and calls itself openssl.
    let libre = "case $1 in version) echo 'LibreSSL 3.3.6' ;; base64) cat ;; *) exit 1 ;; esac";
    let target = Target::new(&shelf, "mac", &[]).await;
    target.stub("openssl", libre);
    target.machine("Darwin", "arm64");
    target
        .refuses("LibreSSL", "run: brew install minisign")
        .await;
    // One that says yes to everything verifies nothing.
    target.stub("openssl", "cat; exit 0");
    target
        .refuses("a yes to everything", "is needed to check")
        .await;
    // Homebrew's own is outside the PATH. Root does not look there.
    target.stub("openssl", libre);
    let brewed = target.folder.join("brew/opt/openssl@3/bin");
    std::fs::create_dir_all(&brewed).expect("a folder");
    symlink(on_path("openssl"), brewed.join("openssl")).expect("a link");
    target.belongs_to_user();
    let prefix = target.folder.join("brew");
    let mut command = target.command(&[("HOMEBREW_PREFIX", prefix.to_str().expect("plain"))]);
    if is_root(&target.folder) {
        command.uid(NOBODY).gid(NOBODY);
    }
    let done = run(command).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(std::fs::read(target.program()).expect("it"), PROGRAM);
}

/// Alpine and routers: one program that is the shell and nearly all tools.
pub(crate) async fn works_with_busybox(_: &Instance) {
    let shelf = Shelf::new().await;
    let target = Target::new(&shelf, "busybox", &["openssl"]).await;
    for tool in TOOLS.iter().filter(|tool| !["curl", "ldd"].contains(tool)) {
        let file = target.folder.join("tools").join(tool);
        std::fs::remove_file(&file).expect("the tool");
        symlink(on_path("busybox"), file).expect("a link");
    }
    let mut command = target.command(&[]);
    let script = target.folder.join("install.sh");
    command = {
        let mut busybox = Command::new(on_path("busybox"));
        busybox
            .arg("sh")
            .arg(script)
            .env_clear()
            .stdin(Stdio::null());
        busybox.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        busybox
    };
    let done = run(command).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(std::fs::read(target.program()).expect("it"), PROGRAM);
}

/// A server that is reached through a proxy only.
pub(crate) async fn goes_through_a_proxy(_: &Instance) {
    let shelf = Shelf::new().await;
    let target = Target::new(&shelf, "proxy", &["openssl"]).await;
    let script = target.folder.join("install.sh");
    let text = std::fs::read_to_string(&script).expect("the script");
    let text = text.replace(&shelf.served.url, "http://shop.example");
    std::fs::write(&script, text).expect("the script");
    target.refuses("no proxy", "cannot be reached").await;
    target
        .installs(&[("http_proxy", &shelf.served.url), ("NO_PROXY", "localhost")])
        .await;
    let asked = shelf.served.asked();
    let through = |head: &String| head.starts_with("GET http://shop.example/releases/demo/");
    assert!(!asked.is_empty() && asked.iter().all(through), "{asked:?}");
}

/// What was checked is what is installed, whatever happens to the download in
/// between.
pub(crate) async fn installs_the_copy_that_was_checked(_: &Instance) {
    let shelf = Shelf::new().await;
    for verifier in ["openssl", "minisign"] {
        let target = Target::new(&shelf, &format!("swapped-{verifier}"), &[verifier]).await;
        target.belongs_to_user();
        target.then(
            verifier,
            "for file in \"$HOME\"/.cache/keywright/*; do echo 'echo swapped' >\"$file\"; touch=$HOME/swapped; : >\"$touch\"; done",
        );
        let done = target.install_as_user().await;
        assert_eq!(done.code, 0, "{done:?}");
        assert!(
            target.folder.join("swapped").exists(),
            "nothing was swapped"
        );
        assert_eq!(std::fs::read(target.program()).expect("it"), PROGRAM);
        let left = std::fs::read_dir(target.cache()).expect("the cache");
        assert_eq!(left.count(), 0, "nothing is left in the cache");
    }
}

/// Nothing is written through a link, in the cache or at the target, and a
/// cache that somebody else can write is not used.
pub(crate) async fn follows_no_links(_: &Instance) {
    let shelf = Shelf::new().await;
    let digest = shelf.manifest.artifacts[0].sha256.to_string();
    for as_root in [false, true] {
        for name in ["the cache", "the download", "everybody's cache"] {
            let target = Target::new(&shelf, &format!("{name} {as_root}"), &["openssl"]).await;
            let (victim, cache) = (target.folder.join("victim"), target.cache());
            std::fs::create_dir_all(target.folder.join(".cache")).expect("a folder");
            std::fs::create_dir(&victim).expect("a folder");
            std::fs::write(victim.join("file"), b"precious").expect("a file");
            if name == "the cache" {
                symlink(&victim, &cache).expect("a link");
            } else {
                std::fs::create_dir(&cache).expect("a folder");
                symlink(victim.join("file"), cache.join(&digest)).expect("a link");
            }
            if name == "everybody's cache" {
                let all = std::fs::Permissions::from_mode(0o777);
                std::fs::set_permissions(&cache, all).expect("a folder");
            }
            target.belongs_to_user();
            // As root: HOME is kept by sudo, and is somebody else's.
            let done = if as_root {
                target.install(&[]).await
            } else {
                target.install_as_user().await
            };
            assert_eq!(done.code, 0, "{name}: {done:?}");
            assert_eq!(std::fs::read(target.program()).expect("it"), PROGRAM);
            let left = std::fs::read(victim.join("file")).expect("the file");
            assert_eq!(left, b"precious", "{name}");
            let count = std::fs::read_dir(&victim).expect("a folder").count();
            assert_eq!(count, 1, "{name}: something was written through the link");
        }
    }
    // A cache of somebody else, where the tests can make one.
    let target = Target::new(&shelf, "not ours", &["openssl"]).await;
    std::fs::create_dir_all(target.cache()).expect("a folder");
    target.belongs_to_user();
    if is_root(&target.folder) {
        chown(target.cache(), Some(0), Some(0)).expect("a folder");
        let done = target.install_as_user().await;
        assert_eq!(done.code, 0, "{done:?}");
        assert!(done.err.contains("not ours alone"), "{done:?}");
    }

    let target = Target::new(&shelf, "target", &["openssl"]).await;
    let (bin, victim) = (target.folder.join("bin"), target.folder.join("victim"));
    std::fs::create_dir(&bin).expect("a folder");
    std::fs::write(&victim, b"precious").expect("a file");
    // The name that the new program had before it was in its place.
    symlink(&victim, bin.join(".demo.new")).expect("a link");
    symlink(&victim, target.program()).expect("a link");
    let refused = target.install(&[]).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.err.contains("is a link"), "{refused:?}");
    std::fs::remove_file(target.program()).expect("the link");
    target.installs(&[]).await;
    assert_eq!(std::fs::read(&victim).expect("the file"), b"precious");
    let mut left: Vec<_> = std::fs::read_dir(&bin)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, [".demo.new"], "nothing but what was planted is left");
    // A folder in the program's place.
    std::fs::create_dir(target.program()).expect("a folder");
    let refused = target.install(&[]).await;
    assert!(refused.err.contains("is a link or no file"), "{refused:?}");
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
