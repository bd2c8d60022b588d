//! What an operator changes of a discount code.

use crate::catalog::discount_codes::{BY_ID, DiscountCode};
use crate::difference::{self, Change, insert_difference};
use crate::operator::audit::Actor;
use keywright_ports::{Database, DatabaseError, Statement, decode};
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// New amount, checked against the kind, which stays.
    pub amount: Option<i64>,
    /// New limit; `Some(None)` lifts it.
    pub max_uses: Option<Option<i64>>,
    /// New end; `Some(None)` never ends.
    pub expires_at: Option<Option<i64>>,
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

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The code as it now is.
    To(Box<DiscountCode>),
    /// It was used more often than the new limit allows; nothing changed.
    UsedMoreOften,
    /// There is no such code.
    Unknown,
}

/// The row as the members of a change name it, unless the new limit is below
/// what was used.
const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('amount', amount, 'max_uses', max_uses, 'expires_at', expires_at,
            'description', description, 'referrer_label', referrer_label,
            'active', json(iif(active, 'true', 'false')),
            'featured', json(iif(featured, 'true', 'false')),
            'policy_ids', json(policy_ids)) AS doc
     FROM discount_codes
     WHERE id = ?6
       AND (?7 ->> '$.max_uses' IS NULL OR ?7 ->> '$.max_uses' >= used_count)"
);

/// Changes a code. Each member is changed by itself; what changes nothing
/// writes nothing. Orders already made keep their price.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &Changes,
    audit_id: &str,
) -> Result<Changed, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "discount_code.change",
        object_kind: "discount_code",
        object_id: id,
        members: &members,
    };
    let update = difference::update(
        "UPDATE discount_codes SET
           amount = coalesce(?2 ->> '$.amount', amount),
           max_uses = iif(json_type(?2, '$.max_uses') IS NULL, max_uses, ?2 ->> '$.max_uses'),
           expires_at = iif(json_type(?2, '$.expires_at') IS NULL,
                            expires_at, ?2 ->> '$.expires_at'),
           description = coalesce(?2 ->> '$.description', description),
           referrer_label = iif(json_type(?2, '$.referrer_label') IS NULL,
                                referrer_label, ?2 ->> '$.referrer_label'),
           active = coalesce(?2 ->> '$.active', active),
           featured = coalesce(?2 ->> '$.featured', featured),
           policy_ids = iif(json_type(?2, '$.policy_ids') IS NULL,
                            policy_ids, ?2 ->> '$.policy_ids'),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    let batch = vec![
        difference::entry(DIFFERENCE, actor, &change),
        update,
        Statement::new(BY_ID, [id.into()]),
    ];
    let mut answers = database.batch(batch).await?;
    let now: Option<DiscountCode> = decode(answers.pop().unwrap_or_default())?.pop();
    Ok(match now {
        None => Changed::Unknown,
        Some(code)
            if changes
                .max_uses
                .flatten()
                .is_some_and(|max| max < code.used_count) =>
        {
            Changed::UsedMoreOften
        }
        Some(code) => Changed::To(Box::new(code)),
    })
}

impl Changes {
    fn as_json(&self) -> Value {
        difference::members([
            ("amount", self.amount.map(Value::from)),
            ("max_uses", self.max_uses.map(Value::from)),
            ("expires_at", self.expires_at.map(Value::from)),
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
