//! Chain jobs, a bounded part in a tick: reading a block by the receipts of its
//! transactions, and reading blocks again, or one transaction, for the operator. A job that fails waits longer
//! each time while other jobs go on.

use crate::back;
use crate::chain::{ChainClient, EndpointSession, position};
use crate::claims::paying;
use crate::stretch::{LogReader, ReadEnd};
use crate::tick::Tick;
use keywright_domain::usdc::watching::retry_after;
use keywright_ports::DatabaseError;
use keywright_providers::polygon::Hash;
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{self, RpcError};
use keywright_store::chain::chain_cursors::{BlockPosition, Cursor};
use keywright_store::chain::chain_groups::{self, AddressGroup};
use keywright_store::chain::chain_jobs::{
    self, ChainJob, JobKind, JobProgress, JobState, STATEMENTS_TO_ADVANCE,
};
use keywright_store::chain::transfers::NewTransfer;

/// Ranges that are read again before they are recorded.
const RANGES_AT_ONCE: usize = 4;

/// Maximum length of the stored details of a failure, in bytes.
const MAX_DETAILS: usize = 1_000;

/// Does a part of a job.
pub(crate) async fn work_on(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    cursor: &Cursor,
    job: &ChainJob,
    groups: &[AddressGroup],
    range: &mut Adaptive,
) -> Result<(), DatabaseError> {
    if chain.calls_left() < 2 || !tick.reserve_statements(1 + STATEMENTS_TO_ADVANCE) {
        return Ok(());
    }
    match job.kind {
        JobKind::Block => receipts(tick, chain, session, job).await,
        JobKind::Transaction => transaction(tick, chain, session, job).await,
        JobKind::Range => again(tick, chain, session, cursor, job, groups, range).await,
        // The cursor is moved at the beginning of a tick.
        JobKind::Cursor => Ok(()),
    }
}

/// The transfers in the receipts of a block.
struct BlockPayments {
    found: Vec<NewTransfer>,
    /// The next transaction to read.
    next: usize,
    /// Transactions whose receipts are too large.
    unread: Vec<Hash>,
    /// Why reading ended early.
    error: Option<RpcError>,
}

/// Reads some receipts of a block.
async fn receipts(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    job: &ChainJob,
) -> Result<(), DatabaseError> {
    let call = rpc::block_transactions(job.first_block.cast_unsigned());
    let (block, transactions) = match chain.ask(session, &call).await {
        Ok(Some(known)) => known,
        Ok(None) => return failed(tick, job, "the endpoint does not have the block").await,
        Err(error) => return failed(tick, job, &error.to_string()).await,
    };
    let hash = block.hash.to_string();
    let is_same = job.block_hash.as_deref() == Some(hash.as_str());
    let first = if is_same { job.next_transaction } else { 0 };
    let first = usize::try_from(first).unwrap_or(0);
    let payments = read(tick, chain, session, block.hash, &transactions, first).await;
    if payments.next == first
        && let Some(error) = &payments.error
    {
        return failed(tick, job, &error.to_string()).await;
    }
    let found = ours(tick, payments.found).await?;
    let details = details(job.details.as_deref().filter(|_| is_same), &payments.unread);
    let is_done = payments.next >= transactions.len();
    let state = match (is_done, &details) {
        (false, _) => JobState::Open,
        (true, None) => JobState::Done,
        (true, Some(_)) => JobState::Failed,
    };
    let progress = JobProgress {
        state,
        block_hash: Some(&hash),
        group_number: None,
        next_block: job.next_block,
        next_transaction: i64::try_from(payments.next).unwrap_or(i64::MAX),
        details: details.as_deref(),
        found: &found,
        unread: &[],
    };
    advance(tick, job, &progress).await
}

