//! One tick: reads the chain a bounded part further, judges what was found, and
//! ends orders whose time is over. Whatever breaks, and however many ticks run at
//! once, the next one goes on where the last batch ended.

use crate::chain::{Chain, Opened, Session, place};
use crate::read::{self, Ended};
use crate::settings::Settings;
use crate::{Ports, judge, reorg};
use keywright_domain::dates::rfc3339;
use keywright_edge::http::ApiError;
use keywright_edge::ports::{DatabaseError, Level, Outbound};
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{self, Block, BlockTag};
use keywright_store::audit::Actor;
use keywright_store::chain_attention::{self, Trouble};
use keywright_store::chain_cursors::{self, Cursor, STATEMENTS_TO_LOAD};
use keywright_store::rpc_endpoints::{self, Fault, Faulty, SetAside};
use keywright_store::usdc_orders::{self, EXPIRED_AT_ONCE, STATEMENTS_TO_EXPIRE};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Statements of a tick. D1's free plan allows a Worker 50.
const STATEMENTS: usize = 40;

/// Calls to endpoints of a tick. Workers' free plan allows 50.
const CALLS: usize = 20;

/// For how many seconds an endpoint is set aside that could not be reached: long
/// enough that one that hangs does not hold up every tick.
const OUTAGE: i64 = 150;

/// The same for one that said what is not true.
const DISTRUST: i64 = 3_600;

/// How far behind the time of the chain's last block may be before the operator is
/// told, in seconds.
const BEHIND: i64 = 3_600;

/// What a tick did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WatchReport)]
pub(crate) struct Report {
    /// The time of the last block that was read, RFC 3339; null before the first
    /// tick, and where nothing is watched.
    #[schema(required)]
    pub(crate) read_to: Option<String>,
    /// Blocks read.
    pub(crate) blocks: u64,
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
    pub(crate) market: usdc_orders::Market,
    pub(crate) actor: Actor,
    pub(crate) report: Report,
    statements: usize,
}

/// Runs one tick.
///
/// # Errors
/// [`TickError`].
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<Report, TickError> {
    let (settings, outbound) = match &*ports.watched {
        Ok(Some(watched)) => watched,
        Ok(None) => return Ok(Report::default()),
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
        report: Report::default(),
        // One is for saying how far it came.
        statements: STATEMENTS - STATEMENTS_TO_LOAD - 1,
    };
    tick.run(outbound).await?;
    Ok(tick.report)
}

impl<'a> Tick<'a> {
    async fn run(&mut self, outbound: &'a Outbound) -> Result<(), DatabaseError> {
        let (database, now) = (&self.ports.database, self.actor.at);
        let loaded = chain_cursors::load(database, &self.market, now).await?;
        let mut chain = Chain::new(self.settings, outbound, &loaded.set_aside, CALLS);
        let Some(mut cursor) = loaded.cursor else {
            self.begin(&mut chain).await?;
            return self.told_of(&chain, &loaded.set_aside).await;
        };
        let was_behind = self.is_behind(&cursor);
        let session = self.read(&mut chain, &mut cursor).await?;
        self.told_of(&chain, &loaded.set_aside).await?;
        if let Some(session) = session {
            let faults = chain.faulty.len();
            judge::all(self, &mut chain, &session).await?;
            let rest: Vec<Faulty> = chain.faulty.drain(faults..).collect();
            self.put_aside(&rest, &loaded.set_aside).await?;
        }
        self.report.calls = chain.calls_made();
        self.report.read_to = Some(rfc3339(cursor.place.block_time));
        if self.takes(STATEMENTS_TO_EXPIRE) {
            let ids: [String; EXPIRED_AT_ONCE] =
                std::array::from_fn(|_| self.ports.stamps.new_id());
            let read_to = cursor.place.block_time;
            let (database, market) = (&self.ports.database, &self.market);
            self.report.expired =
                usdc_orders::expire(database, &self.actor, market, read_to, &ids).await?;
        }
        self.say_how_far(&cursor, was_behind).await
    }

