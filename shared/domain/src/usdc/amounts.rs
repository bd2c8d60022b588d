//! The amounts that an order may be asked for at the one wallet.

use super::sharing::Share;

/// Amounts from a first one on, a step apart: those behind a price that are this
/// instance's. In micro-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    first: i64,
    step: i64,
    count: i64,
}

impl Amounts {
    /// The amounts from 1 to `spread` above a price; one at least.
    #[must_use]
    pub fn above(base_units: i64, spread: i64, share: Share) -> Self {
        let step = share.of();
        let next = base_units + 1;
        let first = next + (share.remainder() - next).rem_euclid(step);
        Self {
            first,
            step,
            count: (base_units + spread - first).div_euclid(step).max(0) + 1,
        }
    }

    /// The lowest.
    #[must_use]
    pub const fn first(self) -> i64 {
        self.first
    }

    /// The highest.
    #[must_use]
    pub const fn last(self) -> i64 {
        self.first + (self.count - 1) * self.step
    }

    /// How far each is from the next.
    #[must_use]
    pub const fn step(self) -> i64 {
        self.step
    }

    /// One of them, by a number at random.
    #[must_use]
    pub fn pick(self, random: u32) -> i64 {
        self.first + i64::from(random) % self.count * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_within_the_spread_and_of_the_instance() {
        let all = Amounts::above(19_000_000, 9_999, Share::WHOLE);
        assert_eq!((all.first(), all.last()), (19_000_001, 19_009_999));
        for of in [2, 3, 100] {
            for number in 1..=of {
                let share = Share::configured(Some(&format!("{number}/{of}"))).expect("a share");
                let all = Amounts::above(19_000_000, 9_999, share);
                for random in [0, 1, 77, u32::MAX] {
                    let amount = all.pick(random);
                    assert!(share.has(amount), "{amount}");
                    assert!((19_000_001..=19_009_999).contains(&amount), "{amount}");
                }
                assert!(share.has(all.last()) && all.last() + all.step() > 19_009_999);
            }
        }
        // Fewer amounts than instances: one each all the same.
        let share = Share::configured(Some("7/100")).expect("a share");
        let one = Amounts::above(19_000_000, 1, share);
        assert_eq!(one.first(), one.last());
        assert!(share.has(one.pick(9)));
    }
}
