//! RPC endpoints that are set aside for a while. One that cannot be reached is
//! asked last; one that said what is not true is not asked, and the operator is
//! told of it. Known by a hash, because the URL may hold an access key.

use crate::operator::audit::Actor;
use keywright_ports::{Database, DatabaseError, Statement};
use serde::{Deserialize, Serialize};

/// Why an endpoint is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointFault {
    /// It does not answer, or not what can be read.
    Unreachable,
    /// It is of another chain.
    WrongChain,
    /// It has another hash for a block than the others.
    Disagrees,
    /// It answered what was not asked for, or what contradicts itself.
    Lies,
}

impl EndpointFault {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::WrongChain => "wrong_chain",
            Self::Disagrees => "disagrees",
            Self::Lies => "lies",
        }
    }

    /// Whether it may still be asked when no other is left.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

/// An endpoint that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EndpointSetAside {
    /// The hash it is known by.
    pub id: String,
    /// Why.
    pub reason: EndpointFault,
}

/// Those that are set aside now.
pub(crate) fn set_aside(now: i64) -> Statement {
    Statement::new(
        "SELECT id, reason FROM rpc_endpoints WHERE set_aside_until > ?1",
        [now.into()],
    )
}

/// What is recorded of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultyEndpoint {
    /// The hash it is known by.
    pub id: String,
    /// Its host.
    pub host: String,
    /// What it did.
    pub fault: EndpointFault,
    /// The same, in words; without its URL.
    pub details: String,
}

/// Sets an endpoint aside until then, and tells the operator of one that said
/// what is not true.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_aside(
    database: &Database,
    actor: &Actor,
    faulty: &FaultyEndpoint,
    until: i64,
    attention_id: &str,
) -> Result<(), DatabaseError> {
    let aside = Statement::new(
        "INSERT INTO rpc_endpoints (id, host, reason, details, set_aside_until, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE
         SET host = excluded.host, reason = excluded.reason, details = excluded.details,
             set_aside_until = excluded.set_aside_until, updated_at = excluded.updated_at",
        [
            (&faulty.id).into(),
            (&faulty.host).into(),
            faulty.fault.as_str().into(),
            (&faulty.details).into(),
            until.into(),
            actor.at.into(),
        ],
    );
    let mut batch = vec![aside];
    if !faulty.fault.is_outage() {
        batch.push(Statement::new(
            "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
             SELECT ?1, ?2, 'rpc_' || reason, 'rpc_endpoint', id,
                    json_object('host', host, 'details', details, 'set_aside_until',
                                set_aside_until)
             FROM rpc_endpoints WHERE id = ?3
             ON CONFLICT (kind, object_kind, object_id)
             DO UPDATE SET at = excluded.at, details = excluded.details,
                           resolved_at = NULL, resolved_by = NULL",
            [attention_id.into(), actor.at.into(), (&faulty.id).into()],
        ));
    }
    database.batch(batch).await.map(drop)
}
