//! Which policy an order gets that names none. The price and the terms of an order
//! always come from the same choice.

/// The policy that an order gets when it names none, where that is for sale.
pub const DEFAULT_SLUG: &str = "default";

/// A policy of a product, as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered<'a> {
    /// Its name in requests; unique within the product.
    pub slug: &'a str,
    /// Whether a buyer may choose it: active, public and not archived.
    pub for_sale: bool,
}

/// What an order without a policy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unnamed<'a> {
    /// This policy, at its price and with its terms.
    Policy(&'a str),
    /// The product itself, which has no policies.
    Product,
    /// The product has policies, but none is for sale.
    NotForSale,
    /// Several are for sale, so the buyer has to name one of these.
    Several(Vec<&'a str>),
}

/// Chooses for an order that names no policy: `default` if it is for sale, else the
/// only one for sale, else, where the product has no policies at all, the product
/// itself. `policies` are all of the product, archived ones included; one that is not
/// for sale is never chosen.
#[must_use]
pub fn unnamed<'a>(policies: impl IntoIterator<Item = Offered<'a>>) -> Unnamed<'a> {
    let mut for_sale = Vec::new();
    let mut has_policies = false;
    for policy in policies {
        has_policies = true;
        if !policy.for_sale {
            continue;
        }
        if policy.slug == DEFAULT_SLUG {
            return Unnamed::Policy(policy.slug);
        }
        for_sale.push(policy.slug);
    }
    match for_sale.as_slice() {
        [only] => Unnamed::Policy(only),
        [] if has_policies => Unnamed::NotForSale,
        [] => Unnamed::Product,
        _ => Unnamed::Several(for_sale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chosen<'a>(policies: &[(&'a str, bool)]) -> Unnamed<'a> {
        let offered = policies
            .iter()
            .map(|&(slug, for_sale)| Offered { slug, for_sale });
        unnamed(offered.collect::<Vec<_>>())
    }

    #[test]
    fn the_choice_is_by_what_is_for_sale() {
        for (policies, expected) in [
            (&[][..], Unnamed::Product),
            (&[("pro", true)], Unnamed::Policy("pro")),
            (
                &[("default", true), ("pro", true)],
                Unnamed::Policy("default"),
            ),
            (
                &[("pro", true), ("team", true), ("default", true)],
                Unnamed::Policy("default"),
            ),
            // What is not for sale is not chosen, whatever its name.
            (&[("default", false), ("pro", true)], Unnamed::Policy("pro")),
            (&[("default", false)], Unnamed::NotForSale),
            (&[("a", false), ("b", false)], Unnamed::NotForSale),
            (
                &[("business", true), ("personal", true), ("staff", false)],
                Unnamed::Several(vec!["business", "personal"]),
            ),
            (
                &[("default", false), ("a", true), ("b", true)],
                Unnamed::Several(vec!["a", "b"]),
            ),
            // Another name is another policy.
            (
                &[("Default", true), ("default2", true)],
                Unnamed::Several(vec!["Default", "default2"]),
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
                Unnamed::Policy(slug) => {
                    prop_assert!(policies[slug]);
                    let alone = policies.values().filter(|sold| **sold).count() == 1;
                    prop_assert!(slug == DEFAULT_SLUG || alone);
                }
                Unnamed::Product => prop_assert!(policies.is_empty()),
                Unnamed::NotForSale => prop_assert!(policies.values().all(|sold| !sold)),
                Unnamed::Several(slugs) => {
                    prop_assert!(slugs.len() > 1);
                    prop_assert!(slugs.iter().all(|slug| policies[*slug]));
                }
            }
        }
    }
}
