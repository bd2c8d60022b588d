//! Release channels.

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
#[error("the channels are stable, rc, beta, alpha and dev")]
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
    fn a_channel_offers_itself_and_what_is_more_stable() {
        assert!(Channel::Beta.offers(Channel::Beta));
        assert!(Channel::Beta.offers(Channel::Stable));
        assert!(!Channel::Beta.offers(Channel::Alpha));
        assert!(!Channel::Stable.offers(Channel::Rc));
        assert_eq!(Channel::default(), Channel::Stable);
    }
}
