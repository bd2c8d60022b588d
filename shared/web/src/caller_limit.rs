//! Rate limits by caller on guarded routes: one atomic statement takes a token
//! from the caller's own bucket and from those of every network around it, or
//! from none of them.

use super::rate_limit::{Allowance, millis};
use super::{ApiError, Client, Visit};
use keywright_domain::caller_limits::{CallerLimit, REFUSED_CREDENTIALS};
use keywright_domain::rate_limit::Limit;
use keywright_ports::{Batch, CredentialRefusals, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// Takes a token from every bucket unless one is empty. `?1` lists the buckets
/// with what a token costs and when an empty one is full, in milliseconds from
/// now; `?2` is now.
const TAKE: &str = "INSERT INTO rate_limits (bucket, full_at)
     SELECT json_extract(value, '$.bucket'), ?2 + json_extract(value, '$.token')
     FROM json_each(?1)
     WHERE NOT EXISTS (
       SELECT 1 FROM json_each(?1) AS asked
       JOIN rate_limits AS held ON held.bucket = json_extract(asked.value, '$.bucket')
       WHERE max(held.full_at, ?2) + json_extract(asked.value, '$.token')
             > ?2 + json_extract(asked.value, '$.window'))
     ON CONFLICT (bucket) DO UPDATE SET full_at = max(full_at, ?2) + (excluded.full_at - ?2)
     RETURNING bucket";

const READ: &str = "SELECT bucket, full_at FROM rate_limits
     WHERE bucket IN (SELECT json_extract(value, '$.bucket') FROM json_each(?1))";

#[derive(Deserialize)]
struct BucketRow {
    bucket: String,
    full_at: i64,
}

/// Takes a token of each limit for this caller at `now` in unix milliseconds: one
/// round trip, before anything is kept of the request. A caller without an address takes
/// from the bucket that all such callers share.
///
/// Answers what is left of the bucket with the fewest tokens.
///
/// # Errors
/// 429 with `Retry-After` when a bucket is empty; then no token is taken.
pub async fn take_for(
    database: &Database,
    limits: &[&CallerLimit],
    client: &Client,
    now: u64,
) -> Result<Allowance, ApiError> {
    let taken = try_take_for(database, limits, client, now).await?;
    taken.map_err(ApiError::too_many)
}

/// The answer to a caller whose operator credential was refused: `refusal`, or 429 with
/// `Retry-After` once the caller has had too many refused. The refusal is noted under
/// `key_id`, the scoped key that the credential is of, or under the caller's network.
///
/// Call it only after the credential was found wrong, so that a right one is never
/// slowed down.
pub async fn refuse_credential(
    database: &Database,
    refusals: &dyn CredentialRefusals,
    visit: &Visit,
    now: u64,
    key_id: Option<&str>,
    refusal: ApiError,
) -> ApiError {
    let subject = key_id.map(|id| format!("api_key:{id}"));
    let subject = subject.unwrap_or_else(|| visit.client.network());
    refusals.note(&visit.later, visit.caller(), subject).await;
    let taken = take_for(database, &[&REFUSED_CREDENTIALS], &visit.client, now).await;
    taken.err().unwrap_or(refusal)
}

/// As [`take_for`]; the inner error is the [`Allowance`] of the bucket that is
/// empty for the longest.
///
/// # Errors
/// [`DatabaseError`].
pub async fn try_take_for(
    database: &Database,
    limits: &[&CallerLimit],
    client: &Client,
    now: u64,
) -> Result<Result<Allowance, Allowance>, DatabaseError> {
    let buckets = limits
        .iter()
        .flat_map(|limit| limit.buckets(client.address));
    try_take(database, &buckets.collect::<Vec<_>>(), now).await
}

/// Takes a token from each of these buckets, given by key and size, unless one is empty; the
/// inner error is the [`Allowance`] of the bucket that is empty for the longest.
///
/// # Errors
/// [`DatabaseError`].
pub async fn try_take(
    database: &Database,
    buckets: &[(String, Limit)],
    now: u64,
) -> Result<Result<Allowance, Allowance>, DatabaseError> {
    let listed: Vec<_> = buckets
        .iter()
        .map(|(bucket, limit)| {
            json!({
                "bucket": bucket,
                "token": limit.token_millis,
                "window": limit.window_millis(),
            })
        })
        .collect();
    let listed = json!(listed).to_string();
    let mut batch = Batch::new();
    let params = [listed.as_str().into(), millis(now).into()];
    let taken = batch.read::<Row>(Statement::new(TAKE, params));
    let held = batch.read::<BucketRow>(Statement::new(READ, [listed.into()]));
    let mut rows = batch.run_aside(database).await?;
    let is_taken = rows.any(taken)?;
    let held = rows.all(held)?;
    let held: HashMap<&str, i64> = held
        .iter()
        .map(|held| (held.bucket.as_str(), held.full_at))
        .collect();
    let allowances = buckets.iter().map(|(bucket, limit)| {
        let full_at = held.get(bucket.as_str()).copied().unwrap_or_default();
        Allowance::of(*limit, u64::try_from(full_at).unwrap_or_default(), now)
    });
    let tightest = if is_taken {
        allowances.min_by_key(Allowance::tokens)
    } else {
        allowances.max_by_key(Allowance::wait_millis)
    };
    let tightest =
        tightest.ok_or_else(|| DatabaseError::Row("a caller takes from a bucket".to_owned()))?;
    Ok(if is_taken {
        Ok(tightest)
    } else {
        Err(tightest)
    })
}
