//! The identifiers of a pre-release or of build metadata, in the order that people
//! mean.

/// Runs of digits and of other characters. Dots, and dashes next to a digit,
/// only separate: `rc1`, `rc.1` and `rc-1` are the same runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Identifiers(Vec<Run>);

/// One run. A number comes before a word (Semantic Versioning, item 11.4.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Run {
    /// How many digits there are behind the zeros in front, and those digits: a
    /// longer number is the larger one.
    Number(usize, String),
    /// In ASCII order, as in Semantic Versioning.
    Word(String),
}

impl Identifiers {
    /// Reads identifiers with dots between them; none of an empty text.
    pub(super) fn of(text: &str) -> Self {
        let identifiers = text.split('.').filter(|identifier| !identifier.is_empty());
        Self(identifiers.flat_map(runs).collect())
    }
}

fn runs(identifier: &str) -> Vec<Run> {
    let is_digit = |c: char| c.is_ascii_digit();
    if !identifier.contains(is_digit) {
        return vec![Run::Word(identifier.to_owned())];
    }
    let mut runs = Vec::new();
    let mut rest = identifier;
    while let Some(first) = rest.chars().next() {
        let starts = is_digit(first);
        let end = rest
            .find(|c: char| is_digit(c) != starts)
            .unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        rest = behind;
        if starts {
            let digits = run.trim_start_matches('0');
            runs.push(Run::Number(digits.len(), digits.to_owned()));
        } else {
            let word = run.trim_matches('-');
            if !word.is_empty() {
                runs.push(Run::Word(word.to_owned()));
            }
        }
    }
    runs
}