    /// The first tick: what is final now, or what the vendor configured, counts as
    /// read.
    async fn begin(&mut self, chain: &mut Chain<'_>) -> Result<(), DatabaseError> {
        let Some(Opened::Agrees(session)) = chain.open(None).await else {
            return Ok(());
        };
        let last = match self.settings.start_block {
            None => Some(session.head),
            Some(first) => self.block_before(chain, &session, first).await,
        };
        let Some(last) = last else { return Ok(()) };
        let range = Adaptive::default().to_store();
        let step_id = self.ports.stamps.new_id();
        let (database, at) = (&self.ports.database, place(&last));
        chain_cursors::begin(database, &self.actor, &self.market, &at, range, &step_id).await?;
        self.report.read_to = Some(rfc3339(last.time));
        Ok(())
    }

    async fn block_before(
        &mut self,
        chain: &mut Chain<'_>,
        session: &Session,
        first: u64,
    ) -> Option<Block> {
        let before = BlockTag::Number(first.saturating_sub(1));
        match chain.ask(session, &rpc::block(before)).await {
            Ok(block) => block,
            Err(error) => {
                chain.lost(session, &error);
                None
            }
        }
    }

    /// Reads with the endpoints in their order, until one has said all there is.
    /// Answers one that can be asked about what was found.
    async fn read(
        &mut self,
        chain: &mut Chain<'_>,
        cursor: &mut Cursor,
    ) -> Result<Option<Session>, DatabaseError> {
        let mut usable = None;
        let mut disagreeing = Vec::new();
        let mut is_agreed = false;
        while let Some(opened) = chain.open(Some(&cursor.place)).await {
            let session = match opened {
                Opened::Agrees(session) => session,
                Opened::Behind => continue,
                Opened::Disagrees(session) => {
                    disagreeing.push(session);
                    continue;
                }
            };
            is_agreed = true;
            let before = cursor.place.block;
            let ended = read::on(self, chain, &session, cursor).await?;
            // One that knows nothing new may be stuck: perhaps the next one does.
            let is_stuck = ended == Ended::Whole && before == session.head.number.cast_signed();
            match ended {
                Ended::Lost => {}
                Ended::Whole | Ended::Overtaken => usable = Some(session),
            }
            if ended != Ended::Lost && !is_stuck {
                break;
            }
        }
        if is_agreed {
            for session in &disagreeing {
                let details = format!("it has another block {}", cursor.place.block);
                chain.caught(session, Fault::Disagrees, &details);
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
    async fn told_of(
        &mut self,
        chain: &Chain<'_>,
        set_aside: &[SetAside],
    ) -> Result<(), DatabaseError> {
        self.report.calls = chain.calls_made();
        let faulty = chain.faulty.clone();
        self.put_aside(&faulty, set_aside).await
    }

    async fn put_aside(
        &mut self,
        faulty: &[Faulty],
        set_aside: &[SetAside],
    ) -> Result<(), DatabaseError> {
        self.report.faulty += faulty.len();
        for one in faulty {
            self.warn(&format!("{}: {}", one.host, one.details));
            let known = set_aside.iter().any(|known| known.id == one.id);
            if known && one.fault.is_outage() || !self.takes(2) {
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
    async fn say_how_far(&self, cursor: &Cursor, was: bool) -> Result<(), DatabaseError> {
        let (database, market) = (&self.ports.database, &self.market);
        match (was, self.is_behind(cursor)) {
            (_, true) => {
                let details = json!({ "read_to": rfc3339(cursor.place.block_time) });
                let id = self.ports.stamps.new_id();
                let behind = Trouble::Behind;
                chain_attention::tell(database, &self.actor, market, behind, &details, &id).await
            }
            (true, false) => {
                chain_attention::over(database, &self.actor, market, Trouble::Behind).await
            }
            (false, false) => Ok(()),
        }
    }

    /// Whether there is room for so many statements more; takes it.
    pub(crate) fn takes(&mut self, statements: usize) -> bool {
        let left = self.statements.checked_sub(statements);
        self.statements = left.unwrap_or(self.statements);
        left.is_some()
    }

    /// Gives back room that was not needed.
    pub(crate) fn gives_back(&mut self, statements: usize) {
        self.statements += statements;
    }

    /// Says something in the log.
    pub(crate) fn warn(&self, line: &str) {
        let log = &self.ports.log;
        log.write(Level::Warn, &self.actor.request_id, line);
    }
}
