//! How often a caller may ask: the contract's two limits.

use crate::notes::{Note, Notes};
use keywright_domain::caller_limits::{LOGGED_GARBAGE, VALIDATIONS};
use keywright_domain::rate_limit::Limit;
use keywright_license::clean_pasted;
use keywright_web::Client;
use keywright_web::rate_limit::{Allowance, CallerLimiter, Charge, Limiter, TakenToken};

/// Validations of one address, as the contract has it.
const OF_ADDRESS: Limit = Limit {
    name: VALIDATIONS.name,
    burst: VALIDATIONS.address.burst,
    token_millis: VALIDATIONS.address.token_millis,
};
/// The address's own bucket is the narrowest, and is held by [`OF_ADDRESS`].
const NARROWEST: usize = 1;
/// Heartbeats of one license: 60 an hour.
const HEARTBEATS: Limit = Limit {
    name: "heartbeat",
    burst: 60,
    token_millis: 60_000,
};
/// Every token is shared between instances: Spin answers a rush of one caller
/// from a dozen of them, each of which sees a few requests only.
const SHARED_FROM: u32 = 1;
/// Characters of a key that tell it from others.
const KEY_TAIL_CHARS: usize = 24;

/// The limits of this function.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) validations: Limiter,
    pub(crate) heartbeats: Limiter,
    /// The networks around an address, and all callers without one.
    networks: CallerLimiter,
    garbage: CallerLimiter,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            validations: Limiter::new(OF_ADDRESS, SHARED_FROM),
            heartbeats: Limiter::new(HEARTBEATS, SHARED_FROM),
            networks: CallerLimiter::new(VALIDATIONS),
            garbage: CallerLimiter::new(LOGGED_GARBAGE),
        }
    }

    /// Takes a token for a validation: one of the caller's own, and one of each
    /// network around it.
    ///
    /// # Errors
    /// The empty bucket's [`Allowance`].
    pub(crate) fn validation(
        &self,
        client: &Client,
        key: &str,
        at: u64,
    ) -> Result<LimitToken<'_>, Allowance> {
        self.networks.take(client, NARROWEST, at)?;
        LimitToken::take(&self.validations, asker(client, key), at)
    }

    /// Whether the log takes another text of this caller that is no key.
    pub(crate) fn logs_garbage(&self, client: &Client, at: u64) -> bool {
        self.garbage.take(client, 0, at).is_ok()
    }
}

/// A token that a request took, by what this instance knows.
pub(crate) struct LimitToken<'a> {
    limiter: &'a Limiter,
    who: String,
    /// Unix milliseconds.
    at: u64,
    allowance: Allowance,
    charge: Option<Charge>,
}

impl<'a> LimitToken<'a> {
    /// Takes a token for `who`, at `at` in unix milliseconds.
    ///
    /// # Errors
    /// The empty bucket's [`Allowance`].
    pub(crate) fn take(limiter: &'a Limiter, who: String, at: u64) -> Result<Self, Allowance> {
        let taken = limiter.take(&who, at)?;
        Ok(Self {
            limiter,
            who,
            at,
            allowance: taken.allowance,
            charge: taken.charge,
        })
    }

    /// Key of the bucket in the database, to be read along.
    pub(crate) fn bucket(&self) -> String {
        self.limiter.bucket(&self.who)
    }

    /// Looks at the token again, with what the database says of the bucket.
    /// Answers whether it is good.
    pub(crate) fn correct(&mut self, bucket_full_at: Option<i64>) -> bool {
        let taken = TakenToken {
            allowance: self.allowance,
            charge: self.charge.take(),
        };
        match self
            .limiter
            .correct(&self.who, taken, bucket_full_at, self.at)
        {
            Ok(taken) => {
                self.allowance = taken.allowance;
                self.charge = taken.charge;
                true
            }
            Err(allowance) => {
                self.allowance = allowance;
                false
            }
        }
    }

    /// Has the token charged after the answer. Answers what is left, for the
    /// answer's fields.
    pub(crate) async fn charge(self, notes: &Notes<'_>) -> Allowance {
        if let Some(charge) = self.charge {
            notes.add(Note::Charged(charge, self.at)).await;
        }
        self.allowance
    }
}

/// Whose own bucket a validation takes from: the caller's address or, if it is unknown,
/// the key, in addition to the bucket that all such callers share. It is the end of
/// the key, from the signature: the start is the same in every key of a product. All
/// pasted forms of a key have the same end.
pub(crate) fn asker(client: &Client, key: &str) -> String {
    client.rate_limit_key().unwrap_or_else(|| {
        let key = clean_pasted(key).to_ascii_uppercase();
        let tail = key.len().saturating_sub(KEY_TAIL_CHARS);
        format!("key {}", &key[key.ceil_char_boundary(tail)..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_before_a_key() {
        let known = Client {
            address: Some("203.0.113.9".parse().expect("an address")),
            user_agent: None,
        };
        assert_eq!(asker(&known, "LIC1-AAAA-BBBB"), "203.0.113.9");
        let unknown = Client::default();
        let end = "ABCDEFGHIJKLMNOPQRSTUVWX";
        for (key, who) in [
            (format!("LIC1-AAAA-{end}"), format!("key {end}")),
            (format!("LIC1-BBBB-{end} \r\n"), format!("key {end}")),
            (
                format!("Key: lic1\u{2013}BBBB - {end}"),
                format!("key {end}"),
            ),
            (
                format!("LIC1-BBBB-{}", end.to_lowercase()),
                format!("key {end}"),
            ),
            ("short".to_owned(), "key SHORT".to_owned()),
            (String::new(), "key ".to_owned()),
            ("é".repeat(100), format!("key {}", "é".repeat(12))),
            (
                format!("é{}", "x".repeat(23)),
                format!("key {}", "X".repeat(23)),
            ),
        ] {
            assert_eq!(asker(&unknown, &key), who, "{key:?}");
        }
    }
}
