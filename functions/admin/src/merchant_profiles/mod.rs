//! Routes for the businesses that products are sold by, one file each.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod prefer;
pub(crate) mod set_default;
pub(crate) mod show;
pub(crate) mod unprefer;

use crate::text::present;
use keywright_domain::dates::rfc3339;
use keywright_domain::email::EmailAddress;
use keywright_domain::merchant::{self, Redirect, Refused};
use keywright_domain::rail::Rail;
use keywright_store::catalog::merchant_profiles::{
    ConnectedProvider, MerchantProfile, RailPreference,
};
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// A business.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantProfile)]
pub(crate) struct ProfileView {
    /// UUID.
    id: String,
    /// Its name for buyers; empty where `OPERATOR_NAME` stands for it.
    #[schema(example = "Example Software")]
    name: String,
    /// The name in its contracts.
    legal_name: Option<String>,
    /// Where to get help.
    support_url: Option<String>,
    /// An e-mail address for help.
    support_email: Option<String>,
    /// `#rrggbb`.
    brand_color: Option<String>,
    /// Where buyers go after paying; `{order_id}` stands for the order's public
    /// id and `{invoice_id}` for its secret. Null: the instance's own page.
    post_purchase_redirect_url: Option<String>,
    /// Whether it sells the products that name no business.
    is_default: bool,
    /// Always false: the instance sends no mail.
    smtp_configured: bool,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// Its connected payment providers, the one connected first first.
    providers: Vec<ProviderView>,
}

/// A connected payment provider of a business.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantProvider)]
pub(crate) struct ProviderView {
    /// UUID.
    id: String,
    /// `btcpay` or `zaprite`.
    kind: &'static str,
    /// Its name for people.
    label: String,
    /// Where it is.
    base_url: String,
    /// Id of the store or organization there.
    store_id: String,
    /// Id of the webhook there, where we made it.
    webhook_id: Option<String>,
    /// `mainnet`, `testnet`, `regtest`, or `unknown` where nobody looked.
    network: String,
    /// RFC 3339.
    connected_at: String,
    /// The ways of paying it takes.
    #[schema(value_type = Vec<String>, example = json!(["lightning", "onchain"]))]
    served_rails: &'static [Rail],
}

/// A business with what hangs on it.
#[derive(Serialize, ToSchema)]
#[schema(as = MerchantProfileDetail)]
pub(crate) struct DetailView {
    #[serde(flatten)]
    #[schema(inline)]
    profile: ProfileView,
    /// Which provider it prefers for which way of paying.
    rail_preferences: Vec<PreferenceView>,
    /// How many products it sells.
    product_count: i64,
    /// Always 0: there are no subscriptions yet.
    active_subscription_count: i64,
}

/// The provider preferred for a way of paying.
#[derive(Serialize, ToSchema)]
#[schema(as = RailPreference)]
pub(crate) struct PreferenceView {
    /// `lightning`, `onchain` or `card`.
    #[schema(value_type = String, example = "lightning")]
    rail: Rail,
    /// UUID of the provider.
    payment_provider_id: String,
}

impl From<ConnectedProvider> for ProviderView {
    fn from(provider: ConnectedProvider) -> Self {
        Self {
            id: provider.id,
            kind: provider.kind.as_str(),
            label: provider.label,
            base_url: provider.base_url,
            store_id: provider.store_id,
            webhook_id: provider.webhook_id,
            network: provider.network,
            connected_at: rfc3339(provider.connected_at),
            served_rails: provider.kind.rails(),
        }
    }
}

impl From<RailPreference> for PreferenceView {
    fn from(preference: RailPreference) -> Self {
        Self {
            rail: preference.rail,
            payment_provider_id: preference.payment_provider_id,
        }
    }
}

