//! What an order has to do with a subscription.

use crate::columns;
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
    },
}

impl OrderPurpose {
    /// The terms of the subscription that it starts, as JSON.
    pub(crate) fn terms_text(&self) -> Option<String> {
        match self {
            Self::Subscribe { terms, .. } => serde_json::to_string(terms).ok(),
            Self::Sale | Self::PayCycle { .. } => None,
        }
    }

    /// The cycle that it pays.
    #[must_use]
    pub fn cycle_id(&self) -> Option<&str> {
        match self {
            Self::PayCycle { cycle_id, .. } => Some(cycle_id),
            Self::Sale | Self::Subscribe { .. } => None,
        }
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
    /// The license of that cycle.
    pub renewed_license_id: Option<String>,
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
            } => Self {
                is_recurring: false,
                cycle_id: Some(cycle_id.clone()),
                renewed_license_id: Some(license_id.clone()),
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
            ".cycle_id,
             (SELECT s.license_id FROM subscription_cycles c
              JOIN subscriptions s ON s.id = c.subscription_id
              WHERE c.id = ",
            $invoices,
            ".cycle_id) AS renewed_license_id"
        )
    };
}
pub(crate) use subscription_columns;
