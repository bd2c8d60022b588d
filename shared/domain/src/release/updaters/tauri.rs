//! Tauri 2: one file by operating system, architecture and kind of bundle.

use super::{Listed, filled_in, is_semantic};
use crate::release::{Platform, Version};

/// Every ending of a bundle that Tauri's updater installs, with its kind, in
/// the order in which they are taken where none was asked for.
const KINDS: [(&str, Bundle); 12] = [
    (".appimage", Bundle::AppImage),
    (".appimage.tar.gz", Bundle::AppImage),
    (".app.tar.gz", Bundle::App),
    (".nsis.zip", Bundle::Nsis),
    ("-setup.exe", Bundle::Nsis),
    (".exe", Bundle::Nsis),
    (".msi", Bundle::Msi),
    (".msi.zip", Bundle::Msi),
    (".deb", Bundle::Deb),
    (".rpm", Bundle::Rpm),
    (".tar.gz", Bundle::App),
    (".zip", Bundle::Nsis),
];

/// The endings of [`KINDS`].
pub(super) const ENDINGS: &[&str] = &[
    ".appimage",
    ".appimage.tar.gz",
    ".app.tar.gz",
    ".nsis.zip",
    "-setup.exe",
    ".exe",
    ".msi",
    ".msi.zip",
    ".deb",
    ".rpm",
    ".tar.gz",
    ".zip",
];

/// What a client says of itself, in the words of its updater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// `linux`, `windows` or `darwin`.
    pub os: &'a str,
    /// `x86_64`, `i686`, `aarch64`, `armv7` or `riscv64`.
    pub arch: &'a str,
    /// The kind of bundle that is installed; `None` asks for any.
    pub bundle: Option<Bundle>,
}

/// A kind of bundle that Tauri's updater installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle {
    /// Linux, one file.
    AppImage,
    /// Debian's package.
    Deb,
    /// Red Hat's package.
    Rpm,
    /// macOS.
    App,
    /// Windows Installer.
    Msi,
    /// The Nullsoft installer.
    Nsis,
}

impl Bundle {
    /// Every kind, with its name in URLs.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::AppImage, "appimage"),
        (Self::Deb, "deb"),
        (Self::Rpm, "rpm"),
        (Self::App, "app"),
        (Self::Msi, "msi"),
        (Self::Nsis, "nsis"),
    ];

    /// The kind that a client says it has. `None` where it says none that is
    /// known: Tauri before 2.8 leaves `{{bundle_type}}` as it is, and an
    /// installation that is no bundle calls itself `unknown`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = filled_in(text)?;
        let mut all = Self::ALL.into_iter();
        all.find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(bundle, _)| bundle)
    }
}

/// Operating systems and architectures that Tauri's updater knows.
pub const TARGETS: [(&str, &str); 11] = [
    ("linux", "x86_64"),
    ("linux", "i686"),
    ("linux", "aarch64"),
    ("linux", "armv7"),
    ("linux", "riscv64"),
    ("windows", "x86_64"),
    ("windows", "i686"),
    ("windows", "aarch64"),
    ("windows", "armv7"),
    ("darwin", "x86_64"),
    ("darwin", "aarch64"),
];

/// Whether Tauri reads it: its versions are those of Semantic Versioning.
#[must_use]
pub fn is_readable(version: &Version) -> bool {
    is_semantic(version).is_some()
}

/// The file for a client. Of several that fit, one of the kind it asks for; then
/// a file whose name does not tell its kind; GNU before musl, a Mac's own
/// architecture before universal.
#[must_use]
pub fn file<'a>(files: &'a [Listed], target: Target<'_>) -> Option<&'a Platform> {
    files
        .iter()
        .filter_map(|file| {
            let fit = fit(&file.platform, target.os, target.arch)?;
            let kind = file.ending(ENDINGS).map(|at| (at, KINDS[at].1));
            let order = match (kind, target.bundle) {
                (Some((at, kind)), Some(asked)) if kind == asked => at,
                (Some((at, _)), None) => at,
                (Some(_), Some(_)) => return None,
                (None, _) => KINDS.len(),
            };
            Some((order, fit, &file.platform))
        })
        .min()
        .map(|(_, _, platform)| platform)
}

