//! What an operator changes of a discount code.

use crate::catalog::discount_codes::{BY_ID, DiscountCode};
use crate::difference::{self, Change, ChangeOutcome, ChangeSql, insert_difference};
use crate::operator::audit::Actor;
use keywright_ports::{Database, DatabaseError};
use serde::Deserialize;
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct DiscountCodeChanges {
    /// New amount, checked against the kind, which stays.
    pub amount: Option<i64>,
    /// New limit; `Some(None)` lifts it.
    pub max_uses: Option<Option<i64>>,
    /// New end; `Some(None)` never ends.
    pub expires_at: Option<Option<i64>>,
    /// For how many cycles of later subscriptions it holds; 0 for ever.
    pub cycles: Option<i64>,
    /// New description.
    pub description: Option<String>,
    /// New referrer; `Some(None)` nobody.
    pub referrer_label: Option<Option<String>>,
    /// May be used or not.
    pub active: Option<bool>,
    /// Featured or not.
    pub featured: Option<bool>,
    /// The policies it is for from now on; `Some(None)` all.
    pub policy_ids: Option<Option<Vec<String>>>,
}

/// Why a discount code is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscountCodeRefusal {
    /// It was used more often than the new limit allows.
    UsedMoreOften,
    /// As many codes are enabled as the instance's cap allows.
    AtCap,
}

/// The name of the [`DiscountCodeRefusal`] of the new values `$members`, null for none.
macro_rules! refusal {
    ($members:literal) => {
        concat!(
            "CASE WHEN ",
            $members,
            " ->> '$.max_uses' < used_count THEN 'used_more_often'
                  WHEN ",
            $members,
            " ->> '$.active' = 1 AND active = 0
                       AND (SELECT count(*) FROM discount_codes WHERE active = 1) >= ",
            $members,
            " ->> '$.cap' THEN 'at_cap' END"
        )
    };
}

const CHANGE: ChangeSql = ChangeSql {
    refusal: concat!(
        "SELECT ",
        refusal!("?2"),
        " AS refusal FROM discount_codes WHERE id = ?1"
    ),
    difference: insert_difference!(
        "SELECT id, json_object('amount', amount, 'max_uses', max_uses, 'expires_at', expires_at,
            'cycles', cycles, 'description', description, 'referrer_label', referrer_label,
            'active', json(iif(active, 'true', 'false')),
            'featured', json(iif(featured, 'true', 'false')),
            'policy_ids', json(policy_ids)) AS doc
         FROM discount_codes WHERE id = ?6 AND ",
        refusal!("?7"),
        " IS NULL"
    ),
    update: "UPDATE discount_codes SET
           amount = coalesce(?2 ->> '$.amount', amount),
           max_uses = iif(json_type(?2, '$.max_uses') IS NULL, max_uses, ?2 ->> '$.max_uses'),
           expires_at = iif(json_type(?2, '$.expires_at') IS NULL,
                            expires_at, ?2 ->> '$.expires_at'),
           cycles = coalesce(?2 ->> '$.cycles', cycles),
           description = coalesce(?2 ->> '$.description', description),
           referrer_label = iif(json_type(?2, '$.referrer_label') IS NULL,
                                referrer_label, ?2 ->> '$.referrer_label'),
           active = coalesce(?2 ->> '$.active', active),
           featured = coalesce(?2 ->> '$.featured', featured),
           policy_ids = iif(json_type(?2, '$.policy_ids') IS NULL,
                            policy_ids, ?2 ->> '$.policy_ids'),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
    row: BY_ID,
};

/// Changes a code. Each member is changed by itself. Orders already made keep their
/// price. A code is enabled only while fewer than `cap` are.
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &DiscountCodeChanges,
    cap: Option<i64>,
    audit_id: &str,
) -> Result<ChangeOutcome<DiscountCode, DiscountCodeRefusal>, DatabaseError> {
    let members = difference::with_cap(changes.as_json(), cap);
    let change = Change {
        audit_id,
        action: "discount_code.change",
        object_kind: "discount_code",
        object_id: id,
        members: &members,
    };
    difference::run(database, actor, &change, &CHANGE).await
}

impl DiscountCodeChanges {
    fn as_json(&self) -> Value {
        difference::members([
            ("amount", self.amount.map(Value::from)),
            ("max_uses", self.max_uses.map(Value::from)),
            ("expires_at", self.expires_at.map(Value::from)),
            ("cycles", self.cycles.map(Value::from)),
            ("description", self.description.clone().map(Value::from)),
            (
                "referrer_label",
                self.referrer_label.clone().map(Value::from),
            ),
            ("active", self.active.map(Value::from)),
            ("featured", self.featured.map(Value::from)),
            ("policy_ids", self.policy_ids.clone().map(Value::from)),
        ])
    }
}
