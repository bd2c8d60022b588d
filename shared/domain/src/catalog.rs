//! A product's catalogue of entitlements: what each word in a key means to
//! people.

use crate::terms::{MAX_ENTITLEMENTS, TermsError, check_entitlements};
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

/// A catalogue that cannot be shown, with the entry at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// More entries than a key can carry.
    #[error("a catalogue has at most {MAX_ENTITLEMENTS} entries")]
    TooMany,
    /// A slug no key can carry.
    #[error("slug: {0}")]
    Slug(#[from] TermsError),
    /// A name that is blank or too long.
    #[error("{0}: its name has 1 to {MAX_NAME_BYTES} bytes of text")]
    Name(String),
    /// A description that is too long.
    #[error("{0}: its description has at most {MAX_DESCRIPTION_BYTES} bytes")]
    Description(String),
    /// The same slug again.
    #[error("{0} is explained twice")]
    Twice(String),
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
    for entry in entries {
        check_entitlements(std::slice::from_ref(&entry.slug))?;
        if entry.name.trim().is_empty() || entry.name.len() > MAX_NAME_BYTES {
            return Err(CatalogError::Name(entry.slug.clone()));
        }
        if entry.description.len() > MAX_DESCRIPTION_BYTES {
            return Err(CatalogError::Description(entry.slug.clone()));
        }
        if !seen.insert(&entry.slug) {
            return Err(CatalogError::Twice(entry.slug.clone()));
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
            assert!(matches!(refused, Err(CatalogError::Slug(_))), "{slug:?}");
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
        assert_eq!(at(201, 0), Err(CatalogError::Name("a".to_owned())));
        assert_eq!(at(1, 2_001), Err(CatalogError::Description("a".to_owned())));
    }

    #[test]
    fn a_word_is_explained_once() {
        let refused = check(&[entry("a"), entry("b"), entry("a")]);
        assert_eq!(refused, Err(CatalogError::Twice("a".to_owned())));
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
            let repeated = again.get(&entries).clone();
            entries.push(repeated.clone());
            prop_assert_eq!(check(&entries), Err(CatalogError::Twice(repeated.slug)));
        }
    }
}
