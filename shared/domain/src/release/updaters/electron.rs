//! electron-updater: the files of an operating system, for the client to choose
//! from.

use super::{Listed, Members, is_semantic};
use crate::release::{Channel, Platform, Version};
use serde_json::{Map, Value};

pub(super) const WINDOWS: &[&str] = &[".exe", ".msi", ".appx"];
pub(super) const MAC: &[&str] = &[".zip", ".dmg", ".pkg"];
pub(super) const LINUX: &[&str] = &[".appimage", ".deb", ".rpm", ".pacman"];

/// The largest number that JavaScript holds exactly.
const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// Whether electron-updater reads it: its versions are those of Semantic
/// Versioning, with numbers that JavaScript holds. Any other makes every check of
/// every installation fail.
#[must_use]
pub fn is_readable(version: &Version) -> bool {
    is_semantic(version).is_some_and(|version| {
        [version.major, version.minor, version.patch]
            .iter()
            .all(|number| *number <= MAX_SAFE_INTEGER)
    })
}

/// Which releases a channel file tells of, and which of their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelFile {
    /// The channel.
    pub channel: Channel,
    system: System,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Windows,
    Mac,
    /// With the architecture of a triple.
    Linux(&'static str),
}

/// The ends of the files' names. The names of Linux architectures are those of
/// Node.js, which leaves its own out for `x64`.
const SYSTEMS: [(&str, System); 7] = [
    ("-mac", System::Mac),
    ("-linux", System::Linux("x86_64")),
    ("-linux-arm64", System::Linux("aarch64")),
    ("-linux-arm", System::Linux("armv7")),
    ("-linux-ia32", System::Linux("i686")),
    ("-linux-riscv64", System::Linux("riscv64")),
    ("", System::Windows),
];

/// Whether some channel file has files of a release.
#[must_use]
pub fn has_files(files: &[Listed]) -> bool {
    SYSTEMS.into_iter().any(|(_, system)| {
        let file = ChannelFile {
            channel: Channel::Stable,
            system,
        };
        !file.files(files).is_empty()
    })
}

impl ChannelFile {
    /// Reads the name of a channel file, such as `latest-mac.yml`. The stable
    /// channel is `latest`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".yml")?;
        SYSTEMS.iter().find_map(|(end, system)| {
            let channel = match name.strip_suffix(end)? {
                "latest" => Channel::Stable,
                channel => channel.parse().ok()?,
            };
            Some(Self {
                channel,
                system: *system,
            })
        })
    }

    /// The files of a release that such a client can take, the one for clients
    /// that know only of one first. None: the release is not for it.
    #[must_use]
    pub fn files<'a>(&self, files: &'a [Listed]) -> Vec<&'a Platform> {
        let endings = match self.system {
            System::Windows => WINDOWS,
            System::Mac => MAC,
            System::Linux(_) => LINUX,
        };
        let mut found: Vec<_> = files
            .iter()
            .filter_map(|file| {
                let fit = self.fit(&file.platform)?;
                let kind = match file.ending(endings) {
                    Some(kind) => kind,
                    None if file.is_unnamed() => endings.len(),
                    None => return None,
                };
                Some((kind, fit, &file.platform))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, _, platform)| platform).collect()
    }

    /// Whether a platform is of this system; the lower, the more clients it
    /// runs on.
    fn fit(&self, platform: &Platform) -> Option<u8> {
        let (arch, rest) = platform.triple().split_once('-')?;
        let in_rest = |word: &str| rest.split('-').any(|part| part.starts_with(word));
        match self.system {
            System::Windows if in_rest("windows") => Some(match arch {
                "x86_64" => 0,
                "i686" | "i586" => 1,
                _ => 2,
            }),
            System::Mac if rest == "apple-darwin" => Some(match arch {
                "universal" => 0,
                "x86_64" => 1,
                _ => 2,
            }),
            System::Linux(wanted) if in_rest("linux") && arch.starts_with(wanted) => {
                Some(u8::from(!in_rest("gnu")))
            }
            _ => None,
        }
    }
}

