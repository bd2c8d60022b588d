//! Which orders are asked for where: each store by itself, that of the
//! configuration and the connected ones.

use crate::Ports;
use keywright_edge::ports::DatabaseError;
use keywright_providers::btcpay::Store;
use keywright_store::invoices::Payable;
use keywright_store::payment_providers::{self, Provider};

/// Orders that are paid at one store.
pub(crate) struct Group {
    /// The store, or why it cannot be asked.
    pub(crate) store: Result<Store, String>,
    /// Its orders.
    pub(crate) orders: Vec<Payable>,
}

/// Sorts orders by their stores, those of the most overdue one first.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn grouped(
    ports: &Ports,
    mut due: Vec<Payable>,
) -> Result<Vec<Group>, DatabaseError> {
    due.sort_by_key(|order| order.created_at);
    let mut sorted: Vec<(Option<String>, Vec<Payable>)> = Vec::new();
    for order in due {
        let id = &order.payment_provider_id;
        match sorted.iter_mut().find(|(known, _)| known == id) {
            Some((_, orders)) => orders.push(order),
            None => sorted.push((id.clone(), vec![order])),
        }
    }
    let ids: Vec<&str> = sorted.iter().filter_map(|(id, _)| id.as_deref()).collect();
    let connected = if ids.is_empty() {
        Vec::new()
    } else {
        payment_providers::connected_among(&ports.database, &ids).await?
    };
    let group = |(id, orders): (Option<String>, Vec<Payable>)| Group {
        store: match id {
            None => ports.configured.as_ref().clone(),
            Some(id) => store(ports, &connected, &id),
        },
        orders,
    };
    Ok(sorted.into_iter().map(group).collect())
}

fn store(ports: &Ports, connected: &[Provider], id: &str) -> Result<Store, String> {
    let provider = connected
        .iter()
        .find(|provider| provider.id == id)
        .ok_or_else(|| format!("payment provider {id} is not connected any more"))?;
    let (_, api_key) = provider
        .open_at(ports.btcpay_url.as_deref(), &ports.vault)
        .map_err(|error| error.to_string())?;
    Store::new(&provider.base_url, &provider.store_id, &api_key).map_err(|error| error.to_string())
}
