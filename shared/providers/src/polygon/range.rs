//! How many blocks to ask for at a time. Endpoints differ from 5 to 50,000 and
//! few say so before they refuse: start small, halve when refused, grow slowly,
//! and remember where it was refused.

use super::rpc::BlockSpan;

/// Where a fresh start begins: what the smallest free plans allow.
pub const START: u64 = 10;

/// The most blocks at a time: half a day of Polygon, and no answer too large.
pub const MOST: u64 = 10_000;

/// After so many calls at the ceiling it is tried whether more will do by now:
/// one refused call in five hundred.
pub const PROBE_AFTER: u64 = 500;

/// The state of the rule for one endpoint or one chain; the database keeps its
/// three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    size: u64,
    /// More than this was refused lately.
    ceiling: u64,
    /// Calls of full size that went well since the ceiling was reached.
    calm: u64,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            size: START,
            ceiling: MOST,
            calm: 0,
        }
    }
}

impl Adaptive {
    /// The state that the database kept; numbers that make no sense are put
    /// into their limits.
    #[must_use]
    pub fn stored([size, ceiling, calm]: [i64; 3]) -> Self {
        let number = |number: i64| u64::try_from(number).unwrap_or(1);
        let ceiling = number(ceiling).clamp(1, MOST);
        Self {
            size: number(size).clamp(1, ceiling),
            ceiling,
            calm: number(calm).min(PROBE_AFTER),
        }
    }

    /// For the database: size, ceiling and calm.
    #[must_use]
    pub fn to_store(self) -> [i64; 3] {
        [self.size, self.ceiling, self.calm].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// How many blocks to ask for.
    #[must_use]
    pub fn size(self) -> u64 {
        self.size
    }

    /// What to ask for next, from a block on and up to another, both included;
    /// `None` when the first is past the last.
    #[must_use]
    pub fn next(self, from: u64, up_to: u64) -> Option<BlockSpan> {
        (from <= up_to).then(|| BlockSpan {
            from,
            to: up_to.min(from.saturating_add(self.size - 1)),
        })
    }

    /// What follows from a refused span. A hint counts when it begins where the
    /// span did and is shorter; so does a limit. Else half of what was asked.
    /// `None` when a single block was refused: then it is not about the span.
    #[must_use]
    pub fn refused(
        self,
        asked: BlockSpan,
        hint: Option<BlockSpan>,
        max: Option<u64>,
    ) -> Option<Self> {
        let length = asked.len();
        if length <= 1 {
            return None;
        }
        let shorter = |blocks: &u64| (1..length).contains(blocks);
        let max = max.filter(shorter);
        let hinted = hint
            .filter(|hint| hint.from == asked.from && hint.to >= hint.from)
            .map(BlockSpan::len)
            .filter(shorter);
        let size = match (hinted, max) {
            (Some(hinted), Some(max)) => hinted.min(max),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => length / 2,
        };
        Some(Self {
            size,
            // A hint is about these blocks; a limit is about all.
            ceiling: max.unwrap_or(length - 1).clamp(size, MOST),
            calm: 0,
        })
    }

    /// What follows from a span with more results than fit one answer: the part
    /// that was hinted at, or half. That is about these blocks alone, so nothing is
    /// remembered for others. `None` when a single block was refused.
    #[must_use]
    pub fn too_many(self, asked: BlockSpan, hint: Option<BlockSpan>) -> Option<Self> {
        let refused = self.refused(asked, hint, None)?;
        Some(Self {
            size: refused.size,
            ..self
        })
    }

    /// What follows from a span that was not answered but for an error that says
    /// nothing of it: a tenth, so that a few ticks lead to a single block. After
    /// silence that is remembered, because some are too slow for more. `None` for a
    /// single block.
    #[must_use]
    pub fn unanswered(self, asked: BlockSpan, is_silence: bool) -> Option<Self> {
        let refused = self.refused(asked, None, None)?;
        Some(Self {
            size: (asked.len() / 10).max(1),
            ..if is_silence { refused } else { self }
        })
    }

    /// What follows from a span that was read. Only full ones say something.
    #[must_use]
    pub fn succeeded(self, asked: BlockSpan) -> Self {
        if asked.len() < self.size {
            return self;
        }
        if self.size < self.ceiling {
            let grown = self.size + (self.size / 4).max(1);
            return Self {
                size: grown.min(self.ceiling),
                ..self
            };
        }
        if self.ceiling >= MOST {
            return self;
        }
        if self.calm < PROBE_AFTER {
            return Self {
                calm: self.calm + 1,
                ..self
            };
        }
        let ceiling = (self.ceiling * 2).min(MOST);
        Self {
            size: (self.size + (self.size / 4).max(1)).min(ceiling),
            ceiling,
            calm: 0,
        }
    }
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
