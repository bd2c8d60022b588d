//! One tick: reads the next bounded part of the chain, judges the transfers that it
//! found, and ends orders that were not paid in time. Every batch is atomic, so that after
//! a crash, or with overlapping ticks, the next tick resumes after the last batch.

use crate::chain::{ChainClient, EndpointSession, OpenedEndpoint, position};
use crate::report::{TickError, TickReport};
use crate::settings::Settings;
use crate::stretch::ReadEnd;
use crate::{Ports, back, follow, jobs, judge, reorg};
use keywright_domain::dates::rfc3339;
use keywright_domain::usdc::watching::{WALLET_GROUP, watched_for};
use keywright_ports::{DatabaseError, Level, Outbound};
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{self, Block, BlockTag};
use keywright_store::chain::address_release::{self, STATEMENTS_TO_RELEASE};
use keywright_store::chain::chain_attention::{self, ChainTrouble};
use keywright_store::chain::chain_cursors::{self, BlockPosition, Cursor, STATEMENTS_TO_LOAD};
use keywright_store::chain::chain_groups::WatchedAddresses;
use keywright_store::chain::chain_job_requests;
use keywright_store::chain::chain_jobs::{ChainJob, STATEMENTS_TO_ADVANCE as STATEMENTS_TO_WORK};
use keywright_store::chain::rpc_endpoints::{
    self, EndpointFault, EndpointSetAside, FaultyEndpoint,
};
use keywright_store::chain::transfers::{NewTransfer, STATEMENTS_TO_RECORD};
use keywright_store::chain::usdc_order_ending::{self, EXPIRED_AT_ONCE, STATEMENTS_TO_EXPIRE};
use keywright_store::chain::usdc_orders;
use keywright_store::operator::audit::Actor;
use serde_json::json;

/// Statements of a tick: as many as D1's free plan allows for an invocation. With one
/// less, an endpoint that reads ten blocks a call could not keep up with the chain.
const STATEMENTS: usize = 50;

/// Calls of a tick to endpoints. The free plan of Workers allows 50 for an invocation.
const CALLS: usize = 46;

/// Calls of those that are reserved for judging: enough for a second endpoint and one or
/// two transfers. Judging also gets the calls that reading does not need.
pub(crate) const JUDGE_CALLS: usize = 12;

/// Calls that are reserved for reading behind the cursor: to open another endpoint, to
/// get past a single block that is refused, and for chain jobs.
pub(crate) const BACK_CALLS: usize = 10 + back::JOB_CALLS;

/// Statements that are reserved for reading behind the cursor, if something is due.
const BACK_STATEMENTS: usize = 1 + STATEMENTS_TO_WORK;

/// Statements that are reserved for ending orders, if some have expired.
const END_STATEMENTS: usize = STATEMENTS_TO_EXPIRE;

/// How many seconds an unreachable endpoint is set aside: long enough that one that hangs
/// does not delay every tick.
const OUTAGE_SECONDS: i64 = 150;

/// The same for an endpoint that gave a wrong answer.
const DISTRUST_SECONDS: i64 = 3_600;

/// How old the last block that was read may be before that is reported to the operator,
/// in seconds: half as long as an order can be paid, and twice as long as the longest stall
/// of Polygon's finality.
const MAX_DELAY: i64 = 1_800;

/// The state of a running tick.
pub(crate) struct Tick<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) settings: &'a Settings,
    pub(crate) market: usdc_orders::ChainToken,
    pub(crate) actor: Actor,
    pub(crate) report: TickReport,
    /// The watched addresses, once they are loaded.
    pub(crate) watched: Option<WatchedAddresses>,
    /// Remaining statements.
    statements: usize,
    /// Statements of those that are reserved: for reading behind the cursor, and for
    /// ending orders.
    kept: [usize; 2],
    /// Orders with an address of their own may end by this time, in unix seconds. Set when
    /// the cursor cannot follow all of them.
    own_read_to: Option<i64>,
    /// Number of watched groups.
    groups: usize,
    /// Which endpoints failed, and how.
    failures: Vec<String>,
}

