//! Which releases an appcast lists for Sparkle, by Sparkle's own order of builds.

use super::sparkle::Item;
use super::{is_no_higher, needed};
use crate::release::{Channel, Version};
use std::cmp::Ordering;

/// A release for Macs, as far as it matters for listing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The version.
    pub version: &'a Version,
    /// Its channel.
    pub channel: Channel,
    /// What its metadata says.
    pub item: Item,
    /// Whether its archive runs on Apple silicon only.
    pub arm64_only: bool,
}

impl Entry<'_> {
    /// Whether every Mac that could install `older` can install this.
    fn covers(&self, older: &Self) -> bool {
        let (item, other) = (&self.item, &older.item);
        let minimums = (
            item.minimum_system_version.as_deref(),
            other.minimum_system_version.as_deref(),
        );
        self.channel == older.channel
            && (!self.arm64_only || older.arm64_only)
            && is_no_higher(minimums.0, minimums.1)
            && (item.maximum_system_version.is_none()
                || item.maximum_system_version == other.maximum_system_version)
    }

    /// Whether Sparkle would take `other`, of a lower version, for the newer one.
    fn is_behind(&self, other: &Self) -> bool {
        compare(&self.item.build_version, &other.item.build_version) != Ordering::Greater
    }
}

/// Whether an entry without a build version would take the feed backwards: Sparkle
/// compares its version with the build version of an earlier one and takes the
/// earlier one for the newer.
#[must_use]
pub fn goes_backwards(entry: &Entry<'_>, others: &[Entry<'_>]) -> bool {
    !entry.item.has_build_version
        && others
            .iter()
            .filter(|other| other.version < entry.version)
            .any(|other| other.item.has_build_version && entry.is_behind(other))
}

/// The entries that an appcast lists, of those whose newest is first: for every channel
/// the newest for each lowest system, at most `most`, and none that takes the feed
/// backwards. Where Sparkle would take an older one for a newer one, that is for systems
/// only that the newer one is not for.
#[must_use]
pub fn listed<'a>(newest_first: &[Entry<'a>], most: usize) -> Vec<Entry<'a>> {
    // From the oldest on, with the highest build version so far: a product may have
    // thousands of versions.
    let mut highest: Option<&str> = None;
    let mut sound: Vec<&Entry<'_>> = Vec::new();
    for entry in newest_first.iter().rev() {
        let build = entry.item.build_version.as_str();
        let is_higher = highest.is_none_or(|highest| compare(build, highest) == Ordering::Greater);
        if entry.item.has_build_version {
            highest = if is_higher { Some(build) } else { highest };
        }
        if entry.item.has_build_version || is_higher {
            sound.push(entry);
        }
    }
    let mut entries = Vec::new();
    for channel in Channel::ALL {
        let on_it = sound.iter().rev().filter(|entry| entry.channel == channel);
        let on_it = on_it.map(|entry| (*entry).clone());
        entries.extend(needed(on_it, Entry::covers, most));
    }
    let all = entries.clone();
    for entry in &mut entries {
        // Whoever sees this one sees what is on a more stable channel, too.
        let newer = all
            .iter()
            .filter(|newer| newer.version > entry.version && newer.channel >= entry.channel);
        let lowest = newer
            .filter(|newer| newer.is_behind(entry))
            .filter_map(|newer| newer.item.minimum_system_version.as_deref())
            .filter_map(below)
            .next_back();
        if entry.item.maximum_system_version.is_none() {
            entry.item.maximum_system_version = lowest;
        }
    }
    entries
}

/// The last version before a lowest system: `14.99.99` for `15.0`. `None` for one that
/// has no number above zero.
fn below(minimum: &str) -> Option<String> {
    let numbers: Result<Vec<u64>, _> = minimum.split('.').map(str::parse).collect();
    let mut numbers = numbers.ok()?;
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    *numbers.last_mut()? -= 1;
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Some(format!("{}.99.99", numbers.join(".")))
}

/// Compares two build versions as Sparkle does (`SUStandardVersionComparator`): numbers
/// by value, words as text, a number after a word. Of two that begin alike the one that
/// goes on with a number is the newer, and the one that goes on with a word the older.
#[must_use]
pub fn compare(one: &str, two: &str) -> Ordering {
    let (one, two) = (parts(one), parts(two));
    for (one, two) in one.iter().zip(&two) {
        let order = one.cmp(two);
        if order != Ordering::Equal {
            return order;
        }
    }
    let goes_on = |longer: &[Part], shorter: &[Part]| {
        longer.get(shorter.len()).map(|part| match part {
            Part::Word(_) => Ordering::Less,
            Part::Number(..) => Ordering::Greater,
        })
    };
    goes_on(&one, &two)
        .or_else(|| goes_on(&two, &one).map(Ordering::reverse))
        .unwrap_or(Ordering::Equal)
}

