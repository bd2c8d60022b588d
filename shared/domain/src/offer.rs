//! The policy of an order that names none. The price and the terms of an order always come
//! from the same choice.

/// The policy that an order without a policy gets, if it is for sale.
pub const DEFAULT_SLUG: &str = "default";

/// A policy of a product, as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferedPolicy<'a> {
    /// Its name in requests; unique within the product.
    pub slug: &'a str,
    /// Whether a buyer may choose it: active, public and not archived.
    pub for_sale: bool,
}

/// What an order without a policy buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultPolicy<'a> {
    /// This policy, at its price and with its terms.
    Policy(&'a str),
    /// The product itself, which has no policies.
    Product,
    /// The product has policies, but none is for sale.
    NotForSale,
    /// Several are for sale, so the buyer has to name one of these.
    Several(Vec<&'a str>),
}

/// Chooses for an order that names no policy: `default` if it is for sale, else the only
/// one for sale, else, if the product has no policies at all, the product itself.
/// `policies` are all policies of the product, including archived ones; one that is not for
/// sale is never chosen.
#[must_use]
pub fn default_policy<'a>(
    policies: impl IntoIterator<Item = OfferedPolicy<'a>>,
) -> DefaultPolicy<'a> {
    let mut for_sale = Vec::new();
    let mut has_policies = false;
    for policy in policies {
        has_policies = true;
        if !policy.for_sale {
            continue;
        }
        if policy.slug == DEFAULT_SLUG {
            return DefaultPolicy::Policy(policy.slug);
        }
        for_sale.push(policy.slug);
    }
    match for_sale.as_slice() {
        [only] => DefaultPolicy::Policy(only),
        [] if has_policies => DefaultPolicy::NotForSale,
        [] => DefaultPolicy::Product,
        _ => DefaultPolicy::Several(for_sale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chosen<'a>(policies: &[(&'a str, bool)]) -> DefaultPolicy<'a> {
        let offered = policies
            .iter()
            .map(|&(slug, for_sale)| OfferedPolicy { slug, for_sale });
        default_policy(offered.collect::<Vec<_>>())
    }

    #[test]
    fn the_choice_is_by_what_is_for_sale() {
        for (policies, expected) in [
            (&[][..], DefaultPolicy::Product),
            (&[("pro", true)], DefaultPolicy::Policy("pro")),
            (
                &[("default", true), ("pro", true)],
                DefaultPolicy::Policy("default"),
            ),
            (
                &[("pro", true), ("team", true), ("default", true)],
                DefaultPolicy::Policy("default"),
            ),
            // What is not for sale is not chosen, whatever its name.
            (
                &[("default", false), ("pro", true)],
                DefaultPolicy::Policy("pro"),
            ),
            (&[("default", false)], DefaultPolicy::NotForSale),
            (&[("a", false), ("b", false)], DefaultPolicy::NotForSale),
            (
                &[("business", true), ("personal", true), ("staff", false)],
                DefaultPolicy::Several(vec!["business", "personal"]),
            ),
            (
                &[("default", false), ("a", true), ("b", true)],
                DefaultPolicy::Several(vec!["a", "b"]),
            ),
            // Another name is another policy.
            (
                &[("Default", true), ("default2", true)],
                DefaultPolicy::Several(vec!["Default", "default2"]),
            ),
        ] {
            assert_eq!(chosen(policies), expected, "{policies:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_chosen_that_is_not_for_sale(
            policies in prop::collection::btree_map("[a-d]|default", any::<bool>(), 0..6)
        ) {
            let offered: Vec<(&str, bool)> =
                policies.iter().map(|(slug, sold)| (slug.as_str(), *sold)).collect();
            match chosen(&offered) {
                DefaultPolicy::Policy(slug) => {
                    prop_assert!(policies[slug]);
                    let alone = policies.values().filter(|sold| **sold).count() == 1;
                    prop_assert!(slug == DEFAULT_SLUG || alone);
                }
                DefaultPolicy::Product => prop_assert!(policies.is_empty()),
                DefaultPolicy::NotForSale => prop_assert!(policies.values().all(|sold| !sold)),
                DefaultPolicy::Several(slugs) => {
                    prop_assert!(slugs.len() > 1);
                    prop_assert!(slugs.iter().all(|slug| policies[*slug]));
                }
            }
        }
    }
}
