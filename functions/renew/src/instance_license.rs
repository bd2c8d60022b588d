//! Asks the issuer about the license of the instance itself, hourly, where the host sets
//! caps. An answer that is lost, or says nothing about the license, changes nothing.

use crate::Ports;
use keywright_domain::instance_tier::IssuerAnswer;
use keywright_ports::{DatabaseError, Level};
use keywright_services::instance_license::SEALED_AT;
use keywright_store::operator::instance_license::{self, CheckResult};

/// Statements that a tick takes at most.
pub(crate) const STATEMENTS: usize = 4;

/// Runs one tick: no statement where the host sets no caps, two where no check is due.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<(), DatabaseError> {
    let Some(issuer) = ports.licensing.issuer() else {
        return Ok(());
    };
    let configured = ports.licensing.license();
    if configured.is_none() && ports.licensing.has_configured_license() {
        // What is wrong with it is in the log since the start.
        return Ok(());
    }
    let (database, now) = (&ports.database, ports.stamps.now());
    let license = configured.map(|key| &key.license);
    let Some(due) = instance_license::claim(database, license, now).await? else {
        return Ok(());
    };
    let key = match (configured, &due.sealed_key) {
        (Some(key), _) => Some(key.key.clone()),
        (None, Some(sealed)) => {
            let vault = ports.vault.as_ref().ok();
            vault.and_then(|vault| vault.open(&SEALED_AT, sealed))
        }
        (None, None) => None,
    };
    let answer = match key {
        Some(key) => issuer.ask(&ports.outbound, &key, &due.license_id).await,
        None => IssuerAnswer::Nothing(
            "the stored key cannot be opened; check CREDENTIALS_KEY, or enter the license again"
                .to_owned(),
        ),
    };
    let result = match &answer {
        IssuerAnswer::Good { license, .. } => CheckResult::Good(license),
        IssuerAnswer::Refused(reason) => CheckResult::Refused(reason),
        IssuerAnswer::Nothing(why) => {
            let line = format!("the license of this instance was not checked: {why}");
            ports.log.write(Level::Warn, request_id, &line);
            CheckResult::Failed(why)
        }
    };
    let audit_id = ports.stamps.new_id();
    let now = ports.stamps.now();
    instance_license::record(database, &due.license_id, result, now, &audit_id).await
}
