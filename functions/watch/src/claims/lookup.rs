//! Looks up a transaction that is not recorded on the chain: it may be too new. Nothing
//! is recorded or issued here; a tick does that once the block is final.

use super::limit_lookups;
use crate::Ports;
use crate::chain::{ChainClient, ConnectedEndpoint};
use crate::settings::Settings;
use keywright_ports::{Level, Outbound};
use keywright_providers::polygon::rpc::{self, Receipt, RpcError};
use keywright_providers::polygon::{Address, Hash, transfer};
use keywright_store::chain::chain_cursors::{self, Cursor};
use keywright_store::chain::chain_groups;
use keywright_web::{ApiError, Client};

/// Calls to one endpoint: its chain id, the receipt and the transaction.
const CALLS_PER_ENDPOINT: usize = 3;

/// Calls of one look-up, to at most three endpoints.
const CALLS: usize = 3 * CALLS_PER_ENDPOINT;

/// How many endpoints must say that they do not know the transaction.
const DENIALS: usize = 2;

/// The result of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookupOutcome {
    /// A payment to the vendor, in this block or not in a block yet.
    Pending(Option<u64>),
    /// No such transaction, or none that pays the vendor.
    Nothing,
}

/// Looks up a transaction.
///
/// # Errors
/// 429, and 503 when nothing is watched or no endpoint answers.
pub(super) async fn look_up(
    ports: &Ports,
    client: &Client,
    hash: Hash,
    request_id: &str,
) -> Result<LookupOutcome, ApiError> {
    let (settings, outbound) = ports.watched()?;
    limit_lookups(ports, client).await?;
    let lookup = Lookup {
        ports,
        settings,
        hash,
    };
    lookup.run(outbound, request_id).await
}

struct Lookup<'a> {
    ports: &'a Ports,
    settings: &'a Settings,
    hash: Hash,
}

impl Lookup<'_> {
    async fn run(&self, outbound: &Outbound, request_id: &str) -> Result<LookupOutcome, ApiError> {
        let (database, now) = (&self.ports.database, self.ports.stamps.now());
        let market = self.settings.stored();
        let loaded = chain_cursors::load(database, &market, now).await?;
        let mut chain = ChainClient::new(self.settings, outbound, &loaded.set_aside, CALLS);
        let mut denials = 0;
        let mut failures = Vec::new();
        for witness in chain.witnesses() {
            if denials == DENIALS || chain.calls_left() < CALLS_PER_ENDPOINT {
                break;
            }
            let answered = match chain.connect(&witness).await {
                Ok(link) => self.ask(&mut chain, link).await,
                Err(error) => Err(error),
            };
            match answered {
                Ok(Some(TransactionState::InBlock(receipt))) => {
                    return self.judge(&receipt, loaded.cursor.as_ref()).await;
                }
                Ok(Some(TransactionState::Waiting)) => return Ok(LookupOutcome::Pending(None)),
                Ok(None) => denials += 1,
                Err(error) => failures.push(format!("{}: {error}", witness.host)),
            }
        }
        if denials > 0 {
            return Ok(LookupOutcome::Nothing);
        }
        for line in &failures {
            self.ports.log.write(Level::Warn, request_id, line);
        }
        Err(outage("no endpoint could be asked about a transaction"))
    }

    /// What one endpoint knows about the transaction; `None` when it does not know it.
    async fn ask(
        &self,
        chain: &mut ChainClient<'_>,
        link: ConnectedEndpoint,
    ) -> Result<Option<TransactionState>, RpcError> {
        let foreign = RpcError::Malformed("it answered about a different transaction");
        if let Some(receipt) = chain.ask_over(link, &rpc::receipt(self.hash)).await? {
            return if receipt.transaction == self.hash {
                Ok(Some(TransactionState::InBlock(receipt)))
            } else {
                Err(foreign)
            };
        }
        match chain.ask_over(link, &rpc::transaction(self.hash)).await? {
            None => Ok(None),
            Some(seen) if seen.hash != self.hash => Err(foreign),
            Some(_) => Ok(Some(TransactionState::Waiting)),
        }
    }

    /// Decides whether the receipt pays the vendor in a block that was not read yet.
    async fn judge(
        &self,
        receipt: &Receipt,
        cursor: Option<&Cursor>,
    ) -> Result<LookupOutcome, ApiError> {
        let read_to = cursor.map_or(-1, |cursor| cursor.place.block);
        if !receipt.succeeded || receipt.block_number.cast_signed() <= read_to {
            // The block was read and nothing was recorded, so it pays nobody here.
            return Ok(LookupOutcome::Nothing);
        }
        let contracts = self.settings.contracts();
        let paid: Vec<Address> = receipt
            .logs
            .iter()
            .filter(|log| contracts.contains(&log.address))
            .filter_map(|log| transfer::decode(log).ok())
            .map(|transfer| transfer.recipient)
            .collect();
        if paid.is_empty() {
            return Ok(LookupOutcome::Nothing);
        }
        let market = self.settings.stored();
        let is_wallet = |address: &Address| self.settings.wallet == Some(*address);
        let addresses: Vec<String> = paid.iter().map(Address::lower).collect();
        let is_ours = paid.iter().any(is_wallet)
            || !chain_groups::held(&self.ports.database, &market, &addresses)
                .await?
                .is_empty();
        Ok(if is_ours {
            LookupOutcome::Pending(Some(receipt.block_number))
        } else {
            LookupOutcome::Nothing
        })
    }
}

enum TransactionState {
    InBlock(Receipt),
    Waiting,
}

/// 503: no endpoint is available.
pub(super) fn outage(why: &str) -> ApiError {
    ApiError::unavailable(
        "chain_unavailable",
        "the chain is unavailable; try again in a moment",
        why,
    )
}
