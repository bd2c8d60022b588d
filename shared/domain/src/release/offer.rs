//! Which release is offered to whom.

use super::{Channel, Version};

/// What decides whether a release is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The version.
    pub version: &'a Version,
    /// Its channel.
    pub channel: Channel,
    /// Whether it was yanked.
    pub yanked: bool,
    /// How many in a hundred installations are offered it.
    pub rollout_percent: u8,
}

impl Candidate<'_> {
    /// Whether somebody who follows `channel` may be offered it at all: not
    /// yanked, at least as stable as the channel, and on the stable channel no
    /// pre-release, whatever it was published as.
    #[must_use]
    pub fn is_on(&self, channel: Channel) -> bool {
        let passes_as_stable = channel < Channel::Stable || !self.version.is_prerelease();
        !self.yanked && channel.offers(self.channel) && passes_as_stable
    }

    /// Whether the staged rollout has reached an installation. `client` is what
    /// it calls itself; without a name it is offered what everybody gets.
    #[must_use]
    pub fn has_reached(&self, product: &str, client: Option<&str>) -> bool {
        match client {
            _ if self.rollout_percent >= 100 => true,
            Some(client) => bucket(product, self.version, client) < self.rollout_percent,
            None => false,
        }
    }
}

/// Where an installation stands in the rollout of a version, 0 to 99. The same
/// every time it asks, and another for another version, so that it is not
/// always the same ones who come first.
fn bucket(product: &str, version: &Version, client: &str) -> u8 {
    // No name has a line end, so the three cannot run into one another.
    let text = format!("{product}\n{version}\n{client}");
    // The remainder is below 100.
    u8::try_from(crc32fast::hash(text.as_bytes()) % 100).unwrap_or_default()
}

/// The newest of the releases that are on `channel`.
pub fn newest<T>(
    releases: impl IntoIterator<Item = T>,
    channel: Channel,
    candidate: impl Fn(&T) -> Candidate<'_>,
) -> Option<T> {
    releases
        .into_iter()
        .filter(|release| candidate(release).is_on(channel))
        .max_by(|a, b| candidate(a).version.cmp(candidate(b).version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect(text)
    }

    /// Version, channel, yanked.
    type Row = (&'static str, Channel, bool);

    const RELEASES: &[Row] = &[
        ("1.0.0", Channel::Stable, false),
        ("1.2.0", Channel::Stable, false),
        ("1.10.0", Channel::Stable, true),
        ("1.3.0-rc.1", Channel::Rc, false),
        ("1.3.0-beta.2", Channel::Beta, false),
        ("1.4.0-alpha.1", Channel::Alpha, false),
        ("2.0.0-rc.1", Channel::Stable, false),
    ];

    #[test]
    fn the_newest_of_a_channel() {
        for (channel, expected) in [
            (Channel::Stable, "1.2.0"),
            (Channel::Rc, "2.0.0-rc.1"),
            (Channel::Dev, "2.0.0-rc.1"),
        ] {
            let releases: Vec<(Version, &Row)> =
                RELEASES.iter().map(|row| (version(row.0), row)).collect();
            let found = newest(releases, channel, |(version, row)| Candidate {
                version,
                channel: row.1,
                yanked: row.2,
                rollout_percent: 100,
            });
            assert_eq!(
                found.map(|(version, _)| version),
                Some(version(expected)),
                "{channel}"
            );
        }
    }

    #[test]
    fn nothing_is_offered_where_there_is_nothing() {
        let candidate = |version| Candidate {
            version,
            channel: Channel::Dev,
            yanked: false,
            rollout_percent: 100,
        };
        let versions = [version("1.0.0")];
        assert_eq!(newest(&versions, Channel::Alpha, |v| candidate(v)), None);
        assert_eq!(
            newest(&versions, Channel::Dev, |v| candidate(v)),
            versions.first()
        );
    }

    #[test]
    fn a_rollout_reaches_about_as_many_as_it_says() {
        let version = version("1.0.0");
        for percent in [0, 1, 10, 50, 99, 100] {
            let candidate = Candidate {
                version: &version,
                channel: Channel::Stable,
                yanked: false,
                rollout_percent: percent,
            };
            let reached = (0..10_000)
                .filter(|n| candidate.has_reached("demo", Some(&format!("client-{n}"))))
                .count();
            let expected = usize::from(percent) * 100;
            assert!(reached.abs_diff(expected) <= 200, "{percent} %: {reached}");
            assert_eq!(candidate.has_reached("demo", None), percent == 100);
        }
    }

    proptest! {
        #[test]
        fn who_was_reached_stays_reached(client in "\\PC{0,20}", first in 0u8..=100, more in 0u8..=100) {
            let version = version("1.0.0");
            let at = |percent: u8| Candidate {
                version: &version, channel: Channel::Stable, yanked: false, rollout_percent: percent,
            }.has_reached("demo", Some(&client));
            prop_assert!(!at(first) || at(first.saturating_add(more)));
        }
    }
}
