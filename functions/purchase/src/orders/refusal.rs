//! Why an order is refused, and the answer to its buyer.

use crate::{Ports, codes};
use keywright_domain::discount::applies::CodeRefusal;
use keywright_domain::recent_orders::{OrderKind, OrderOrigin};
use keywright_ports::DatabaseError;
use keywright_store::sales::invoices::OrderRefusal;
use keywright_store::sales::recent_orders::{OrderCap, wait};
use keywright_web::ApiError;

/// Why no order is placed.
#[derive(Debug)]
pub(crate) enum OrderError {
    /// The code is used up, or there are too many orders; nothing is recorded.
    Refused(OrderRefusal),
    /// Anything else, ready to be answered.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for OrderError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl OrderError {
    /// The answer to the buyer.
    pub(crate) async fn answer(self, ports: &Ports, origin: &OrderOrigin) -> ApiError {
        match self {
            Self::Failed(error) => error,
            Self::Refused(OrderRefusal::CodeUsedUp) => codes::refused(CodeRefusal::Exhausted),
            Self::Refused(OrderRefusal::TrialUsed) => ApiError::conflict(
                "this address had a trial of this product; order again to pay for the first period",
            ),
            Self::Refused(OrderRefusal::CycleNotOpen) => ApiError::conflict(
                "this period was paid or cancelled meanwhile; look at the subscription again",
            ),
            Self::Refused(OrderRefusal::LicenseChanged) => ApiError::conflict(
                "the license was renewed or changed meanwhile; ask for a new quote",
            ),
            Self::Refused(OrderRefusal::TooMany(cap)) => {
                let answer = too_many(ports, origin, cap).await;
                answer.unwrap_or_else(ApiError::from)
            }
        }
    }
}

/// 429, with when to try again.
async fn too_many(
    ports: &Ports,
    origin: &OrderOrigin,
    cap: OrderCap,
) -> Result<ApiError, DatabaseError> {
    let seconds = wait(&ports.database, origin, cap, ports.stamps.now()).await?;
    let after = match (seconds.div_euclid(60) + 1, seconds.div_euclid(3_600) + 1) {
        (1, _) => "a minute".to_owned(),
        (minutes @ 2..=90, _) => format!("{minutes} minutes"),
        (_, hours) => format!("{hours} hours"),
    };
    let what = match cap {
        OrderCap::Orders(OrderKind::Unpaid) => {
            "too many orders from your network are waiting for payment; pay for one of them"
        }
        OrderCap::Codes => {
            "too many orders with a discount code from your network are waiting for payment; pay for one of them"
        }
        OrderCap::Orders(OrderKind::Free) => {
            "too many free licenses were ordered from your network; use one that you have"
        }
        OrderCap::Orders(OrderKind::Trial) => {
            "too many trials were ordered from your network; use one that you have"
        }
        OrderCap::Email => {
            "this e-mail address had too many trials of this product; recover one that you have"
        }
    };
    Ok(ApiError::wait(
        format!("{what}, or try again in {after}"),
        seconds.unsigned_abs(),
    ))
}
