//! One tick: reads the chain a bounded part further, judges what was found, and
//! ends orders whose time is over. Whatever breaks, and however many ticks run at
//! once, the next one goes on where the last batch ended.

use crate::chain::{ChainClient, EndpointSession, OpenedEndpoint, place};
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
use keywright_web::ApiError;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Statements of a tick: as many as D1's free plan allows a Worker. With one less, an
/// endpoint that reads ten blocks a call could not keep up with the chain.
const STATEMENTS: usize = 50;

/// Calls to endpoints of a tick. Workers' free plan allows 50.
const CALLS: usize = 46;

/// Of those, the ones that are kept for judging what was found: a second endpoint and
/// one or two transfers. What reading does not need is for judging too.
pub(crate) const JUDGE_CALLS: usize = 12;

/// And the ones that are kept for reading behind the cursor: to open another endpoint,
/// to get past a single block that is refused, and to do some of the work beside.
pub(crate) const BACK_CALLS: usize = 10 + back::JOB_CALLS;

/// Statements that are kept for reading behind the cursor, where something is due.
const BACK_STATEMENTS: usize = 1 + STATEMENTS_TO_WORK;

/// Statements that are kept for ending orders, where some are over.
const END_STATEMENTS: usize = STATEMENTS_TO_EXPIRE;

/// For how many seconds an endpoint is set aside that could not be reached: long
/// enough that one that hangs does not hold up every tick.
const OUTAGE: i64 = 150;

/// The same for one that said what is not true.
const DISTRUST: i64 = 3_600;

/// How far behind the time of the chain's last block may be before the operator is
/// told, in seconds: half as long as an order can be paid, and twice as long as the
/// longest stall of Polygon's finality.
const BEHIND: i64 = 1_800;

/// What a tick did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WatchReport)]
pub(crate) struct TickReport {
    /// The time of the last block that was read, RFC 3339; null before the first
    /// tick, and where nothing is watched.
    #[schema(required)]
    pub(crate) read_to: Option<String>,
    /// Blocks read.
    pub(crate) blocks: u64,
    /// Blocks read once more, of one group of addresses each.
    pub(crate) second_blocks: u64,
    /// Calls made to endpoints.
    pub(crate) calls: usize,
    /// Endpoints that did not answer as they should.
    pub(crate) faulty: usize,
    /// Transfers found.
    pub(crate) found: usize,
    /// Orders settled.
    pub(crate) credited: usize,
    /// Transfers left to the operator.
    pub(crate) unmatched: usize,
    /// Transfers to look at again, because the chain could not be asked about them.
    pub(crate) put_off: usize,
    /// Orders that were not paid in time.
    pub(crate) expired: usize,
}

/// Why a tick did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<TickError> for ApiError {
    fn from(error: TickError) -> Self {
        match error {
            TickError::Configuration(reason) => Self::unavailable(
                "service_unavailable",
                "what is configured for payments in USDC cannot be used",
                reason,
            ),
            TickError::Database(error) => error.into(),
        }
    }
}

/// What a tick works with.
pub(crate) struct Tick<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) settings: &'a Settings,
    pub(crate) market: usdc_orders::ChainToken,
    pub(crate) actor: Actor,
    pub(crate) report: TickReport,
    /// What is watched, once it was loaded.
    pub(crate) watched: Option<WatchedAddresses>,
    statements: usize,
    /// Of those, the ones that are kept for reading behind the cursor, and for ending
    /// orders.
    kept: [usize; 2],
    /// Orders that have an address of their own end by this time at the latest, in
    /// unix seconds, because not all of them could be followed with the cursor.
    own_read_to: Option<i64>,
    /// Groups that are watched.
    groups: usize,
    /// Hosts of endpoints that failed, and how.
    failures: Vec<String>,
}

/// Runs one tick.
///
/// # Errors
/// [`TickError`].
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
        // One is for saying how far it came.
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

    /// Ends orders whose time is over, and lets go of what they held.
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

    /// Moves the cursor to where the operator wants it.
    async fn move_cursor(
        &mut self,
        chain: &mut ChainClient<'_>,
        cursor: &Cursor,
        job: &ChainJob,
    ) -> Result<(), DatabaseError> {
        let Some(OpenedEndpoint::Agrees(session)) = chain.open(None).await else {
            return jobs::failed(self, job, "no endpoint could be asked").await;
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
        let to = place(&block);
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

    /// The first tick: what is final now, or what the vendor configured, counts as
    /// read.
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
        let (database, at) = (&self.ports.database, place(&last));
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

    /// Reads with the endpoints in their order, until one has said all there is.
    /// Answers one that can be asked about what was found.
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
            // One that knows nothing new may be stuck: perhaps the next one does.
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
                let details = format!("it has another block {}", cursor.place.block);
                chain.report_fault(session, EndpointFault::Disagrees, &details);
            }
        } else if let Some(session) = disagreeing.first() {
            if chain.unreached {
                // Whoever could not be asked may agree with what was read.
                self.warn("an endpoint has other blocks than those read, and another is away");
            } else {
                reorg::repair(self, chain, session, cursor).await?;
            }
        }
        Ok(usable)
    }

    /// Sets aside those that failed.
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
                OUTAGE
            } else {
                DISTRUST
            };
            let until = self.actor.at + seconds;
            let id = self.ports.stamps.new_id();
            rpc_endpoints::put_aside(&self.ports.database, &self.actor, one, until, &id).await?;
        }
        Ok(())
    }

    fn is_behind(&self, cursor: &Cursor) -> bool {
        self.actor.at - cursor.place.block_time > BEHIND
    }

    /// Tells the operator when what was read last is long ago, and when it is no
    /// longer.
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

    /// Whether there is room for so many statements more, beside those that are kept
    /// for later; takes it.
    pub(crate) fn reserve_statements(&mut self, statements: usize) -> bool {
        let kept: usize = self.kept.iter().sum();
        let is_room = self.statements >= statements + kept;
        if is_room {
            self.statements -= statements;
        }
        is_room
    }

    /// Keeps room for what is due later in the tick, when the chain can be read up to
    /// a block of this time.
    pub(crate) fn reserve_for_due_work(&mut self, watched: &WatchedAddresses, head: i64) {
        let is_over = |first: Option<i64>| first.is_some_and(|first| first < head);
        let is_ending = is_over(watched.first_end) || is_over(watched.first_release);
        let is_due = watched.job.is_some() || back::is_due(self, watched);
        self.kept = [
            if is_due { BACK_STATEMENTS } else { 0 },
            if is_ending { END_STATEMENTS } else { 0 },
        ];
        self.groups = watched.groups.len();
        // Those that are not followed are known to be unpaid when their groups were read.
        self.own_read_to = watched.is_overflowing.then(|| {
            let own = watched.groups.iter();
            let own = own.filter(|group| group.group_number != WALLET_GROUP);
            let open = own.filter(|group| group.orders_until >= group.block_time);
            open.map(|group| group.block_time).min().unwrap_or(head)
        });
    }

    /// Gives back what recording did not need.
    pub(crate) fn release_unused(&mut self, found: &[NewTransfer], unread: &[BlockPosition]) {
        if found.is_empty() {
            self.release_statements(STATEMENTS_TO_RECORD);
        }
        if unread.is_empty() {
            self.release_statements(1);
        }
    }

    /// Gives back room that was not needed.
    pub(crate) fn release_statements(&mut self, statements: usize) {
        self.statements += statements;
    }

    /// Says something in the log.
    pub(crate) fn warn(&self, line: &str) {
        let log = &self.ports.log;
        log.write(Level::Warn, &self.actor.request_id, line);
    }
}
