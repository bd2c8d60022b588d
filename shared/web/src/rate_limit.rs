//! Rate limits over the token buckets of [`keywright_domain::rate_limit`].
//!
//! [`Limiter`] is for hot paths: it decides by what this instance has seen and
//! by what the route's own read brought of the shared bucket, and what it took
//! is written after the answer. Charges are added up in the database, never
//! overwritten, so none is lost when instances take at once. [`take_exactly`]
//! is for slow, guarded routes: one atomic statement decides before the answer.

use super::Client;
use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderName, HeaderValue, header};
use keywright_domain::caller_limits::CallerLimit;
use keywright_domain::rate_limit::{Level, Limit};
use keywright_ports::{Database, DatabaseError, Statement, decode};
use serde::Deserialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// The structured fields of draft-ietf-httpapi-ratelimit-headers.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// As [`RATE_LIMIT`].
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Buckets remembered by an instance; beyond that the full ones are forgotten,
/// and then all: the database still knows those that matter.
const MOST_BUCKETS: usize = 10_000;

/// What a bucket holds, for the answer's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    limit: Limit,
    level: Level,
}

impl Allowance {
    /// Seconds until the next token, for `Retry-After`; 0 when one is there.
    #[must_use]
    pub fn retry_after(&self) -> u64 {
        self.level.next_in.div_ceil(1_000)
    }

    /// What a bucket holds at `now` that is full at `full_at`, both in unix
    /// milliseconds.
    pub(super) fn of(limit: Limit, full_at: u64, now: u64) -> Self {
        Self {
            limit,
            level: limit.level(full_at, now),
        }
    }

    /// Tokens that are left.
    pub(super) fn tokens(&self) -> u32 {
        self.level.tokens
    }

    /// Milliseconds until a token is there.
    pub(super) fn wait_millis(&self) -> u64 {
        self.level.next_in
    }
}

impl IntoResponseParts for Allowance {
    type Error = Infallible;

    /// Sets `RateLimit-Policy`, `RateLimit` and, where no token is left to the
    /// caller, `Retry-After`.
    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let Self { limit, level } = self;
        let window = limit.window_millis().div_ceil(1_000);
        let policy = format!("\"{}\";q={};w={window}", limit.name, limit.burst);
        let full_in = level.full_in.div_ceil(1_000);
        let now = format!("\"{}\";r={};t={full_in}", limit.name, level.tokens);
        for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
            // Names of limits are plain words, so this always fits.
            if let Ok(value) = HeaderValue::from_str(&value) {
                parts.headers_mut().insert(name, value);
            }
        }
        if level.tokens == 0 {
            let seconds = HeaderValue::from(self.retry_after());
            parts.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        Ok(parts)
    }
}

/// What was taken from a bucket and is not in the database yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    bucket: String,
    millis: u64,
}

/// A token that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenToken {
    /// For the answer's fields.
    pub allowance: Allowance,
    /// What to write after the answer, where the bucket is shared by now.
    pub charge: Option<Charge>,
}

/// One limit on a hot path, for one instance; cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    limit: Limit,
    /// From how many tokens in use on a bucket is written to the database.
    /// Below that a client is far from the limit, and a write for each of its
    /// requests would cost more than it protects.
    shared_from: u32,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Unix milliseconds.
    full_at: u64,
    /// Milliseconds taken that no charge carries yet.
    uncharged: u64,
}

impl Limiter {
    /// A limiter whose buckets are shared from `shared_from` tokens in use on;
    /// 1 shares every token.
    #[must_use]
    pub fn new(limit: Limit, shared_from: u32) -> Self {
        Self {
            limit,
            shared_from,
            buckets: Arc::default(),
        }
    }

    /// Key of the bucket in the database, for the route's own read.
    #[must_use]
    pub fn bucket(&self, who: &str) -> String {
        format!("{}:{who}", self.limit.name)
    }

    /// Takes a token for `who` by what this instance knows, at `now` in unix
    /// milliseconds.
    ///
    /// # Errors
    /// The empty bucket's [`Allowance`].
    pub fn take(&self, who: &str, now: u64) -> Result<TakenToken, Allowance> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(who) {
            buckets.retain(|_, bucket| bucket.full_at > now);
            if buckets.len() >= MOST_BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(who.to_owned()).or_default();
        if bucket.full_at <= now {
            bucket.uncharged = 0;
        }
        let Some(full_at) = self.limit.take(bucket.full_at, now) else {
            return Err(self.allowance(bucket.full_at, now));
        };
        bucket.full_at = full_at;
        bucket.uncharged += self.limit.token_millis;
        let in_use = (full_at - now).div_ceil(self.limit.token_millis);
        let charge = (in_use >= u64::from(self.shared_from)).then(|| Charge {
            bucket: self.bucket(who),
            millis: std::mem::take(&mut bucket.uncharged),
        });
        Ok(TakenToken {
            allowance: self.allowance(full_at, now),
            charge,
        })
    }