/// Whether a platform is what Tauri calls by these two words; the lower, the
/// better it fits.
fn fit(platform: &Platform, os: &str, arch: &str) -> Option<u8> {
    let triple = platform.triple();
    let (first, rest) = triple.split_once('-')?;
    let same_arch = match arch {
        "x86_64" | "aarch64" => first == arch,
        "i686" => matches!(first, "i686" | "i586"),
        "armv7" => first.starts_with("armv7") || first.starts_with("thumbv7"),
        "riscv64" => first.starts_with("riscv64"),
        _ => false,
    };
    let in_rest = |word: &str| rest.split('-').any(|part| part.starts_with(word));
    match os {
        "linux" if same_arch && in_rest("linux") && !in_rest("android") => {
            Some(u8::from(!in_rest("gnu")))
        }
        "windows" if same_arch && in_rest("windows") => Some(u8::from(!in_rest("msvc"))),
        "darwin" if rest == "apple-darwin" && same_arch => Some(0),
        "darwin" if triple == "universal-apple-darwin" && matches!(arch, "x86_64" | "aarch64") => {
            Some(1)
        }
        _ => None,
    }
}

/// The members of the static JSON's `platforms`: for each target `os-arch` with
/// the file that it gets where it asks for no kind of bundle, and one
/// `os-arch-bundle` for each kind there is.
#[must_use]
pub fn platforms(files: &[Listed]) -> Vec<(String, &Platform)> {
    let mut platforms = Vec::new();
    for (os, arch) in TARGETS {
        let target = |bundle| Target { os, arch, bundle };
        let Some(any) = file(files, target(None)) else {
            continue;
        };
        platforms.push((format!("{os}-{arch}"), any));
        for (bundle, name) in Bundle::ALL {
            let named = |platform: &Platform| {
                let mut named = files.iter().filter(|file| file.platform == *platform);
                named.any(|file| file.ending(ENDINGS).is_some())
            };
            if let Some(found) = file(files, target(Some(bundle))).filter(|found| named(found)) {
                platforms.push((format!("{os}-{arch}-{name}"), found));
            }
        }
    }
    platforms
}

#[cfg(test)]
mod tests {
    use super::super::listed;
    use super::*;

    const FILES: &[(&str, &str)] = &[
        ("aarch64-apple-darwin", "Demo-arm64.app.tar.gz"),
        ("aarch64-unknown-linux-musl", "demo"),
        ("armv7-unknown-linux-gnueabihf", "demo-armv7.deb"),
        ("i686-pc-windows-msvc", "demo-x86.msi"),
        ("riscv64gc-unknown-linux-gnu", "demo-riscv.AppImage"),
        ("universal-apple-darwin", "Demo.app.tar.gz"),
        ("x86_64-pc-windows-gnu", "demo-gnu-setup.exe"),
        ("x86_64-pc-windows-msvc", "demo.msi"),
        ("x86_64-pc-windows-msvc.exe", "demo-setup.exe"),
        ("x86_64-unknown-linux-gnu", "demo.AppImage"),
        ("x86_64-unknown-linux-gnu.deb", "demo.deb"),
        ("x86_64-unknown-linux-musl", "demo-musl.AppImage"),
    ];

    fn found(os: &str, arch: &str, bundle: Option<&str>) -> Option<String> {
        let files = listed(FILES);
        let bundle = bundle.and_then(Bundle::of);
        file(&files, Target { os, arch, bundle }).map(ToString::to_string)
    }