/// What the member `electron` of a release's metadata says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extras {
    /// The release's name.
    pub release_name: Option<String>,
    /// The lowest version of the operating system.
    pub minimum_system_version: Option<String>,
}

impl Extras {
    /// Reads the metadata of a release.
    #[must_use]
    pub fn of(metadata: &Map<String, Value>) -> Self {
        let members = Members::of(metadata, "electron");
        Self {
            release_name: members.text("release_name"),
            minimum_system_version: members.text("minimum_system_version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed;
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_channel_files() {
        for (name, channel, system) in [
            ("latest.yml", Channel::Stable, System::Windows),
            ("latest-mac.yml", Channel::Stable, System::Mac),
            ("latest-linux.yml", Channel::Stable, System::Linux("x86_64")),
            (
                "latest-linux-arm64.yml",
                Channel::Stable,
                System::Linux("aarch64"),
            ),
            ("beta.yml", Channel::Beta, System::Windows),
            (
                "alpha-linux-ia32.yml",
                Channel::Alpha,
                System::Linux("i686"),
            ),
            ("stable-mac.yml", Channel::Stable, System::Mac),
        ] {
            assert_eq!(
                ChannelFile::parse(name),
                Some(ChannelFile { channel, system }),
                "{name}"
            );
        }
        for name in [
            "",
            ".yml",
            "latest",
            "Latest.yml",
            "latest-bsd.yml",
            "nightly.yml",
            "latest.yaml",
        ] {
            assert_eq!(ChannelFile::parse(name), None, "{name}");
        }
    }

    #[test]
    fn each_system_has_its_files() {
        let files = listed(&[
            ("aarch64-apple-darwin", "Demo-arm64.zip"),
            ("aarch64-pc-windows-msvc", "Demo-arm64.exe"),
            ("aarch64-unknown-linux-gnu", "demo"),
            ("universal-apple-darwin", "Demo.dmg"),
            ("x86_64-apple-darwin", "Demo-x64.zip"),
            ("x86_64-pc-windows-msvc", "Demo.msi"),
            ("x86_64-pc-windows-msvc.exe", "Demo Setup.exe"),
            ("x86_64-unknown-linux-gnu", "Demo.deb"),
            ("x86_64-unknown-linux-gnu.appimage", "Demo.AppImage"),
            ("x86_64-unknown-linux-gnu.txt", "changes.tar.gz"),
        ]);
        for (name, expected) in [
            (
                "latest.yml",
                &[
                    "x86_64-pc-windows-msvc.exe",
                    "aarch64-pc-windows-msvc",
                    "x86_64-pc-windows-msvc",
                ][..],
            ),
            (
                "latest-mac.yml",
                &[
                    "x86_64-apple-darwin",
                    "aarch64-apple-darwin",
                    "universal-apple-darwin",
                ],
            ),
            (
                "latest-linux.yml",
                &[
                    "x86_64-unknown-linux-gnu.appimage",
                    "x86_64-unknown-linux-gnu",
                ],
            ),
            ("latest-linux-arm64.yml", &["aarch64-unknown-linux-gnu"]),
            ("latest-linux-arm.yml", &[]),
        ] {
            let file = ChannelFile::parse(name).expect(name);
            let found: Vec<&str> = file.files(&files).iter().map(|one| one.as_str()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn versions_that_electron_updater_cannot_read_are_known() {
        for (text, readable) in [
            ("1.2.3", true),
            ("1.2.3-beta10+b", true),
            ("2026.10", false),
            ("1.2.3.4", false),
            ("1.02.3", false),
            ("9007199254740991.0.0", true),
            ("9007199254740992.0.0", false),
        ] {
            let version = Version::parse(text).expect(text);
            assert_eq!(is_readable(&version), readable, "{text}");
        }
    }

    #[test]
    fn the_metadata_may_say_more() {
        let metadata =
            json!({"electron": {"release_name": "Spring", "minimum_system_version": "10.0"}});
        let extras = Extras::of(metadata.as_object().expect("members"));
        assert_eq!(extras.release_name.as_deref(), Some("Spring"));
        assert_eq!(extras.minimum_system_version.as_deref(), Some("10.0"));
    }
}
