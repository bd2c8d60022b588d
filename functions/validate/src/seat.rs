//! Giving a machine a seat of a license, for the two routes that do:
//! validation and activation.

use crate::Ports;
use crate::machine_description::MachineDescription;
use crate::notes::{Note, Notes};
use crate::reason::Reason;
use keywright_domain::seats::{Asking, Seat};
use keywright_domain::standing::in_force;
use keywright_license::VerifiedLicense;
use keywright_store::seats::activations::{self, NewMachine, OnMachine};
use keywright_store::seats::machines::LastSeen;
use keywright_web::ApiError;

/// What came of asking for a seat, with the license as it is then.
pub(crate) enum SeatOutcome {
    /// The machine has its seat; the license names it.
    Held(OnMachine),
    /// It has none.
    Refused(OnMachine, Reason),
}

/// Gives the machine its seat of a license that is in force.
///
/// A key that is bound to another machine by its own signed payload takes no
/// seat, although that is said last, as the contract has it: only where the
/// seats alone would have let the machine in.
///
/// # Errors
/// Of the database.
pub(crate) async fn take(
    ports: &Ports,
    notes: &Notes<'_>,
    asking: Asking,
    license: OnMachine,
    verified: &VerifiedLicense,
    machine: MachineDescription,
) -> Result<SeatOutcome, ApiError> {
    let now = ports.stamps.now();
    let seat = match license.seats().decide(asking, license.last_seen_at, now) {
        Ok(seat) => seat,
        Err(refusal) => return Ok(SeatOutcome::Refused(license, refusal.into())),
    };
    if verified.check_fingerprint(&machine.fingerprint).is_err() {
        return Ok(SeatOutcome::Refused(license, Reason::FingerprintMismatch));
    }
    match (seat, &license.machine_id) {
        (Seat::Held { refresh: true }, Some(machine_id)) => {
            let seen = LastSeen {
                machine_id: machine_id.clone(),
                hostname: machine.hostname,
                platform: machine.platform,
                at: now,
            };
            notes.add(Note::Seen(seen)).await;
            Ok(SeatOutcome::Held(license))
        }
        (Seat::Held { .. }, _) => Ok(SeatOutcome::Held(license)),
        (Seat::Free, _) => {
            let issued_at = verified.payload().issued_at();
            activate(ports, asking, license, issued_at, &machine, now).await
        }
    }
}

/// Activates a machine that was not active a moment ago. The database decides
/// anew: others may have asked meanwhile, or the license was ended.
async fn activate(
    ports: &Ports,
    asking: Asking,
    license: OnMachine,
    key_issued_at: i64,
    machine: &MachineDescription,
    now: i64,
) -> Result<SeatOutcome, ApiError> {
    let (id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let machine = NewMachine {
        id: &id,
        event_id: &event_id,
        license_id: &license.id,
        key_issued_at: Some(key_issued_at),
        fingerprint_hash: &machine.fingerprint_hash,
        hostname: machine.hostname.as_deref(),
        platform: machine.platform.as_deref(),
    };
    let Some(after) = activations::activate(&ports.database, machine, now).await? else {
        return Ok(SeatOutcome::Refused(license, Reason::NotFound));
    };
    if let Err(refusal) = in_force(after.status) {
        return Ok(SeatOutcome::Refused(after, refusal.into()));
    }
    match after.seats().decide(asking, after.last_seen_at, now) {
        Ok(Seat::Held { .. }) => Ok(SeatOutcome::Held(after)),
        Ok(Seat::Free) => Err(ApiError::internal(
            "the database turned a machine away and the rules do not say why",
        )),
        Err(refusal) => Ok(SeatOutcome::Refused(after, refusal.into())),
    }
}