    #[test]
    fn the_file_of_a_client_fits_it() {
        for (os, arch, bundle, platform) in [
            ("linux", "x86_64", None, Some("x86_64-unknown-linux-gnu")),
            (
                "linux",
                "x86_64",
                Some("unknown"),
                Some("x86_64-unknown-linux-gnu"),
            ),
            (
                "linux",
                "x86_64",
                Some("{{bundle_type}}"),
                Some("x86_64-unknown-linux-gnu"),
            ),
            (
                "linux",
                "x86_64",
                Some("flatpak"),
                Some("x86_64-unknown-linux-gnu"),
            ),
            (
                "linux",
                "x86_64",
                Some(""),
                Some("x86_64-unknown-linux-gnu"),
            ),
            (
                "linux",
                "x86_64",
                Some("AppImage"),
                Some("x86_64-unknown-linux-gnu"),
            ),
            (
                "linux",
                "x86_64",
                Some("deb"),
                Some("x86_64-unknown-linux-gnu.deb"),
            ),
            ("linux", "x86_64", Some("rpm"), None),
            // Nothing tells what it is, so it is what was asked for.
            (
                "linux",
                "aarch64",
                Some("rpm"),
                Some("aarch64-unknown-linux-musl"),
            ),
            ("linux", "aarch64", None, Some("aarch64-unknown-linux-musl")),
            (
                "linux",
                "armv7",
                None,
                Some("armv7-unknown-linux-gnueabihf"),
            ),
            ("linux", "i686", None, None),
            (
                "linux",
                "riscv64",
                None,
                Some("riscv64gc-unknown-linux-gnu"),
            ),
            (
                "windows",
                "x86_64",
                None,
                Some("x86_64-pc-windows-msvc.exe"),
            ),
            (
                "windows",
                "x86_64",
                Some("msi"),
                Some("x86_64-pc-windows-msvc"),
            ),
            (
                "windows",
                "x86_64",
                Some("nsis"),
                Some("x86_64-pc-windows-msvc.exe"),
            ),
            ("windows", "i686", Some("msi"), Some("i686-pc-windows-msvc")),
            ("windows", "i686", Some("nsis"), None),
            (
                "darwin",
                "aarch64",
                Some("app"),
                Some("aarch64-apple-darwin"),
            ),
            (
                "darwin",
                "x86_64",
                Some("app"),
                Some("universal-apple-darwin"),
            ),
            ("darwin", "i686", None, None),
            ("freebsd", "x86_64", None, None),
            ("linux", "sparc", None, None),
        ] {
            let found = found(os, arch, bundle);
            assert_eq!(found.as_deref(), platform, "{os} {arch} {bundle:?}");
        }
    }

    #[test]
    fn the_static_list_has_every_client_and_kind() {
        let files = listed(FILES);
        let names: Vec<String> = platforms(&files)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            [
                "linux-x86_64",
                "linux-x86_64-appimage",
                "linux-x86_64-deb",
                "linux-aarch64",
                "linux-armv7",
                "linux-armv7-deb",
                "linux-riscv64",
                "linux-riscv64-appimage",
                "windows-x86_64",
                "windows-x86_64-msi",
                "windows-x86_64-nsis",
                "windows-i686",
                "windows-i686-msi",
                "darwin-x86_64",
                "darwin-x86_64-app",
                "darwin-aarch64",
                "darwin-aarch64-app",
            ]
        );
    }

    #[test]
    fn every_kind_has_its_ending() {
        let endings: Vec<&str> = KINDS.iter().map(|(ending, _)| *ending).collect();
        assert_eq!(endings, ENDINGS);
    }

    #[test]
    fn versions_that_tauri_cannot_read_are_known() {
        for (text, readable) in [
            ("1.2.3", true),
            ("1.2.3-rc.1+b", true),
            ("1.2", false),
            ("1.2.3.4", false),
            ("01.02.03", false),
        ] {
            let version = Version::parse(text).expect(text);
            assert_eq!(is_readable(&version), readable, "{text}");
        }
    }
}
