//! Repairs the cursor when blocks that counted as final are no longer part of the chain:
//! moves it back to the newest checkpoint that still is.

use crate::chain::{ChainClient, EndpointSession};
use crate::tick::Tick;
use keywright_ports::DatabaseError;
use keywright_providers::polygon::rpc::{self, BlockTag};
use keywright_store::chain::chain_attention::{self, ChainTrouble};
use keywright_store::chain::chain_cursors::{self, BlockPosition, Cursor, STATEMENTS_TO_STEP_BACK};
use serde_json::json;

/// Moves the cursor back to the newest checkpoint that is still part of the chain. The
/// transfers recorded after it are marked, and the next tick reads those blocks again.
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
        // The next tick tries again.
        return Ok(());
    };
    let Some(to) = found else {
        tick.warn("none of the blocks that were read is part of the chain any more");
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

/// The newest of these positions that is still part of the chain; they are sorted newest
/// first, and older ones are part of it too. `None` when the endpoint fails.
async fn newest_kept<'p>(
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    places: &'p [BlockPosition],
) -> Option<Option<&'p BlockPosition>> {
    // Positions before `gone` were replaced; positions from `kept` on were not.
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
