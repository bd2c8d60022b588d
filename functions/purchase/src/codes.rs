//! The discount code that an order gets.

use crate::selection::Selection;
use keywright_domain::discount::applies::{CodeRefusal, featured, judge};
use keywright_domain::discount::code::CodeText;
use keywright_ports::{DatabaseError, Reader};
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_web::ApiError;

/// Most featured codes that an order tries before it is sold at the full price. The next
/// one is tried only when the last use of a code goes to another order between reading
/// and reserving, and each try is a round trip.
const MAX_FEATURED: usize = 3;

/// The code that a buyer typed, or why it cannot be used for this order now.
pub(crate) async fn typed(
    database: &Reader,
    text: &str,
    selection: &Selection,
    now: i64,
) -> Result<Result<DiscountCode, CodeRefusal>, DatabaseError> {
    let code = find(database, text, now).await?;
    Ok(usable(code, selection, now))
}

/// The code with this text, with the uses that it has at `now`, in unix seconds; `None` for
/// text that is not a code.
pub(crate) async fn find(
    database: &Reader,
    text: &str,
    now: i64,
) -> Result<Option<DiscountCode>, DatabaseError> {
    match CodeText::parse(text) {
        Ok(code) => discount_codes::find(database, &code, now).await,
        Err(_) => Ok(None),
    }
}

/// The code, or why it cannot be used for this order now.
pub(crate) fn usable(
    code: Option<DiscountCode>,
    selection: &Selection,
    now: i64,
) -> Result<DiscountCode, CodeRefusal> {
    let recorded = code.as_ref().map(DiscountCode::recorded);
    judge(recorded.as_ref(), selection.ordered(now))?;
    code.ok_or(CodeRefusal::UnknownCode)
}

/// The featured codes that fit an order, in the order in which to try them.
pub(crate) async fn offered(
    database: &Reader,
    selection: &Selection,
    now: i64,
) -> Result<Vec<DiscountCode>, DatabaseError> {
    let codes = discount_codes::featured(database, &selection.product.id, now).await?;
    let ordered = selection.ordered(now);
    let mut offered = featured(codes, DiscountCode::recorded, ordered, selection.base);
    offered.truncate(MAX_FEATURED);
    Ok(offered)
}

/// The answer to an order whose code cannot be used.
pub(crate) fn refused(refusal: CodeRefusal) -> ApiError {
    ApiError::bad_request(format!("code: {}", refusal.message()))
}
