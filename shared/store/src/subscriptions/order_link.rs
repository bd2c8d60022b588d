//! What an order has to do with a subscription.

use crate::columns;
use crate::tier_changes::change::NewTierChange;
use keywright_domain::subscription::terms::SubscriptionTerms;
use serde::Deserialize;

/// Why an order is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderPurpose {
    /// A license that is sold once.
    Sale,
    /// A license that is sold by the period.
    Subscribe {
        /// What it is sold for.
        terms: Box<SubscriptionTerms>,
        /// Whose trial begins with it: SHA-256 of the buyer's address in one form.
        trial_of: Option<String>,
    },
    /// A cycle of a subscription.
    PayCycle {
        /// The cycle.
        cycle_id: String,
        /// The license that it extends.
        license_id: String,
        /// The change that takes effect with it.
        tier_change_id: Option<String>,
    },
    /// Another policy for a license that is there.
    Upgrade(Box<NewTierChange>),
}

impl OrderPurpose {
    /// The terms of the subscription that it starts, as JSON.
    pub(crate) fn terms_text(&self) -> Option<String> {
        match self {
            Self::Subscribe { terms, .. } => serde_json::to_string(terms).ok(),
            Self::Sale | Self::PayCycle { .. } | Self::Upgrade(_) => None,
        }
    }

    /// The cycle that it pays.
    #[must_use]
    pub fn cycle_id(&self) -> Option<&str> {
        match self {
            Self::PayCycle { cycle_id, .. } => Some(cycle_id),
            Self::Sale | Self::Subscribe { .. } | Self::Upgrade(_) => None,
        }
    }

    /// The change that it pays for, or with whose price it pays a cycle.
    #[must_use]
    pub fn tier_change_id(&self) -> Option<&str> {
        match self {
            Self::PayCycle { tier_change_id, .. } => tier_change_id.as_deref(),
            Self::Upgrade(change) => Some(&change.id),
            Self::Sale | Self::Subscribe { .. } => None,
        }
    }

    /// True if it pays for a license that is there, as long as that can be paid for.
    #[must_use]
    pub fn is_for_license(&self) -> bool {
        matches!(self, Self::PayCycle { .. } | Self::Upgrade(_))
    }
}

/// What a recorded order has to do with a subscription, as settling loads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct OrderSubscription {
    /// Whether it starts one.
    #[serde(deserialize_with = "columns::flag")]
    pub is_recurring: bool,
    /// The cycle that it pays.
    pub cycle_id: Option<String>,
    /// The change that it pays for, or with whose price it pays a cycle.
    pub tier_change_id: Option<String>,
    /// The license that it pays for, if that is there.
    pub existing_license_id: Option<String>,
}

impl OrderSubscription {
    /// What an order of this purpose has to do with one.
    #[must_use]
    pub fn of(purpose: &OrderPurpose) -> Self {
        match purpose {
            OrderPurpose::Sale => Self::default(),
            OrderPurpose::Subscribe { .. } => Self {
                is_recurring: true,
                ..Self::default()
            },
            OrderPurpose::PayCycle {
                cycle_id,
                license_id,
                tier_change_id,
            } => Self {
                is_recurring: false,
                cycle_id: Some(cycle_id.clone()),
                tier_change_id: tier_change_id.clone(),
                existing_license_id: Some(license_id.clone()),
            },
            OrderPurpose::Upgrade(change) => Self {
                is_recurring: false,
                cycle_id: None,
                tier_change_id: Some(change.id.clone()),
                existing_license_id: Some(change.license_id.clone()),
            },
        }
    }
}

/// The columns of an [`OrderSubscription`], of the table or alias `$invoices`.
macro_rules! subscription_columns {
    ($invoices:literal) => {
        concat!(
            $invoices,
            ".recurring IS NOT NULL AS is_recurring, ",
            $invoices,
            ".cycle_id, ",
            $invoices,
            ".tier_change_id,
             coalesce((SELECT s.license_id FROM subscription_cycles c
                       JOIN subscriptions s ON s.id = c.subscription_id
                       WHERE c.id = ",
            $invoices,
            ".cycle_id),
                      (SELECT license_id FROM tier_changes WHERE id = ",
            $invoices,
            ".tier_change_id)) AS existing_license_id"
        )
    };
}
pub(crate) use subscription_columns;