async fn read(
    tick: &Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    block: Hash,
    transactions: &[Hash],
    first: usize,
) -> BlockPayments {
    let mut payments = BlockPayments {
        found: Vec::new(),
        next: first,
        unread: Vec::new(),
        error: None,
    };
    for transaction in transactions.iter().skip(first) {
        if chain.calls_left() == 0 {
            break;
        }
        match chain.ask(session, &rpc::receipt(*transaction)).await {
            Ok(Some(receipt))
                if receipt.block_hash == block && receipt.transaction == *transaction =>
            {
                let new_id = || tick.ports.stamps.new_id();
                let host = chain.host(session);
                let found = paying(tick.settings, &receipt, host, new_id);
                payments.found.extend(found);
            }
            Ok(_) => {
                payments.error = Some(RpcError::Malformed("it lacks a receipt of the block"));
                break;
            }
            // The receipt itself is too large, for every endpoint.
            Err(RpcError::TooManyResults { .. } | RpcError::CutOff) => {
                payments.unread.push(*transaction);
            }
            Err(error) => {
                payments.error = Some(error);
                break;
            }
        }
        payments.next += 1;
    }
    payments
}

/// Records what one transaction pays to watched addresses, for the operator.
async fn transaction(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    job: &ChainJob,
) -> Result<(), DatabaseError> {
    let Some(Ok(hash)) = job.tx_hash.as_deref().map(str::parse::<Hash>) else {
        return advance(tick, job, &at(job, JobState::Failed, None, job.next_block)).await;
    };
    let receipt = match chain.ask(session, &rpc::receipt(hash)).await {
        Ok(Some(receipt)) if receipt.transaction == hash => receipt,
        Ok(_) => return failed(tick, job, "the endpoint does not have the transaction").await,
        Err(error) => return failed(tick, job, &error.to_string()).await,
    };
    if receipt.block_number > session.head.number {
        return failed(tick, job, "the block of the transaction is not final yet").await;
    }
    let new_id = || tick.ports.stamps.new_id();
    let found = paying(tick.settings, &receipt, chain.host(session), new_id);
    let found = ours(tick, found).await?;
    let block = receipt.block_number;
    let details = match (receipt.succeeded, found.len()) {
        (false, _) => format!("the transaction is in block {block} and failed: it moved nothing"),
        (true, 0) => format!("the transaction is in block {block} and pays no watched address"),
        (true, 1) => format!("the transaction is in block {block}: 1 payment is recorded"),
        (true, count) => {
            format!("the transaction is in block {block}: {count} payments are recorded")
        }
    };
    let progress = JobProgress {
        details: Some(&details),
        found: &found,
        ..at(job, JobState::Done, None, job.next_block)
    };
    advance(tick, job, &progress).await
}

/// The transfers to watched addresses.
async fn ours(tick: &Tick<'_>, found: Vec<NewTransfer>) -> Result<Vec<NewTransfer>, DatabaseError> {
    let wallet = tick.settings.wallet.map(|wallet| wallet.lower());
    let mut recipients: Vec<String> = found.iter().map(|one| one.recipient.clone()).collect();
    recipients.sort_unstable();
    recipients.dedup();
    if recipients.is_empty() {
        return Ok(found);
    }
    let (database, market) = (&tick.ports.database, &tick.market);
    let held = chain_groups::held(database, market, &recipients).await?;
    let is_ours = |one: &NewTransfer| {
        held.contains(&one.recipient) || wallet.as_ref() == Some(&one.recipient)
    };
    Ok(found.into_iter().filter(is_ours).collect())
}

/// The transactions that could not be read, now and before.
fn details(before: Option<&str>, unread: &[Hash]) -> Option<String> {
    let mut all = before.unwrap_or_default().to_owned();
    for transaction in unread {
        let text = if all.is_empty() {
            format!("receipts that no endpoint returns in full: {transaction}")
        } else {
            format!(", {transaction}")
        };
        if all.len() + text.len() <= MAX_DETAILS {
            all.push_str(&text);
        }
    }
    (!all.is_empty()).then_some(all)
}

