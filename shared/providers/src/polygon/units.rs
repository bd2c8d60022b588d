//! Amounts of USDC: whole micro-units, six decimal places.

use std::fmt;

/// Micro-units of one USDC.
pub const UNITS_PER_USDC: i64 = 1_000_000;

/// Micro-units of one US cent, at one dollar for one USDC.
pub const UNITS_PER_CENT: i64 = 10_000;

/// The largest amount: 2^53, which a JSON number carries exactly. It is nine
/// thousand million USDC.
pub const MAX_UNITS: i64 = 1 << 53;

/// An amount of USDC in micro-units, from 0 to [`MAX_UNITS`]. Shown with six
/// places: 19000001 is `19.000001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(i64);

/// A number that is no amount of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount of USDC is a whole number of micro-units from 0 to 2^53")]
pub struct UnitsError;

impl Units {
    /// An amount from its micro-units.
    ///
    /// # Errors
    /// [`UnitsError`] below 0 and above [`MAX_UNITS`].
    pub const fn new(units: i64) -> Result<Self, UnitsError> {
        if units >= 0 && units <= MAX_UNITS {
            Ok(Self(units))
        } else {
            Err(UnitsError)
        }
    }

    /// What a price in US cents is, at one dollar for one USDC.
    ///
    /// # Errors
    /// [`UnitsError`] below 0 and above [`MAX_UNITS`].
    pub const fn from_cents(cents: i64) -> Result<Self, UnitsError> {
        match cents.checked_mul(UNITS_PER_CENT) {
            Some(units) => Self::new(units),
            None => Err(UnitsError),
        }
    }

    /// Reads a `uint256` of the chain, most significant byte first.
    ///
    /// # Errors
    /// [`UnitsError`] above [`MAX_UNITS`].
    pub fn from_word(word: &[u8; 32]) -> Result<Self, UnitsError> {
        let (high, low) = word.split_at(24);
        let low: [u8; 8] = low.try_into().map_err(|_| UnitsError)?;
        if high.iter().any(|byte| *byte != 0) {
            return Err(UnitsError);
        }
        i64::try_from(u64::from_be_bytes(low))
            .map_err(|_| UnitsError)
            .and_then(Self::new)
    }

    /// The number of micro-units.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The amount as decimal USDC with six places, such as `19.000001`.
    #[must_use]
    pub fn display(self) -> String {
        format!("{}.{:06}", self.0 / UNITS_PER_USDC, self.0 % UNITS_PER_USDC)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(bytes: &[u8]) -> [u8; 32] {
        let mut word = [0; 32];
        word[32 - bytes.len()..].copy_from_slice(bytes);
        word
    }

    #[test]
    fn amounts_are_shown_with_six_places() {
        for (units, shown) in [
            (0, "0.000000"),
            (1, "0.000001"),
            (2_010_000, "2.010000"),
            (19_000_001, "19.000001"),
            (MAX_UNITS, "9007199254.740992"),
        ] {
            assert_eq!(Units(units).display(), shown);
        }
        assert_eq!(Units::from_cents(1_900), Ok(Units(19_000_000)));
        assert_eq!(Units::from_cents(201), Ok(Units(2_010_000)));
        assert_eq!(Units::from_cents(i64::MAX), Err(UnitsError));
        assert_eq!(Units::from_cents(-1), Err(UnitsError));
    }

    #[test]
    fn amounts_that_json_cannot_carry_are_refused() {
        assert_eq!(Units::from_word(&word(&[])), Ok(Units(0)));
        let most = MAX_UNITS.to_be_bytes();
        assert_eq!(Units::from_word(&word(&most)), Ok(Units(MAX_UNITS)));
        let more = (MAX_UNITS + 1).to_be_bytes();
        for wide in [
            word(&more),
            word(&[0x80, 0, 0, 0, 0, 0, 0, 0]),
            word(&[1, 0, 0, 0, 0, 0, 0, 0, 0]),
            [0xff; 32],
            {
                let mut first = [0; 32];
                first[0] = 1;
                first
            },
        ] {
            assert_eq!(Units::from_word(&wide), Err(UnitsError), "{wide:?}");
        }
    }

    proptest! {
        #[test]
        fn words_and_text_are_exact(units in 0..=MAX_UNITS) {
            let amount = Units::from_word(&word(&units.to_be_bytes())).expect("an amount");
            prop_assert_eq!(amount.get(), units);
            let digits = amount.display().replace('.', "");
            prop_assert_eq!(digits.parse(), Ok(units));
        }
    }
}
