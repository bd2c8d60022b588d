//! The parameters of a page: where the page before ended, and how many rows.

use keywright_domain::page::Page;
use keywright_ports::Value;

/// Time and id of the last row before (NULL on the first page), and one row
/// more than the page holds, so that the caller sees whether another follows.
pub(crate) fn params(page: &Page) -> [Value; 3] {
    let after = page.after.as_ref();
    [
        after.map(|position| position.at).into(),
        after.map(|position| position.id.as_str()).into(),
        (page.limit + 1).into(),
    ]
}
