//! What was read counted as final, and is no longer part of the chain: goes back
//! to where it still is, and reads on from there.

use crate::chain::{ChainClient, EndpointSession};
use crate::tick::Tick;
use keywright_ports::DatabaseError;
use keywright_providers::polygon::rpc::{self, BlockTag};
use keywright_store::chain::chain_attention::{self, ChainTrouble};
use keywright_store::chain::chain_cursors::{self, BlockPosition, Cursor, STATEMENTS_TO_STEP_BACK};
use serde_json::json;

/// Goes back to the newest checkpoint that is still part of the chain. What was
/// recorded behind it is marked, and the next tick reads it again.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn repair(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    cursor: &mut Cursor,
) -> Result<(), DatabaseError> {
    if !tick.reserve_statements(1 + STATEMENTS_TO_STEP_BACK) {
        return Ok(());
    }
    let before = cursor.place.block;
    let (database, market) = (&tick.ports.database, &tick.market);
    let places = chain_cursors::checkpoints(database, market, before).await?;
    let Some(found) = newest_kept(chain, session, &places).await else {
        // Asked for again by the next tick.
        return Ok(());
    };
    let Some(to) = found else {
        tick.warn("no block that was read is part of the chain any more");
        let details = json!({ "block": before, "block_hash": cursor.place.block_hash });
        let id = tick.ports.stamps.new_id();
        let replaced = ChainTrouble::Replaced;
        return chain_attention::report(database, &tick.actor, market, replaced, &details, &id)
            .await;
    };
    let step_id = tick.ports.stamps.new_id();
    let (block, new) = (to.block, &step_id);
    if chain_cursors::step_back(database, &tick.actor, market, cursor, to, new).await? {
        tick.warn(&format!("blocks {} to {before} were replaced", block + 1));
        cursor.place = to.clone();
        cursor.step_id = step_id;
    }
    Ok(())
}

/// The newest of these places, newest first, that is still part of the chain:
/// whatever is older is so too. `None` when the endpoint could not say.
async fn newest_kept<'p>(
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    places: &'p [BlockPosition],
) -> Option<Option<&'p BlockPosition>> {
    // Everything before `gone` is replaced, everything from `kept` on is not.
    let (mut gone, mut kept) = (0, places.len());
    while gone < kept {
        if chain.calls_left() == 0 {
            return None;
        }
        let middle = usize::midpoint(gone, kept);
        let number = places[middle].block.cast_unsigned();
        match chain
            .ask(session, &rpc::block(BlockTag::Number(number)))
            .await
        {
            Ok(Some(block)) if block.hash.to_string() == places[middle].block_hash => kept = middle,
            Ok(_) => gone = middle + 1,
            Err(error) => {
                chain.report_failure(session, &error);
                return None;
            }
        }
    }
    Some(places.get(kept))
}
