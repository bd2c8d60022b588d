//! What the double does that nobody has verified of the live service, and its faults.

use std::time::Duration;

/// How the double behaves. The default is the friendliest reading.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own"
)]
pub struct Behavior {
    /// Seconds until an order expires; `None`: it does not say.
    pub expires_after: Option<i64>,
    /// Whether a `DELETE` of an order closes it; otherwise 405.
    pub closable: bool,
    /// Whether an order that is paid can be charged again; otherwise 409.
    pub charges_twice: bool,
    /// The smallest amount of an order, in minor units; 400 below it.
    pub least_amount: i64,
    /// What a declined card looks like.
    pub decline: Decline,
    /// What a second contact of one address does.
    pub second_contact: SecondContact,
    /// What a charge does.
    pub charging: Charging,
    /// Whether a card that a buyer agrees to save shows at once; otherwise after
    /// [`crate::Zaprite::show_profiles`].
    pub profiles_at_once: bool,
    /// The status that a page of orders, a contact and an order is answered with, such as 201
    /// for what was made.
    pub created_status: u16,
    /// Lists are answered as the bare list instead of `{items, meta}`.
    pub bare_lists: bool,
    /// Answers wait this long.
    pub slow: Duration,
    /// So many requests are let through, so many after them are answered with this status.
    pub fail: Option<(u32, u32, u16)>,
    /// So many orders are made without an answer.
    pub lose_created: u32,
    /// So many charges happen without an answer.
    pub lose_charged: u32,
}

/// What a declined card looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// HTTP status.
    pub status: u16,
    /// Status of the order afterwards.
    pub word: String,
}

/// What a second contact of one address does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondContact {
    /// It is the first one.
    Same,
    /// It is another one.
    New,
    /// 409.
    Refused,
}

/// What a charge does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charging {
    /// The order is paid.
    Settles,
    /// A success, and the order stays `PENDING`: the bank wants the buyer.
    Pends,
    /// As [`Decline`] says.
    Declines,
}

impl Default for Behavior {
    fn default() -> Self {
        Self {
            expires_after: Some(86_400),
            closable: false,
            charges_twice: false,
            least_amount: 1,
            decline: Decline {
                status: 402,
                word: "PENDING".to_owned(),
            },
            second_contact: SecondContact::Same,
            charging: Charging::Settles,
            profiles_at_once: true,
            created_status: 200,
            bare_lists: false,
            slow: Duration::ZERO,
            fail: None,
            lose_created: 0,
            lose_charged: 0,
        }
    }
}

impl Behavior {
    /// The status that this request fails with, if it does; counts it.
    pub(crate) fn take_failure(&mut self) -> Option<u16> {
        let (skip, left, status) = self.fail?;
        if let Some(skip) = skip.checked_sub(1) {
            self.fail = Some((skip, left, status));
            return None;
        }
        self.fail = left.checked_sub(2).map(|rest| (0, rest + 1, status));
        (left > 0).then_some(status)
    }
}
