//! A product's catalogue of entitlements: what each word in a key means to
//! people.

use crate::terms::{MAX_ENTITLEMENTS, check_entitlements};
use std::collections::BTreeSet;

/// Longest name of an entitlement, in bytes.
pub const MAX_NAME_BYTES: usize = 200;
/// Longest description of an entitlement, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 2_000;

/// One entitlement explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedEntitlement {
    /// The word that keys carry.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it unlocks; may be empty.
    pub description: String,
}

/// A catalogue that cannot be shown. The texts follow the member that holds the
/// catalogue: `entitlements_catalog` and `[2].name must …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// More entries than a key can carry.
    #[error(" must have at most {MAX_ENTITLEMENTS} entries")]
    TooMany,
    /// A slug no key can carry.
    #[error("[{0}].slug must be 1 to 255 ASCII characters without spaces")]
    Slug(usize),
    /// A name that is blank or too long.
    #[error("[{0}].name must be 1 to {MAX_NAME_BYTES} bytes of text")]
    Name(usize),
    /// A description that is too long.
    #[error("[{0}].description must be at most {MAX_DESCRIPTION_BYTES} bytes")]
    Description(usize),
    /// The same slug again.
    #[error("[{0}].slug must differ from those before it")]
    Twice(usize),
}

/// Checks that every entry can be shown and none is there twice.
///
/// # Errors
/// The first [`CatalogError`] found, in the order of the entries.
pub fn check(entries: &[ExplainedEntitlement]) -> Result<(), CatalogError> {
    if entries.len() > MAX_ENTITLEMENTS {
        return Err(CatalogError::TooMany);
    }
    let mut seen = BTreeSet::new();
    for (at, entry) in entries.iter().enumerate() {
        if check_entitlements(std::slice::from_ref(&entry.slug)).is_err() {
            return Err(CatalogError::Slug(at));
        }
        if entry.name.trim().is_empty() || entry.name.len() > MAX_NAME_BYTES {
            return Err(CatalogError::Name(at));
        }
        if entry.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(CatalogError::Description(at));
        }
        if !seen.insert(&entry.slug) {
            return Err(CatalogError::Twice(at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(slug: &str) -> ExplainedEntitlement {
        ExplainedEntitlement {
            slug: slug.to_owned(),
            name: "Name".to_owned(),
            description: String::new(),
        }
    }

    #[test]
    fn each_entry_is_checked() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[entry("pro"), entry("Pro"), entry("a:b")]), Ok(()));
        for slug in ["", "a b", "é", &"x".repeat(256)] {
            let refused = check(&[entry("ok"), entry(slug)]);
            assert!(matches!(refused, Err(CatalogError::Slug(1))), "{slug:?}");
        }
        for (name, fits) in [("", false), (" ", false), ("n", true)] {
            let named = ExplainedEntitlement {
                name: name.to_owned(),
                ..entry("a")
            };
            assert_eq!(check(&[named]).is_ok(), fits, "{name:?}");
        }
        let at = |name: usize, description: usize| {
            check(&[ExplainedEntitlement {
                name: "n".repeat(name),
                description: "d".repeat(description),
                ..entry("a")
            }])
        };
        assert_eq!(at(200, 2_000), Ok(()));
        assert_eq!(at(201, 0), Err(CatalogError::Name(0)));
        assert_eq!(at(1, 2_001), Err(CatalogError::Description(0)));
    }

    #[test]
    fn a_word_is_explained_once() {
        let refused = check(&[entry("a"), entry("b"), entry("a")]);
        assert_eq!(refused, Err(CatalogError::Twice(2)));
        let many: Vec<ExplainedEntitlement> =
            (0..256).map(|number| entry(&number.to_string())).collect();
        assert_eq!(check(&many[..255]), Ok(()));
        assert_eq!(check(&many), Err(CatalogError::TooMany));
    }

    proptest! {
        #[test]
        fn distinct_words_fit_and_a_repeated_one_does_not(
            slugs in proptest::collection::btree_set("[!-~]{1,20}", 1..50),
            again in any::<prop::sample::Index>(),
        ) {
            let mut entries: Vec<ExplainedEntitlement> = slugs.iter().map(|slug| entry(slug)).collect();
            prop_assert_eq!(check(&entries), Ok(()));
            let last = entries.len();
            entries.push(again.get(&entries).clone());
            prop_assert_eq!(check(&entries), Err(CatalogError::Twice(last)));
        }
    }
}