/// Reads a part of a range of blocks again, for one group after the other.
async fn again(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    cursor: &Cursor,
    job: &ChainJob,
    groups: &[AddressGroup],
    range: &mut Adaptive,
) -> Result<(), DatabaseError> {
    // The cursor reads the blocks after its own.
    let last = job.last_block.min(cursor.place.block);
    let group_number = match job.group_number {
        Some(number) => Some(number),
        None => next_group(groups, None),
    };
    let (Some(group_number), true) = (group_number, job.first_block <= last) else {
        return advance(tick, job, &at(job, JobState::Done, None, job.next_block)).await;
    };
    let addresses = back::addresses(tick, group_number).await?;
    let mut reader = LogReader::new(tick, &addresses, *range);
    let behind = job.next_block.saturating_sub(1).max(0);
    let span = [behind, last].map(i64::cast_unsigned);
    let stretch = if behind < last {
        let (chain, ranges) = (&mut *chain, RANGES_AT_ONCE);
        Some(reader.stretch(tick, chain, session, span, ranges).await)
    } else {
        None
    };
    *range = reader.range;
    let Some(stretch) = stretch else {
        return advance(tick, job, &next_group_progress(job, groups, group_number)).await;
    };
    if stretch.to == span[0] && stretch.ended == ReadEnd::Lost {
        return failed(tick, job, "the blocks could not be read").await;
    }
    let unread: Vec<BlockPosition> = stretch.unread.iter().map(position).collect();
    let to = stretch.to.cast_signed();
    let progress = if to >= last {
        next_group_progress(job, groups, group_number)
    } else {
        at(job, JobState::Open, Some(group_number), to + 1)
    };
    tick.report.second_blocks += stretch.to - span[0];
    let progress = JobProgress {
        found: &stretch.found,
        unread: &unread,
        ..progress
    };
    advance(tick, job, &progress).await
}

/// The progress after a group was read to the end.
fn next_group_progress<'a>(
    job: &ChainJob,
    groups: &[AddressGroup],
    group_number: i64,
) -> JobProgress<'a> {
    match next_group(groups, Some(group_number)) {
        Some(next) => at(job, JobState::Open, Some(next), job.first_block),
        None => at(job, JobState::Done, Some(group_number), job.last_block),
    }
}

fn next_group(groups: &[AddressGroup], after: Option<i64>) -> Option<i64> {
    let numbers = groups.iter().map(|group| group.group_number);
    let later = numbers.filter(|number| after.is_none_or(|after| *number > after));
    later.min()
}

fn at<'a>(
    job: &ChainJob,
    state: JobState,
    group_number: Option<i64>,
    next_block: i64,
) -> JobProgress<'a> {
    JobProgress {
        state,
        block_hash: None,
        group_number,
        next_block,
        next_transaction: job.next_transaction,
        details: None,
        found: &[],
        unread: &[],
    }
}

async fn advance(
    tick: &mut Tick<'_>,
    job: &ChainJob,
    progress: &JobProgress<'_>,
) -> Result<(), DatabaseError> {
    let step_id = tick.ports.stamps.new_id();
    let (database, actor, market) = (&tick.ports.database, &tick.actor, &tick.market);
    let moved = chain_jobs::advance(database, actor, market, job, progress, &step_id).await?;
    if moved {
        tick.report.found += progress.found.len();
    }
    Ok(())
}

/// Schedules a retry of a job, or leaves it to the operator.
pub(crate) async fn failed(
    tick: &mut Tick<'_>,
    job: &ChainJob,
    details: &str,
) -> Result<(), DatabaseError> {
    tick.warn(&format!(
        "chain job from block {}: {details}",
        job.first_block
    ));
    let due_at = retry_after(job.failures).map(|wait| tick.actor.at + wait);
    let step_id = tick.ports.stamps.new_id();
    let (database, actor) = (&tick.ports.database, &tick.actor);
    chain_jobs::failed(database, actor, job, details, due_at, &step_id).await
}