/// Runs one tick.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<TickReport, TickError> {
    let (settings, outbound) = match &*ports.watched {
        Ok(Some(watched)) => watched,
        Ok(None) => return Ok(TickReport::default()),
        Err(reason) => return Err(TickError::Configuration(reason.clone())),
    };
    let mut tick = Tick {
        ports,
        settings,
        market: settings.stored(),
        actor: Actor {
            name: "watch".into(),
            at: ports.stamps.now(),
            request_id: request_id.to_owned(),
        },
        report: TickReport::default(),
        watched: None,
        // One statement is for reporting a delay.
        statements: STATEMENTS - STATEMENTS_TO_LOAD - 1,
        kept: [0, END_STATEMENTS],
        own_read_to: None,
        groups: 0,
        failures: Vec::new(),
    };
    tick.run(outbound).await?;
    Ok(tick.report)
}

impl<'a> Tick<'a> {
    async fn run(&mut self, outbound: &'a Outbound) -> Result<(), DatabaseError> {
        let (database, now) = (&self.ports.database, self.actor.at);
        let loaded = chain_cursors::load(database, &self.market, now).await?;
        let mut chain = ChainClient::new(self.settings, outbound, &loaded.set_aside, CALLS);
        let Some(mut cursor) = loaded.cursor else {
            self.begin(&mut chain).await?;
            return self.report_faults(&chain, &loaded.set_aside).await;
        };
        if let Some(job) = &loaded.cursor_move {
            self.move_cursor(&mut chain, &cursor, job).await?;
            return self.report_faults(&chain, &loaded.set_aside).await;
        }
        let was_behind = self.is_behind(&cursor);
        let session = self.read(&mut chain, &mut cursor).await?;
        self.report_faults(&chain, &loaded.set_aside).await?;
        let faults = chain.faulty.len();
        chain.keep(BACK_CALLS);
        judge::judge_waiting(self, &mut chain, session.as_ref()).await?;
        chain.keep(0);
        self.kept[0] = 0;
        if let Some(session) = &session {
            back::read_due_groups(self, &mut chain, session, &cursor).await?;
        }
        let rest: Vec<FaultyEndpoint> = chain.faulty.drain(faults..).collect();
        self.put_aside(&rest, &loaded.set_aside).await?;
        self.kept = [0; 2];
        self.report.calls = chain.calls_made();
        self.report.read_to = Some(rfc3339(cursor.place.block_time));
        self.end_orders(&cursor).await?;
        self.report_delay(&cursor, was_behind).await
    }

    /// Ends orders that were not paid in time, and releases their amounts and addresses.
    async fn end_orders(&mut self, cursor: &Cursor) -> Result<(), DatabaseError> {
        let read_to = cursor.place.block_time;
        let (database, market) = (&self.ports.database, &self.market);
        if self.statements >= STATEMENTS_TO_EXPIRE {
            self.statements -= STATEMENTS_TO_EXPIRE;
            let ids: [String; EXPIRED_AT_ONCE] =
                std::array::from_fn(|_| self.ports.stamps.new_id());
            let read_to = self.own_read_to.map_or(read_to, |own| own.min(read_to));
            self.report.expired =
                usdc_order_ending::expire(database, &self.actor, market, read_to, &ids).await?;
        }
        if self.groups > 1 && self.statements >= STATEMENTS_TO_RELEASE {
            self.statements -= STATEMENTS_TO_RELEASE;
            let kept = watched_for(self.groups);
            address_release::release(database, market, read_to, kept).await?;
        }
        Ok(())
    }