/// A word is older than a number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Word(String),
    /// How many digits there are behind the zeros in front, and those.
    Number(usize, String),
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let words = text.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let is_number = first.is_ascii_digit();
            let end = rest
                .find(|c: char| c.is_ascii_digit() != is_number)
                .unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            rest = behind;
            parts.push(if is_number {
                let digits = run.trim_start_matches('0');
                Part::Number(digits.len(), digits.to_owned())
            } else {
                Part::Word(run.to_owned())
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    #[test]
    fn build_versions_compare_as_in_sparkle() {
        for row in [
            "1 2 10 100",
            "1.0 1.1 1.10 1.10.1 2",
            "1.0b3 1.0 1.0.1",
            "1.5b3 1.5b4 1.5",
            "1.2.0 42",
            "2026.09.1 2026.10",
        ] {
            let builds: Vec<&str> = row.split(' ').collect();
            for (at, one) in builds.iter().enumerate() {
                for (other_at, two) in builds.iter().enumerate() {
                    assert_eq!(compare(one, two), at.cmp(&other_at), "{one} {two}");
                }
            }
        }
        assert_eq!(compare("1.0", "1.00"), Ordering::Equal);
    }

    /// Version, channel, build version, lowest system, only for Apple silicon.
    type Row = (&'static str, Channel, &'static str, &'static str, bool);

    /// What is listed of these: version, and the highest system of it.
    fn appcast(rows: &[Row]) -> Vec<String> {
        let versions: Vec<Version> = rows
            .iter()
            .map(|row| Version::parse(row.0).expect("a version"))
            .collect();
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for (version, (_, channel, build, minimum, arm64_only)) in versions.iter().zip(rows) {
            let mut said = Map::new();
            for (name, value) in [
                ("build_version", build),
                ("minimum_system_version", minimum),
            ] {
                said.insert(name.to_owned(), json!(value));
            }
            let metadata = Map::from_iter([("sparkle".to_owned(), Value::Object(said))]);
            entries.push(Entry {
                version,
                channel: *channel,
                item: Item::of(version, &metadata),
                arm64_only: *arm64_only,
            });
        }
        entries.sort_by(|a, b| b.version.cmp(a.version));
        let shown = |entry: &Entry<'_>| match &entry.item.maximum_system_version {
            Some(maximum) => format!("{} to {maximum}", entry.version),
            None => entry.version.to_string(),
        };
        listed(&entries, 3).iter().map(shown).collect()
    }

    #[test]
    fn an_appcast_has_what_some_mac_needs() {
        use Channel::{Beta, Stable};
        for (rows, expected) in [
            (
                &[
                    ("1.0.0", Stable, "1", "10.13", false),
                    ("2.0.0", Stable, "2", "15.0", false),
                ][..],
                &["2.0.0", "1.0.0"][..],
            ),
            // A fix of the older line takes its place,
            (
                &[
                    ("1.0.0", Stable, "1", "10.13", false),
                    ("2.0.0", Stable, "2", "15.0", false),
                    ("1.0.1", Stable, "1.5", "10.13", false),
                ],
                &["2.0.0", "1.0.1"],
            ),
            // and is no update for those who have the newer one, whatever Sparkle thinks.
            (
                &[
                    ("2.0.0", Stable, "200", "15.0", false),
                    ("1.0.1", Stable, "300", "10.13", false),
                ],
                &["2.0.0", "1.0.1 to 14.99.99"],
            ),
            // A beta takes nothing from those who do not see it.
            (
                &[
                    ("2.0.0-b", Beta, "200", "15.0", false),
                    ("1.0.1", Stable, "300", "10.13", false),
                ],
                &["1.0.1", "2.0.0-b"],
            ),
            // Whoever can have the newer one needs no older one.
            (
                &[
                    ("1.0.0", Stable, "1", "12", false),
                    ("2.0.0", Stable, "2", "10.15", false),
                ],
                &["2.0.0"],
            ),
            (
                &[
                    ("1.0.0", Stable, "1", "", false),
                    ("2.0.0", Stable, "2", "", true),
                ],
                &["2.0.0", "1.0.0"],
            ),
            (
                &[
                    ("1.0.0", Stable, "1", "", true),
                    ("2.0.0", Stable, "2", "", false),
                ],
                &["2.0.0"],
            ),
            (
                &[
                    ("1.0.0", Stable, "1", "", false),
                    ("2.0.0-beta1", Beta, "2", "", false),
                ],
                &["1.0.0", "2.0.0-beta1"],
            ),
            // Without a build version it would be older than build 100.
            (
                &[
                    ("1.0.0", Stable, "100", "", false),
                    ("1.1.0", Stable, "", "", false),
                ],
                &["1.0.0"],
            ),
            (
                &[
                    ("1.0.0", Stable, "", "", false),
                    ("1.1.0", Stable, "", "", false),
                ],
                &["1.1.0"],
            ),
            (
                &[
                    ("1.0.0", Stable, "", "", false),
                    ("1.1.0", Stable, "2", "", false),
                ],
                &["1.1.0"],
            ),
        ] {
            assert_eq!(appcast(rows), expected, "{rows:?}");
        }
        // It stays small.
        let many: Vec<Row> = ["11", "12", "13", "14", "15"]
            .into_iter()
            .map(|system| (system, Stable, system, system, false))
            .collect();
        assert_eq!(appcast(&many), ["15", "14", "13"]);
    }
}
