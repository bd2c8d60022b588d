//! Which discount code an order gets.

use crate::Ports;
use crate::selection::Selection;
use keywright_domain::caller_limits::CODES;
use keywright_domain::discount::applies::{Refusal, featured, judge};
use keywright_domain::discount::code::Code;
use keywright_ports::DatabaseError;
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_web::caller_limit::take_for;
use keywright_web::{ApiError, Client};

/// Most featured codes that an order tries before it is sold at the full price.
/// Another one is tried only when the last use of one goes to somebody else
/// between reading and reserving, and each try is a round trip.
const FEATURED_TRIES: usize = 3;

/// Counts a code that was typed against its caller.
///
/// # Errors
/// 429 for a caller that tries too many.
pub(crate) async fn count(ports: &Ports, client: &Client) -> Result<(), ApiError> {
    let now = ports.stamps.now_millis();
    let taken = take_for(&ports.database, &[&CODES], client, now);
    taken.await.map(drop)
}

/// The code that a buyer typed, if it can be used for this order now.
///
/// # Errors
/// [`DatabaseError`]; inside it, why the code cannot be used.
pub(crate) async fn typed(
    ports: &Ports,
    text: &str,
    selection: &Selection,
    now: i64,
) -> Result<Result<DiscountCode, Refusal>, DatabaseError> {
    let code = find(ports, text, now).await?;
    Ok(usable(code, selection, now))
}

/// The code of this text, with the uses it has at `now`, in unix seconds; text that
/// is no code names none.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn find(
    ports: &Ports,
    text: &str,
    now: i64,
) -> Result<Option<DiscountCode>, DatabaseError> {
    match Code::parse(text) {
        Ok(code) => discount_codes::find(&ports.database, &code, now).await,
        Err(_) => Ok(None),
    }
}

/// The code, if it can be used for this order now.
///
/// # Errors
/// Why it cannot.
pub(crate) fn usable(
    code: Option<DiscountCode>,
    selection: &Selection,
    now: i64,
) -> Result<DiscountCode, Refusal> {
    let recorded = code.as_ref().map(DiscountCode::recorded);
    judge(recorded.as_ref(), selection.ordered(now))?;
    code.ok_or(Refusal::UnknownCode)
}

/// The featured codes that an order may get without asking, the one to try
/// first first.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn offered(
    ports: &Ports,
    selection: &Selection,
    now: i64,
) -> Result<Vec<DiscountCode>, DatabaseError> {
    let codes = discount_codes::featured(&ports.database, &selection.product.id, now).await?;
    let ordered = selection.ordered(now);
    let mut offered = featured(codes, DiscountCode::recorded, ordered, selection.base);
    offered.truncate(FEATURED_TRIES);
    Ok(offered)
}

/// The answer to an order whose code cannot be used.
pub(crate) fn refused(refusal: Refusal) -> ApiError {
    ApiError::bad_request(format!("code: {}", refusal.message()))
}