    /// Moves the cursor to the block that the operator asked for.
    async fn move_cursor(
        &mut self,
        chain: &mut ChainClient<'_>,
        cursor: &Cursor,
        job: &ChainJob,
    ) -> Result<(), DatabaseError> {
        let Some(OpenedEndpoint::Agrees(session)) = chain.open(None).await else {
            return jobs::failed(self, job, "no endpoint is available").await;
        };
        let number = job.first_block.cast_unsigned();
        if number > session.head.number {
            return jobs::failed(self, job, "the block is not final yet").await;
        }
        let block = if number == session.head.number {
            Some(session.head)
        } else {
            self.block(chain, &session, number).await
        };
        let Some(block) = block else {
            return jobs::failed(self, job, "the endpoint does not have the block").await;
        };
        let step_id = self.ports.stamps.new_id();
        let (database, actor, market) = (&self.ports.database, &self.actor, &self.market);
        let steps = [cursor.step_id.as_str(), job.id.as_str()];
        let to = position(&block);
        let moved =
            chain_job_requests::move_cursor(database, actor, market, steps, &to, &step_id).await?;
        if moved {
            self.warn(&format!(
                "{} moved the cursor to block {number}",
                job.requested_by
            ));
            self.report.read_to = Some(rfc3339(to.block_time));
        }
        Ok(())
    }

    /// The first tick: the blocks up to the newest final one, or up to the configured
    /// start, count as read.
    async fn begin(&mut self, chain: &mut ChainClient<'_>) -> Result<(), DatabaseError> {
        let Some(OpenedEndpoint::Agrees(session)) = chain.open(None).await else {
            return Ok(());
        };
        let last = match self.settings.start_block {
            None => Some(session.head),
            Some(first) => self.block(chain, &session, first.saturating_sub(1)).await,
        };
        let Some(last) = last else { return Ok(()) };
        let range = Adaptive::default().to_store();
        let step_id = self.ports.stamps.new_id();
        let (database, at) = (&self.ports.database, position(&last));
        chain_cursors::begin(database, &self.actor, &self.market, &at, range, &step_id).await?;
        self.report.read_to = Some(rfc3339(last.time));
        Ok(())
    }

    async fn block(
        &mut self,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        number: u64,
    ) -> Option<Block> {
        let call = rpc::block(BlockTag::Number(number));
        match chain.ask(session, &call).await {
            Ok(block) => block,
            Err(error) => {
                chain.report_failure(session, &error);
                None
            }
        }
    }

    /// Reads with one endpoint after the other, until one has no more to read. Returns an
    /// endpoint for judging.
    async fn read(
        &mut self,
        chain: &mut ChainClient<'_>,
        cursor: &mut Cursor,
    ) -> Result<Option<EndpointSession>, DatabaseError> {
        let mut usable = None;
        let mut disagreeing = Vec::new();
        let mut is_agreed = false;
        while let Some(opened) = chain.open(Some(&cursor.place)).await {
            let session = match opened {
                OpenedEndpoint::Agrees(session) => session,
                OpenedEndpoint::Behind => continue,
                OpenedEndpoint::Disagrees(session) => {
                    disagreeing.push(session);
                    continue;
                }
            };
            is_agreed = true;
            let before = cursor.place.block;
            let ended = follow::follow(self, chain, &session, cursor).await?;
            // An endpoint without a newer block may be stuck: try the next one too.
            let is_stuck = ended == ReadEnd::Whole && before == session.head.number.cast_signed();
            match ended {
                ReadEnd::Lost => {}
                ReadEnd::Whole | ReadEnd::Overtaken => usable = Some(session),
            }
            if ended != ReadEnd::Lost && !is_stuck {
                break;
            }
        }
        if is_agreed {
            for session in &disagreeing {
                let details = format!("it has a different block {}", cursor.place.block);
                chain.report_fault(session, EndpointFault::Disagrees, &details);
            }
        } else if let Some(session) = disagreeing.first() {
            if chain.unreached {
                // The endpoint that could not be asked may agree with what was read.
                self.warn(
                    "an endpoint has different blocks than those read, and another is unreachable",
                );
            } else {
                reorg::repair(self, chain, session, cursor).await?;
            }
        }
        Ok(usable)
    }

    /// Sets aside the endpoints that failed.
    async fn report_faults(
        &mut self,
        chain: &ChainClient<'_>,
        set_aside: &[EndpointSetAside],
    ) -> Result<(), DatabaseError> {
        self.report.calls = chain.calls_made();
        let faulty = chain.faulty.clone();
        self.put_aside(&faulty, set_aside).await
    }

