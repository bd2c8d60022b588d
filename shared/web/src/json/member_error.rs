//! What is wrong with one member of a body, in words for the person who sent it.

use crate::ApiError;
use crate::names::{instead, listed, shown};
use serde::de::{Error, Expected, Unexpected};
use std::fmt;

/// One step from the body to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Item(usize),
}

/// Steps that a message shows at most.
const MAX_STEPS: usize = 16;

/// `entitlements[2].slug`; `the body` for the body itself.
pub(super) fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path.iter().take(MAX_STEPS) {
        match step {
            Step::Item(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
            Step::Member(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&shown(name));
            }
        }
    }
    if path.len() > MAX_STEPS {
        text.push('…');
    }
    if text.is_empty() {
        text.push_str("the body");
    }
    text
}

/// What is wrong, and with which member.
#[derive(Debug)]
pub(super) struct MemberError {
    /// From the member up to the body.
    steps: Vec<Step>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// `must …`.
    Rule(String),
    /// It has to be a whole number.
    WholeNumber,
    /// It contains U+0000, which ends a text for some readers of the database.
    Nul,
    /// No member has this name; what follows the name in the message.
    Unknown(String),
}

impl MemberError {
    pub(super) fn rule(rule: impl Into<String>) -> Self {
        Self::of(Problem::Rule(rule.into()))
    }

    pub(super) fn nul() -> Self {
        Self::of(Problem::Nul)
    }

    pub(super) fn whole_number() -> Self {
        Self::of(Problem::WholeNumber)
    }

    fn of(problem: Problem) -> Self {
        Self {
            steps: Vec::new(),
            problem,
        }
    }

    /// The error of a value that is inside another one.
    pub(super) fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl fmt::Display for MemberError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<Step> = self.steps.iter().rev().cloned().collect();
        let member = path_text(&path);
        match &self.problem {
            Problem::Rule(rule) => write!(formatter, "{member} {rule}"),
            Problem::Nul => write!(formatter, "{member} must not contain U+0000"),
            Problem::WholeNumber => write!(
                formatter,
                "{member} must be a whole number{}",
                unit(&self.steps)
            ),
            Problem::Unknown(instead) => {
                let member = if path.len() == 1 && member.starts_with('"') {
                    member
                } else {
                    format!("\"{member}\"")
                };
                write!(formatter, "unknown member {member}{instead}")
            }
        }
    }
}

/// What a number counts, as the end of its member's name says it.
fn unit(steps: &[Step]) -> &'static str {
    let Some(Step::Member(name)) = steps.first() else {
        return "";
    };
    let ends = |end: &str| name.ends_with(end);
    if ends("_sats") {
        " of sats"
    } else if ends("_value") || ends("price_override") {
        " of cents, or of sats"
    } else if ends("_seconds") {
        " of seconds"
    } else if ends("_bytes") {
        " of bytes"
    } else {
        ""
    }
}

impl std::error::Error for MemberError {}

impl Error for MemberError {
    /// A rule of ours, which begins with `must` or `is`.
    fn custom<T: fmt::Display>(rule: T) -> Self {
        Self::rule(rule.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::rule(format!("must be {expected}"))
    }

    /// A number that the member's type is too small for, as nothing else comes here.
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::rule(match expected.as_str() {
            "u8" => "must be from 0 to 255",
            "u16" => "must be from 0 to 65535",
            "u32" => "must be from 0 to 4294967295",
            "u64" | "usize" => "must not be negative",
            _ => "must not be so large a number",
        })
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::rule(format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::rule(format!("must be {}", listed(expected, "or")))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        let problem = Problem::Unknown(instead(name, expected));
        Self::of(problem).within(Step::Member(name.to_owned()))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::rule("is missing").within(Step::Member(name.to_owned()))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::rule("must be sent once at most").within(Step::Member(name.to_owned()))
    }
}

impl From<MemberError> for ApiError {
    fn from(error: MemberError) -> Self {
        let message = error.to_string();
        match error.problem {
            Problem::Nul => Self::bad_request(message),
            Problem::Rule(_) | Problem::WholeNumber | Problem::Unknown(_) => {
                Self::unprocessable(message)
            }
        }
    }
}
