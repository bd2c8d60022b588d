//! Who asked for the licenses of an address. Known and unknown addresses are recorded and
//! counted alike; only the tick finds out which one has licenses.

use keywright_domain::mail::PER_ADDRESS_AND_HOUR;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

#[derive(Deserialize)]
struct IsOn {
    is_on: i64,
}

/// Records a request for an address in the form in which addresses are compared, unless it
/// was asked for three times within the hour. Answers whether mail is on at all, and
/// nothing else.
///
/// # Errors
/// [`DatabaseError`].
pub async fn ask(
    database: &Database,
    id: &str,
    email: &str,
    now: i64,
) -> Result<bool, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "INSERT INTO mail_requests (id, email, at)
         SELECT ?1, ?2, ?3 FROM mail_state
         WHERE is_on = 1
           AND (SELECT count(*) FROM mail_requests WHERE email = ?2 AND at > ?3 - 3600) < ?4",
        [
            id.into(),
            email.into(),
            now.into(),
            PER_ADDRESS_AND_HOUR.into(),
        ],
    ));
    let is_on = batch.read::<IsOn>(Statement::new("SELECT is_on FROM mail_state", []));
    let is_on = batch.run(database).await?.first(is_on)?;
    Ok(is_on.is_some_and(|row| row.is_on == 1))
}

/// Deletes up to `most` requests that no link would be sent for any more.
#[must_use]
pub fn forget(now: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM mail_requests
         WHERE id IN (SELECT id FROM mail_requests WHERE at <= ?1 - 7200 ORDER BY at LIMIT ?2)",
        [now.into(), i64::from(most).into()],
    )
}