    async fn put_aside(
        &mut self,
        faulty: &[FaultyEndpoint],
        set_aside: &[EndpointSetAside],
    ) -> Result<(), DatabaseError> {
        self.report.faulty += faulty.len();
        for one in faulty {
            let line = format!("{}: {}", one.host, one.details);
            self.warn(&line);
            self.failures.push(line);
            let known = set_aside.iter().any(|known| known.id == one.id);
            if known && one.fault.is_outage() || !self.reserve_statements(2) {
                continue;
            }
            let seconds = if one.fault.is_outage() {
                OUTAGE_SECONDS
            } else {
                DISTRUST_SECONDS
            };
            let until = self.actor.at + seconds;
            let id = self.ports.stamps.new_id();
            rpc_endpoints::put_aside(&self.ports.database, &self.actor, one, until, &id).await?;
        }
        Ok(())
    }

    fn is_behind(&self, cursor: &Cursor) -> bool {
        self.actor.at - cursor.place.block_time > MAX_DELAY
    }

    /// Reports to the operator that reading is delayed, or resolves that.
    async fn report_delay(&self, cursor: &Cursor, was: bool) -> Result<(), DatabaseError> {
        let (database, market) = (&self.ports.database, &self.market);
        match (was, self.is_behind(cursor)) {
            (_, true) => {
                let details = json!({
                    "read_to": rfc3339(cursor.place.block_time),
                    "block": cursor.place.block,
                    "behind_seconds": self.actor.at - cursor.place.block_time,
                    "endpoints": self.failures,
                });
                let id = self.ports.stamps.new_id();
                let behind = ChainTrouble::Behind;
                chain_attention::report(database, &self.actor, market, behind, &details, &id).await
            }
            (true, false) => {
                chain_attention::resolve(database, &self.actor, market, ChainTrouble::Behind).await
            }
            (false, false) => Ok(()),
        }
    }

    /// Takes this many statements, if they are left beside the reserved ones; returns
    /// false if not.
    pub(crate) fn reserve_statements(&mut self, statements: usize) -> bool {
        let kept: usize = self.kept.iter().sum();
        let is_room = self.statements >= statements + kept;
        if is_room {
            self.statements -= statements;
        }
        is_room
    }

    /// Reserves statements for work that is due later in the tick, when the chain can be
    /// read up to a block of the time `head`.
    pub(crate) fn reserve_for_due_work(&mut self, watched: &WatchedAddresses, head: i64) {
        let is_over = |first: Option<i64>| first.is_some_and(|first| first < head);
        let is_ending = is_over(watched.first_end) || is_over(watched.first_release);
        let is_due = watched.job.is_some() || back::is_due(self, watched);
        self.kept = [
            if is_due { BACK_STATEMENTS } else { 0 },
            if is_ending { END_STATEMENTS } else { 0 },
        ];
        self.groups = watched.groups.len();
        // Orders that are not followed are known to be unpaid only once their groups were
        // read.
        self.own_read_to = watched.is_overflowing.then(|| {
            let own = watched.groups.iter();
            let own = own.filter(|group| group.group_number != WALLET_GROUP);
            let open = own.filter(|group| group.orders_until >= group.block_time);
            open.map(|group| group.block_time).min().unwrap_or(head)
        });
    }

    /// Releases the statements that recording did not need.
    pub(crate) fn release_unused(&mut self, found: &[NewTransfer], unread: &[BlockPosition]) {
        if found.is_empty() {
            self.release_statements(STATEMENTS_TO_RECORD);
        }
        if unread.is_empty() {
            self.release_statements(1);
        }
    }

    /// Releases statements that were not needed.
    pub(crate) fn release_statements(&mut self, statements: usize) {
        self.statements += statements;
    }

    /// Writes a warning to the log.
    pub(crate) fn warn(&self, line: &str) {
        let log = &self.ports.log;
        log.write(Level::Warn, &self.actor.request_id, line);
    }
}
