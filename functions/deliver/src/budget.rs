//! What an invocation of the platform may take, for one tick or several: statements,
//! requests, and time. On the free plan of Workers it has 50 statements, so what was sent
//! side by side is written down together there; elsewhere each endpoint goes on by itself.

use keywright_store::events::webhook_claims::RUN;

/// For how long an invocation begins new runs, in milliseconds; one that has begun takes at
/// most another minute, and ticks may overlap.
const BEGINS_FOR: i64 = 40_000;

/// How many statements an invocation has at least: those of the free plan.
const STATEMENTS: usize = 50;
/// How many requests those are for.
const FREE_REQUESTS: usize = 30;
/// How many statements each request beyond takes. An invocation on a paid plan has 1000.
const STATEMENTS_PER_REQUEST: usize = 2;

/// Statements of a look.
const LOOK: usize = 1;
/// Statements of a claim.
const CLAIM: usize = 5;
/// Statements of writing down what came of a claim, at most: for the whole claim where
/// statements are scarce, else for each endpoint.
pub(crate) const RECORD: usize = 6;
/// What a look must leave to be worth it: planning of new events, and a claim.
const FEWEST: usize = 2 + CLAIM + RECORD;

/// What is left.
pub(crate) struct Budget {
    statements: usize,
    requests: usize,
    /// Unix milliseconds after which no run begins.
    until: i64,
    /// True where the statements are those of the free plan.
    is_scarce: bool,
    /// True after the first look.
    is_begun: bool,
    /// True once no mail that waits was within the daily cap.
    pub(crate) is_mail_capped: bool,
}

impl Budget {
    /// Of an invocation that may send so many requests.
    pub(crate) fn of(per_tick: usize, begin: i64) -> Self {
        Self {
            statements: STATEMENTS
                + per_tick.saturating_sub(FREE_REQUESTS) * STATEMENTS_PER_REQUEST,
            requests: per_tick.max(usize::try_from(RUN).unwrap_or(1)),
            until: begin + BEGINS_FOR,
            is_scarce: per_tick <= FREE_REQUESTS,
            is_begun: false,
            is_mail_capped: false,
        }
    }

    /// Whether results are written down together.
    pub(crate) const fn is_scarce(&self) -> bool {
        self.is_scarce
    }

    /// Whether a look can lead to anything.
    pub(crate) const fn can_look(&self, now: i64) -> bool {
        self.has(LOOK + FEWEST) && now <= self.until
    }

    /// Takes what a look needs. Answers whether it is the first.
    pub(crate) const fn look(&mut self) -> bool {
        self.spend(LOOK);
        !std::mem::replace(&mut self.is_begun, true)
    }

    /// Whether so many statements are left.
    pub(crate) const fn has(&self, statements: usize) -> bool {
        self.statements >= statements
    }

    /// Takes statements.
    pub(crate) const fn spend(&mut self, statements: usize) {
        self.statements = self.statements.saturating_sub(statements);
    }

    /// Takes requests.
    pub(crate) const fn call(&mut self, requests: usize) {
        self.requests = self.requests.saturating_sub(requests);
    }

    /// Takes what a claim of this many endpoints and its results need at most. Answers how
    /// many endpoints can be claimed.
    pub(crate) fn claim(&mut self, endpoints: usize, now: i64) -> usize {
        let run = usize::try_from(RUN).unwrap_or(1);
        let after_claim = self.statements.saturating_sub(CLAIM);
        let possible = if self.is_scarce && after_claim >= RECORD {
            endpoints
        } else {
            after_claim / RECORD
        };
        let endpoints = endpoints.min(possible).min(self.requests / run);
        if now > self.until || endpoints == 0 {
            return 0;
        }
        self.spend(CLAIM + self.records(endpoints));
        self.call(endpoints * run);
        endpoints
    }

    /// Gives back what a claim of these endpoints did not use.
    pub(crate) fn return_unused(&mut self, endpoints: usize, runs: usize, deliveries: usize) {
        let run = usize::try_from(RUN).unwrap_or(1);
        self.statements += self.records(endpoints) - self.records(runs);
        self.requests += (endpoints * run).saturating_sub(deliveries);
    }

    /// Gives back what writing down the results did not use.
    pub(crate) fn recorded(&mut self, statements: usize) {
        self.statements += RECORD.saturating_sub(statements);
    }

    /// Statements of writing down the results of a claim, at most.
    fn records(&self, endpoints: usize) -> usize {
        let claims = if self.is_scarce {
            endpoints.min(1)
        } else {
            endpoints
        };
        claims * RECORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_ports::MAX_OPEN_CALLS;

    #[test]
    fn a_claim_stays_within_statements_requests_and_time() {
        let mut free = Budget::of(30, 0);
        assert_eq!(free.claim(MAX_OPEN_CALLS, BEGINS_FOR + 1), 0, "it is late");
        assert_eq!(free.claim(MAX_OPEN_CALLS, 0), 5);
        assert_eq!((free.statements, free.requests), (39, 5));
        // Five deliveries to two endpoints, in four statements.
        free.return_unused(5, 2, 5);
        free.recorded(4);
        assert_eq!((free.statements, free.requests), (41, 25));
        // Nothing was due.
        assert_eq!(free.claim(MAX_OPEN_CALLS, 0), 5);
        free.return_unused(5, 0, 0);
        assert_eq!((free.statements, free.requests), (36, 25));
        free.call(21);
        assert_eq!(free.claim(MAX_OPEN_CALLS, 0), 0, "a run may be five");
        let mut paid = Budget::of(450, 0);
        let mut endpoints = paid.claim(MAX_OPEN_CALLS, 0);
        while paid.claim(1, 0) == 1 {
            endpoints += 1;
        }
        assert!(endpoints >= 80, "{endpoints}");
    }

    #[test]
    fn a_minute_without_work_is_looked_at_to_its_end() {
        let mut free = Budget::of(30, 0);
        let looks = std::iter::from_fn(|| free.can_look(0).then(|| free.look()));
        let looks: Vec<bool> = looks.collect();
        assert!(looks.len() > 9 && looks[0] && !looks[1], "{looks:?}");
        assert!(!free.has(LOOK + FEWEST) && free.has(FEWEST));
        assert!(!Budget::of(450, 0).can_look(BEGINS_FOR + 1), "it is late");
    }
}
