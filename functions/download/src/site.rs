//! The seat of a web site: counted with the machines of its license, by the
//! statement that counts those.

use crate::Ports;
use crate::error::GateError;
use data_encoding::HEXLOWER;
use keywright_domain::release::gate::GateRefusal;
use keywright_domain::release::{SiteName, site};
use keywright_license::hash_fingerprint;
use keywright_store::seats::activations::{self, NewMachine};

/// Gives a site a seat of the license, unless it has one; the refusal where
/// none is left. The fingerprint of a site is its name, so that its holder can
/// free it by that. Without a database nothing is counted.
///
/// # Errors
/// [`GateError`] when the database does not answer.
pub(crate) async fn take_seat(
    ports: &Ports,
    license_id: &str,
    name: &SiteName,
) -> Result<Option<GateRefusal>, GateError> {
    let Some(database) = &ports.database else {
        return Ok(None);
    };
    let fingerprint_hash = HEXLOWER.encode(&hash_fingerprint(name.as_str()));
    let machine = NewMachine {
        id: &ports.stamps.new_id(),
        event_id: &ports.stamps.new_id(),
        license_id,
        key_issued_at: None,
        fingerprint_hash: &fingerprint_hash,
        hostname: Some(name.as_str()),
        platform: Some(site::PLATFORM),
    };
    let now = ports.stamps.now();
    let found = activations::activate(database, machine, now).await?;
    let has_seat = found.is_some_and(|license| license.machine_id.is_some());
    Ok((!has_seat).then_some(GateRefusal::DomainLimit))
}
