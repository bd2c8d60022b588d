//! Why an order is not taken, and the answer to that: its code is used up, or the caller,
//! its network or the shop has too many orders that cost nothing.

use crate::{Ports, codes};
use keywright_domain::discount::applies::Refusal;
use keywright_domain::recent_orders::{Kind, Origin};
use keywright_ports::DatabaseError;
use keywright_store::sales::recent_orders::{Full, wait};
use keywright_web::{ApiError, Client};

/// Where an order comes from.
pub(crate) fn origin(client: &Client) -> Origin {
    Origin::of(client.address)
}

/// Why an order is not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NotSold {
    /// The last use of its code went to somebody else.
    Exhausted,
    /// There are too many orders that cost nothing.
    Full(Full),
}

impl NotSold {
    /// What to tell the buyer.
    pub(crate) async fn answer(self, ports: &Ports, origin: &Origin) -> Result<ApiError, ApiError> {
        Ok(match self {
            Self::Exhausted => codes::refused(Refusal::Exhausted),
            Self::Full(full) => refused(ports, origin, full).await?,
        })
    }
}

/// 429, with when to try again.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn refused(
    ports: &Ports,
    origin: &Origin,
    full: Full,
) -> Result<ApiError, DatabaseError> {
    let seconds = wait(&ports.database, origin, full, ports.stamps.now()).await?;
    let after = match seconds.div_euclid(60) + 1 {
        1..=90 => format!("{} minutes", seconds.div_euclid(60) + 1),
        _ => format!("{} hours", seconds.div_euclid(3_600) + 1),
    };
    let what = match full {
        Full::Orders(Kind::Unpaid) => {
            "too many orders from your network wait for their payment; pay for one of them"
        }
        Full::Codes => {
            "too many orders with a discount code from your network wait for their payment; pay for one of them"
        }
        Full::Orders(Kind::Free) => {
            "too many free licenses were ordered from your network; use one that you have"
        }
        Full::Orders(Kind::Trial) => {
            "too many trials were ordered from your network; use one that you have"
        }
        Full::Email => {
            "this e-mail address had too many trials of this product; recover one that you have"
        }
    };
    Ok(ApiError::wait(
        format!("{what}, or try again in {after}"),
        seconds.unsigned_abs(),
    ))
}
