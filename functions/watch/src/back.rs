//! Reads behind the cursor: one group of addresses after the other, and chain jobs. This
//! second reading finds what an endpoint left out of its answer, with another endpoint
//! where there is one, and lets any number of addresses be watched.

use crate::chain::{ChainClient, EndpointSession, OpenedEndpoint, position};
use crate::jobs;
use crate::stretch::{LogReader, ReadEnd};
use crate::tick::Tick;
use keywright_domain::usdc::watching::{WALLET_GROUP, retry_after, urgency};
use keywright_ports::DatabaseError;
use keywright_providers::polygon::range::Adaptive;
use keywright_store::chain::chain_cursors::{self, BlockPosition, Cursor};
use keywright_store::chain::chain_groups::{
    self, AddressGroup, GroupProgress, STATEMENTS_TO_ADVANCE, WatchedAddresses,
};

/// Ranges of a group that are read before they are recorded.
const RANGES_AT_ONCE: usize = 4;

/// Calls that are reserved for a chain job, if one is due.
pub(crate) const JOB_CALLS: usize = 4;

/// Reads the groups that are due, the most urgent first, and works on a chain job.
pub(crate) async fn read_due_groups(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    cursor: &Cursor,
) -> Result<(), DatabaseError> {
    let Some(watched) = tick.watched.take() else {
        return Ok(());
    };
    let due = due(tick, &watched);
    if due.is_empty() && watched.job.is_none() {
        return Ok(());
    }
    let other = another(chain, cursor).await;
    let session = other.as_ref().unwrap_or(session);
    let stored = cursor.back_range().map(Adaptive::stored);
    let mut range = stored.unwrap_or_default();
    if watched.job.is_some() {
        chain.keep(JOB_CALLS);
    }
    for (group, up_to) in &due {
        if !read_group(tick, chain, session, group, up_to, &mut range).await? {
            break;
        }
    }
    chain.keep(0);
    if let Some(job) = &watched.job {
        jobs::work_on(
            tick,
            chain,
            session,
            cursor,
            job,
            &watched.groups,
            &mut range,
        )
        .await?;
    }
    if stored != Some(range) && tick.reserve_statements(1) {
        let (database, market) = (&tick.ports.database, &tick.market);
        chain_cursors::keep_back_range(database, market, range.to_store()).await?;
    }
    Ok(())
}

/// Another endpoint that agrees with what was read.
async fn another(chain: &mut ChainClient<'_>, cursor: &Cursor) -> Option<EndpointSession> {
    match chain.open(Some(&cursor.place)).await {
        Some(OpenedEndpoint::Agrees(session)) => Some(session),
        // A wrong answer is noticed when the cursor is followed with this endpoint.
        Some(OpenedEndpoint::Behind | OpenedEndpoint::Disagrees(_)) | None => None,
    }
}

/// True when a group is due.
pub(crate) fn is_due(tick: &Tick<'_>, watched: &WatchedAddresses) -> bool {
    !due(tick, watched).is_empty()
}

/// The groups that are due, the most urgent first, and the position up to which each is
/// read.
fn due(tick: &Tick<'_>, watched: &WatchedAddresses) -> Vec<(AddressGroup, BlockPosition)> {
    let Some(up_to) = &watched.second_look else {
        return Vec::new();
    };
    let mut due: Vec<(i64, &AddressGroup)> = watched
        .groups
        .iter()
        .filter(|group| group.due_at <= tick.actor.at)
        .filter_map(|group| {
            // The shared wallet can always be paid.
            let idle = match group.group_number {
                WALLET_GROUP => 0,
                _ => up_to.block_time - group.orders_until,
            };
            Some((urgency(up_to.block - group.block, idle)?, group))
        })
        .collect();
    due.sort_by_key(|(urgency, group)| (-urgency, group.group_number));
    due.into_iter()
        .map(|(_, group)| (group.clone(), up_to.clone()))
        .collect()
}

/// Reads a part of a group; returns false when no further group can be read.
async fn read_group(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    group: &AddressGroup,
    up_to: &BlockPosition,
    range: &mut Adaptive,
) -> Result<bool, DatabaseError> {
    if chain.calls_left() < 2 || !tick.reserve_statements(1 + STATEMENTS_TO_ADVANCE) {
        return Ok(false);
    }
    let addresses = addresses(tick, group.group_number).await?;
    let mut reader = LogReader::new(tick, &addresses, *range);
    let from = group.block.cast_unsigned();
    let span = [from, up_to.block.cast_unsigned()];
    let stretch = reader
        .stretch(tick, chain, session, span, RANGES_AT_ONCE)
        .await;
    *range = reader.range;
    let database = &tick.ports.database;
    if stretch.to == from {
        tick.release_statements(STATEMENTS_TO_ADVANCE - 1);
        let wait = retry_after(group.failures.min(8)).unwrap_or(0);
        let due_at = match stretch.ended {
            ReadEnd::Lost => tick.actor.at + wait,
            // The range became narrower, or no calls are left.
            ReadEnd::Whole | ReadEnd::Overtaken => tick.actor.at,
        };
        if due_at > tick.actor.at {
            chain_groups::put_off(database, &tick.market, group, due_at).await?;
        } else {
            tick.release_statements(1);
        }
        return Ok(stretch.ended != ReadEnd::Lost);
    }
    let unread: Vec<BlockPosition> = stretch.unread.iter().map(position).collect();
    let read = GroupProgress {
        block: stretch.to.cast_signed(),
        block_time: match &stretch.end {
            _ if stretch.to == span[1] => up_to.block_time,
            Some(end) => end.time,
            None => group.block_time,
        },
        found: &stretch.found,
        unread: &unread,
    };
    let step_id = tick.ports.stamps.new_id();
    let (actor, market) = (&tick.actor, &tick.market);
    let moved = chain_groups::advance(database, actor, market, group, &read, &step_id).await?;
    tick.release_unused(&stretch.found, &unread);
    if moved {
        tick.report.second_blocks += stretch.to - from;
        tick.report.found += stretch.found.len();
    }
    Ok(stretch.ended != ReadEnd::Lost)
}

/// The addresses of a group; the shared wallet is in a group of its own.
pub(crate) async fn addresses(
    tick: &Tick<'_>,
    group_number: i64,
) -> Result<Vec<String>, DatabaseError> {
    let (database, market) = (&tick.ports.database, &tick.market);
    let mut found = chain_groups::addresses(database, market, group_number).await?;
    if group_number == WALLET_GROUP {
        found.extend(tick.settings.wallet.map(|wallet| wallet.lower()));
    }
    Ok(found)
}
