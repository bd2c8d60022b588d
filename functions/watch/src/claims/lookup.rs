//! Looks up a transaction that is not recorded on the chain. It may be too new: then a
//! tick reads it once its block is final. Or an endpoint left it out when its block was
//! read: then it is recorded here, and a tick judges it as any other. Nothing is credited
//! here. Only a transfer to an address that is watched is recorded, so that a caller can
//! add no row that reading the chain would not add.

use super::limit_lookups;
use crate::Ports;
use crate::chain::{ChainClient, ConnectedEndpoint};
use crate::settings::Settings;
use crate::stretch::new_transfer;
use keywright_ports::{Level, Outbound};
use keywright_providers::polygon::Hash;
use keywright_providers::polygon::rpc::{self, Receipt, RpcError};
use keywright_store::chain::chain_cursors::{self, Cursor};
use keywright_store::chain::chain_groups;
use keywright_store::chain::transfers::{self, NewTransfer};
use keywright_store::operator::audit::Actor;
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
        request_id,
    };
    lookup.run(outbound).await
}

struct Lookup<'a> {
    ports: &'a Ports,
    settings: &'a Settings,
    hash: Hash,
    request_id: &'a str,
}

impl Lookup<'_> {
    async fn run(&self, outbound: &Outbound) -> Result<LookupOutcome, ApiError> {
        let (database, now) = (&self.ports.database, self.ports.stamps.now());
        let market = self.settings.stored();
        let loaded = chain_cursors::load(database, &market, now).await?;
        let mut chain =
            ChainClient::new(self.settings, outbound, &loaded.set_aside, CALLS).for_a_request();
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
                    let cursor = loaded.cursor.as_ref();
                    return self.judge(&receipt, &witness.host, cursor).await;
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
            self.ports.log.write(Level::Warn, self.request_id, line);
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

    /// Decides whether the receipt pays the vendor. A payment in a block that counts as
    /// read is recorded.
    async fn judge(
        &self,
        receipt: &Receipt,
        host: &str,
        cursor: Option<&Cursor>,
    ) -> Result<LookupOutcome, ApiError> {
        let found = self.payments(receipt, host).await?;
        if found.is_empty() {
            return Ok(LookupOutcome::Nothing);
        }
        if let Some(cursor) = cursor
            && receipt.block_number.cast_signed() <= cursor.place.block
        {
            let actor = Actor {
                name: "watch".into(),
                at: self.ports.stamps.now(),
                request_id: self.request_id.to_owned(),
            };
            let (database, market) = (&self.ports.database, self.settings.stored());
            // If a tick has moved the cursor meanwhile, the next look-up records it.
            let step_id = &cursor.step_id;
            transfers::record_missed(database, &actor, &market, &found, step_id).await?;
            let line = format!("{} was not in what the endpoints returned", self.hash);
            self.ports.log.write(Level::Warn, self.request_id, &line);
        }
        Ok(LookupOutcome::Pending(Some(receipt.block_number)))
    }

    /// The transfers of a receipt to addresses that are watched.
    async fn payments(&self, receipt: &Receipt, host: &str) -> Result<Vec<NewTransfer>, ApiError> {
        let mut found = paying(self.settings, receipt, host, || self.ports.stamps.new_id());
        if found.is_empty() {
            return Ok(found);
        }
        let market = self.settings.stored();
        let wallet = self.settings.wallet.map(|wallet| wallet.lower());
        let mut recipients: Vec<String> = found.iter().map(|one| one.recipient.clone()).collect();
        recipients.sort_unstable();
        recipients.dedup();
        let held = chain_groups::held(&self.ports.database, &market, &recipients).await?;
        found
            .retain(|one| held.contains(&one.recipient) || wallet.as_ref() == Some(&one.recipient));
        Ok(found)
    }
}

/// The transfers of the watched tokens in a receipt of this host, to anybody.
pub(crate) fn paying(
    settings: &Settings,
    receipt: &Receipt,
    found_by: &str,
    new_id: impl Fn() -> String,
) -> Vec<NewTransfer> {
    if !receipt.succeeded {
        return Vec::new();
    }
    let contracts = settings.contracts();
    let logs = receipt.logs.iter().filter(|log| {
        contracts.contains(&log.address)
            && log.block_hash == receipt.block_hash
            && log.transaction == receipt.transaction
    });
    let moved = logs.filter_map(|log| new_transfer(log, found_by, &new_id).ok().flatten());
    moved.collect()
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