    /// Corrects a token just taken by what the database says of the bucket: the
    /// unix millisecond in which it is full, `None` when it has no row.
    ///
    /// # Errors
    /// The empty bucket's [`Allowance`]: others took what was left, and the
    /// token counts as not taken.
    pub fn correct(
        &self,
        who: &str,
        taken: TakenToken,
        shared_full_at: Option<i64>,
        now: u64,
    ) -> Result<TakenToken, Allowance> {
        let shared = shared_full_at.and_then(|at| u64::try_from(at).ok());
        let Some(shared) = shared.filter(|&at| at > now) else {
            return Ok(taken);
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(who.to_owned()).or_default();
        if self.limit.take(shared, now).is_none() {
            bucket.full_at = bucket.full_at.max(shared);
            return Err(self.allowance(shared, now));
        }
        bucket.full_at = bucket.full_at.max(shared + self.limit.token_millis);
        // Others have it in the database already, so this token is shared too.
        let charge = taken.charge.or_else(|| {
            Some(Charge {
                bucket: self.bucket(who),
                millis: std::mem::take(&mut bucket.uncharged),
            })
            .filter(|charge| charge.millis > 0)
        });
        Ok(TakenToken {
            allowance: self.allowance(bucket.full_at, now),
            charge,
        })
    }

    fn allowance(&self, full_at: u64, now: u64) -> Allowance {
        Allowance::of(self.limit, full_at, now)
    }
}

/// A limit by caller that each instance holds for itself, without the database: for
/// what is only to be bounded.
#[derive(Clone)]
pub struct CallerLimiter {
    limit: CallerLimit,
    /// When each is full, in unix milliseconds.
    buckets: Arc<Mutex<HashMap<String, u64>>>,
}

impl CallerLimiter {
    /// A limiter whose buckets are full.
    #[must_use]
    pub fn new(limit: CallerLimit) -> Self {
        Self {
            limit,
            buckets: Arc::default(),
        }
    }

    /// Takes a token from every bucket of the caller that is wider than `skip` of
    /// them, at `now` in unix milliseconds; or none.
    ///
    /// # Errors
    /// The empty bucket's [`Allowance`].
    pub fn take(&self, client: &Client, skip: usize, now: u64) -> Result<(), Allowance> {
        let asked = self.limit.buckets(client.address);
        // Whoever has no address has one bucket, which is a network's.
        let skip = if client.address.is_some() { skip } else { 0 };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS {
            buckets.retain(|_, full_at| *full_at > now);
            if buckets.len() >= MOST_BUCKETS {
                buckets.clear();
            }
        }
        let mut taken = Vec::with_capacity(asked.len());
        for (bucket, limit) in asked.into_iter().skip(skip) {
            let full_at = buckets.get(&bucket).copied().unwrap_or_default();
            match limit.take(full_at, now) {
                Some(after) => taken.push((bucket, after)),
                None => return Err(Allowance::of(limit, full_at, now)),
            }
        }
        buckets.extend(taken);
        Ok(())
    }
}

/// Adds charges up in the database, at `now` in unix milliseconds. Reads
/// nothing first: whatever order instances write in, the sum is the same.
#[must_use]
pub fn charge(charges: &[&Charge], now: u64) -> Statement {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for charge in charges {
        *sums.entry(&charge.bucket).or_default() += charge.millis;
    }
    let sums: serde_json::Map<_, _> = sums
        .into_iter()
        .map(|(bucket, millis)| (bucket.to_owned(), millis.into()))
        .collect();
    Statement::new(
        "INSERT INTO rate_limits (bucket, full_at)
         SELECT key, ?2 + value FROM json_each(?1) WHERE true
         ON CONFLICT (bucket)
         DO UPDATE SET full_at = max(full_at, ?2) + (excluded.full_at - ?2)",
        [
            serde_json::Value::Object(sums).to_string().into(),
            millis(now).into(),
        ],
    )
}

#[derive(Deserialize)]
struct Taking {
    full_at: i64,
}

/// Takes a token for `who` in one atomic batch, at `now` in unix milliseconds;
/// the inner error is the empty bucket's [`Allowance`].
///
/// # Errors
/// [`DatabaseError`].
pub async fn take_exactly(
    database: &Database,
    limit: Limit,
    who: &str,
    now: u64,
) -> Result<Result<Allowance, Allowance>, DatabaseError> {
    let bucket = format!("{}:{who}", limit.name);
    let take = Statement::new(
        "INSERT INTO rate_limits (bucket, full_at) VALUES (?1, ?2 + ?3)
         ON CONFLICT (bucket) DO UPDATE SET full_at = max(full_at, ?2) + ?3
         WHERE max(full_at, ?2) + ?3 <= ?2 + ?4
         RETURNING full_at",
        [
            bucket.as_str().into(),
            millis(now).into(),
            millis(limit.token_millis).into(),
            millis(limit.window_millis()).into(),
        ],
    );
    let read = Statement::new(
        "SELECT full_at FROM rate_limits WHERE bucket = ?1",
        [bucket.into()],
    );
    let mut answers = database.aside(vec![take, read]).await?.into_iter();
    let taken: Vec<Taking> = decode(answers.next().unwrap_or_default())?;
    let found: Vec<Taking> = decode(answers.next().unwrap_or_default())?;
    let full_at = found.first().map_or(0, |row| row.full_at);
    let allowance = Allowance::of(limit, u64::try_from(full_at).unwrap_or_default(), now);
    Ok(if taken.is_empty() {
        Err(allowance)
    } else {
        Ok(allowance)
    })
}

/// Forgets up to `most` buckets that are full again.
#[must_use]
pub fn forget_full(now: u64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM rate_limits WHERE bucket IN
           (SELECT bucket FROM rate_limits WHERE full_at <= ?1 ORDER BY full_at LIMIT ?2)",
        [millis(now).into(), i64::from(most).into()],
    )
}

pub(super) fn millis(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}
