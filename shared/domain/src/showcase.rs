//! How a policy is shown to buyers, and where it stands among the others.

use crate::terms::{TermsError, check_entitlements};

/// The best tier; the lowest is 0.
pub const MAX_TIER_RANK: i64 = 1_000;
/// Longest description, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 2_000;
/// Most selling points of a policy.
pub const MAX_BULLETS: usize = 20;
/// Longest selling point, in bytes.
pub const MAX_BULLET_BYTES: usize = 200;

/// Where the selling points stand: in relation to the entitlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Before the entitlements.
    Above,
    /// After the entitlements.
    Below,
}

impl Position {
    /// Reads the contract's word.
    ///
    /// # Errors
    /// [`ShowcaseError::Position`] for any other.
    pub fn parse(text: &str) -> Result<Self, ShowcaseError> {
        match text {
            "above" => Ok(Self::Above),
            "below" => Ok(Self::Below),
            _ => Err(ShowcaseError::Position),
        }
    }
}

/// Something that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShowcaseError {
    /// A description that is too long.
    #[error("description must be at most {MAX_DESCRIPTION_BYTES} bytes")]
    Description,
    /// Too many selling points, or one that is blank or too long.
    #[error(
        "marketing_bullets must be at most {MAX_BULLETS} texts, each of 1 to {MAX_BULLET_BYTES} bytes"
    )]
    Bullets,
    /// Another word than the two.
    #[error("marketing_bullets_position must be above or below")]
    Position,
    /// Words that no key carries.
    #[error("hidden_entitlements must be entitlements: {0}")]
    Hidden(TermsError),
    /// A rank outside the ladder.
    #[error("tier_rank must be from 0 to {MAX_TIER_RANK}, or null for a policy outside the ladder")]
    TierRank,
}

/// Checks the description of a policy.
///
/// # Errors
/// [`ShowcaseError::Description`].
pub fn check_description(text: &str) -> Result<(), ShowcaseError> {
    if text.len() > MAX_DESCRIPTION_BYTES {
        return Err(ShowcaseError::Description);
    }
    Ok(())
}

/// Checks the selling points of a policy.
///
/// # Errors
/// [`ShowcaseError::Bullets`].
pub fn check_bullets(bullets: &[String]) -> Result<(), ShowcaseError> {
    let fits = |text: &String| !text.trim().is_empty() && text.len() <= MAX_BULLET_BYTES;
    if bullets.len() > MAX_BULLETS || !bullets.iter().all(fits) {
        return Err(ShowcaseError::Bullets);
    }
    Ok(())
}

/// Checks the entitlements that are granted and not shown.
///
/// # Errors
/// [`ShowcaseError::Hidden`].
pub fn check_hidden(entitlements: &[String]) -> Result<(), ShowcaseError> {
    check_entitlements(entitlements).map_err(ShowcaseError::Hidden)
}

/// Checks a rank on the ladder of tiers; higher is better.
///
/// # Errors
/// [`ShowcaseError::TierRank`].
pub fn check_tier_rank(rank: i64) -> Result<(), ShowcaseError> {
    if !(0..=MAX_TIER_RANK).contains(&rank) {
        return Err(ShowcaseError::TierRank);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_shown_has_its_limits() {
        assert_eq!(check_description(&"d".repeat(2_000)), Ok(()));
        assert_eq!(
            check_description(&"d".repeat(2_001)),
            Err(ShowcaseError::Description)
        );
        let bullets = |length: usize, count: usize| check_bullets(&vec!["b".repeat(length); count]);
        assert_eq!(bullets(200, 20), Ok(()));
        assert_eq!(bullets(1, 0), Ok(()));
        for (length, count) in [(201, 1), (0, 1), (1, 21)] {
            let refused = bullets(length, count);
            assert_eq!(refused, Err(ShowcaseError::Bullets), "{length} {count}");
        }
        assert_eq!(
            check_bullets(&[" \t".to_owned()]),
            Err(ShowcaseError::Bullets)
        );
        assert_eq!(check_hidden(&["pro".to_owned()]), Ok(()));
        assert!(check_hidden(&["a b".to_owned()]).is_err());
    }

    #[test]
    fn there_are_two_positions() {
        assert_eq!(Position::parse("above"), Ok(Position::Above));
        assert_eq!(Position::parse("below"), Ok(Position::Below));
        for other in ["", "Above", "left"] {
            assert_eq!(Position::parse(other), Err(ShowcaseError::Position));
        }
    }

    proptest! {
        #[test]
        fn a_rank_is_on_the_ladder(rank in any::<i64>()) {
            prop_assert_eq!(check_tier_rank(rank).is_ok(), (0..=1_000).contains(&rank));
            prop_assert_eq!(check_tier_rank(rank.rem_euclid(1_001)), Ok(()));
        }
    }
}