impl From<MerchantProfile> for ProfileView {
    fn from(profile: MerchantProfile) -> Self {
        Self {
            id: profile.id,
            name: profile.name,
            legal_name: profile.legal_name,
            support_url: profile.support_url,
            support_email: profile.support_email,
            brand_color: profile.brand_color,
            post_purchase_redirect_url: profile.post_purchase_redirect_url,
            is_default: profile.is_default,
            smtp_configured: false,
            created_at: rfc3339(profile.created_at),
            updated_at: rfc3339(profile.updated_at),
            providers: profile.providers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<MerchantProfile> for DetailView {
    fn from(mut profile: MerchantProfile) -> Self {
        let preferences = std::mem::take(&mut profile.rail_preferences);
        Self {
            rail_preferences: preferences.into_iter().map(Into::into).collect(),
            product_count: profile.product_count,
            active_subscription_count: 0,
            profile: profile.into(),
        }
    }
}

/// A way of paying, as the path names it.
///
/// # Errors
/// 400 for another one.
fn rail(name: &str) -> Result<Rail, ApiError> {
    name.parse()
        .map_err(|error| ApiError::bad_request(format!("rail {error}")))
}

/// The optional members of a business, each checked; an empty text is none.
#[derive(Debug, Default, PartialEq, Eq)]
struct ProfileDetails {
    legal_name: Option<String>,
    support_url: Option<String>,
    support_email: Option<String>,
    brand_color: Option<String>,
    post_purchase_redirect_url: Option<String>,
}

impl ProfileDetails {
    /// # Errors
    /// 400 that names the member.
    fn checked(self) -> Result<Self, ApiError> {
        let member = |name: &str, text: Option<String>, check: fn(&str) -> Result<(), Refused>| {
            let text = present(text);
            match text.as_deref().map_or(Ok(()), check) {
                Ok(()) => Ok(text),
                Err(why) => Err(ApiError::bad_request(format!("{name} {why}"))),
            }
        };
        let redirect = |template: &str| Redirect::parse(template).map(drop);
        Ok(Self {
            legal_name: member("legal_name", self.legal_name, merchant::check_legal_name)?,
            support_url: member("support_url", self.support_url, merchant::check_url)?,
            support_email: match present(self.support_email) {
                Some(address) => {
                    let read = EmailAddress::parse(&address);
                    let bad = |why| ApiError::bad_request(format!("support_email {why}"));
                    Some(read.map_err(bad)?.into())
                }
                None => None,
            },
            brand_color: member("brand_color", self.brand_color, merchant::check_color)?,
            post_purchase_redirect_url: member(
                "post_purchase_redirect_url",
                self.post_purchase_redirect_url,
                redirect,
            )?,
        })
    }
}

/// # Errors
/// 400 for what is no name.
fn check_name(name: &str) -> Result<(), ApiError> {
    merchant::check_name(name).map_err(|why| ApiError::bad_request(format!("name {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_is_checked_under_its_name() {
        let wrong = || Some("x y".to_owned());
        let cases = [
            (
                "legal_name",
                ProfileDetails {
                    legal_name: Some("a\nb".to_owned()),
                    ..ProfileDetails::default()
                },
            ),
            (
                "support_url",
                ProfileDetails {
                    support_url: wrong(),
                    ..ProfileDetails::default()
                },
            ),
            (
                "support_email",
                ProfileDetails {
                    support_email: wrong(),
                    ..ProfileDetails::default()
                },
            ),
            (
                "brand_color",
                ProfileDetails {
                    brand_color: wrong(),
                    ..ProfileDetails::default()
                },
            ),
            (
                "post_purchase_redirect_url",
                ProfileDetails {
                    post_purchase_redirect_url: wrong(),
                    ..ProfileDetails::default()
                },
            ),
        ];
        for (name, said) in cases {
            let refused = said.checked().expect_err(name);
            assert_eq!(refused.status().as_u16(), 400);
            assert!(
                refused.message().starts_with(&format!("{name} must ")),
                "{refused:?}"
            );
        }
        let empty = ProfileDetails {
            brand_color: Some(" ".to_owned()),
            ..ProfileDetails::default()
        };
        assert_eq!(
            empty.checked(),
            Ok(ProfileDetails::default()),
            "an empty text is none"
        );
    }
}
