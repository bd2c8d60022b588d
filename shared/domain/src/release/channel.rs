//! Release channels.

use super::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How finished a release is. The order is by stability, the least stable
/// first. The five are the stability levels that Joomla knows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Built from work in progress.
    Dev,
    /// Incomplete.
    Alpha,
    /// Complete, being tried.
    Beta,
    /// A release unless something is found.
    Rc,
    /// Finished.
    #[default]
    Stable,
}

/// Text that is not a [`Channel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be stable, rc, beta, alpha or dev")]
pub struct NotAChannel;

impl Channel {
    /// All channels, the most stable first.
    pub const ALL: [Self; 5] = [Self::Stable, Self::Rc, Self::Beta, Self::Alpha, Self::Dev];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Rc => "rc",
            Self::Stable => "stable",
        }
    }

    /// The channel of a version that was published when there were none: by
    /// the first word of its pre-release part, where it has one.
    #[must_use]
    pub fn of_older(version: &Version) -> Self {
        let text = version.as_str();
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let Some((_, pre)) = text.split_once('-') else {
            return Self::Stable;
        };
        let word = pre.split(|c: char| !c.is_ascii_alphabetic()).next();
        [Self::Rc, Self::Beta, Self::Alpha]
            .into_iter()
            .find(|channel| word == Some(channel.as_str()))
            .unwrap_or(Self::Dev)
    }

    /// Whether somebody who follows this channel is offered a release of
    /// `other`: its own releases and all more stable ones.
    #[must_use]
    pub fn offers(self, other: Self) -> bool {
        other >= self
    }
}

impl FromStr for Channel {
    type Err = NotAChannel;

    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == text)
            .ok_or(NotAChannel)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(channel));
            let json = serde_json::to_string(&channel).expect("json");
            assert_eq!(json, format!("\"{channel}\""));
        }
        for text in [
            "",
            "Stable",
            "nightly",
            "development",
            "release-candidate",
            "rc ",
        ] {
            assert_eq!(text.parse::<Channel>(), Err(NotAChannel), "{text:?}");
        }
    }

    #[test]
    fn an_older_version_has_the_channel_that_its_name_says() {
        for (version, channel) in [
            ("1.0.0", Channel::Stable),
            ("1.0.0+rc", Channel::Stable),
            ("1.10.0-rc1", Channel::Rc),
            ("1.10.0-rc.1+5", Channel::Rc),
            ("1.0.0-beta", Channel::Beta),
            ("1.0.0-alpha.2", Channel::Alpha),
            ("1.0.0-20270115", Channel::Dev),
            ("1.0.0-rcx", Channel::Dev),
        ] {
            let version = Version::parse(version).expect(version);
            assert_eq!(Channel::of_older(&version), channel, "{version}");
        }
    }

    #[test]
    fn a_channel_offers_itself_and_what_is_more_stable() {
        assert!(Channel::Beta.offers(Channel::Beta));
        assert!(Channel::Beta.offers(Channel::Stable));
        assert!(!Channel::Beta.offers(Channel::Alpha));
        assert!(!Channel::Stable.offers(Channel::Rc));
        assert_eq!(Channel::default(), Channel::Stable);
    }
}
