//! The discount code that an order gets.

use crate::selection::Selection;
use keywright_domain::discount::applies::{CodeRefusal, cheaper_than, featured, judge};
use keywright_domain::discount::code::CodeText;
use keywright_ports::{Database, DatabaseError, Reader};
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_web::ApiError;

/// Most featured codes that an order tries before it is sold at the full price. The next
/// one is tried only when the last use of a code goes to another order between reading
/// and reserving, and each try is a round trip.
const MAX_FEATURED: usize = 3;

/// A code that a buyer typed and may use.
pub(crate) struct TypedCode {
    /// The code.
    pub(crate) code: DiscountCode,
    /// The featured codes that cost the buyer less, in the order in which to try them.
    pub(crate) better: Vec<DiscountCode>,
}

/// The code that a buyer typed, or why it cannot be used for this order now. An order of a
/// product without policies gets no featured code.
pub(crate) async fn typed(
    database: &Database,
    text: &str,
    selection: &Selection,
    now: i64,
) -> Result<Result<TypedCode, CodeRefusal>, DatabaseError> {
    let Ok(text) = CodeText::pasted(text) else {
        return Ok(Err(CodeRefusal::UnknownCode));
    };
    let product_id = &selection.product.id;
    let (code, featured) =
        discount_codes::find_with_featured(database, &text, product_id, now).await?;
    Ok(usable(code, selection, now).map(|code| {
        let base = selection.base;
        let offered = if selection.policy.is_some() {
            fitting(featured, selection, now)
        } else {
            Vec::new()
        };
        let price = code.discount.price(base);
        let better = cheaper_than(price, offered, |one| one.discount.price(base));
        TypedCode { code, better }
    }))
}

/// The code with this text, with the uses that it has at `now`, in unix seconds; `None` for
/// text that is not a code.
pub(crate) async fn find(
    database: &Reader,
    text: &str,
    now: i64,
) -> Result<Option<DiscountCode>, DatabaseError> {
    match CodeText::pasted(text) {
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
    Ok(fitting(codes, selection, now))
}

fn fitting(codes: Vec<DiscountCode>, selection: &Selection, now: i64) -> Vec<DiscountCode> {
    let ordered = selection.ordered(now);
    let mut fitting = featured(codes, DiscountCode::recorded, ordered, selection.base);
    fitting.truncate(MAX_FEATURED);
    fitting
}

/// Tells a buyer that this featured code is used and not the one that they typed.
pub(crate) fn already_better(featured: &DiscountCode) -> String {
    format!("{} already gives you a better price", featured.code)
}

/// The answer to an order whose code cannot be used.
pub(crate) fn refused(refusal: CodeRefusal) -> ApiError {
    ApiError::bad_request(format!("code cannot be used: {}", refusal.message()))
}
