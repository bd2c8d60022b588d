//! What is written after the answer, many at once: the log of downloads.

use crate::Ports;
use crate::error::GateError;
use crate::gate::{Admitted, GateRefused};
use http::{Method, StatusCode};
use keywright_ports::{Later, Statement};
use keywright_store::releases::download_log::{self, DownloadEntry};
use keywright_web::Client;

/// The journal of this function.
pub(crate) type Journal = keywright_services::journal::Journal<DownloadEntry>;

/// One batch for these notes.
pub(crate) fn statements(notes: &[DownloadEntry]) -> Vec<Statement> {
    vec![download_log::append(&notes.iter().collect::<Vec<_>>())]
}

/// What somebody asked for, for the log.
pub(crate) struct RequestedFile<'a> {
    pub(crate) product: &'a str,
    pub(crate) version: &'a str,
    pub(crate) platform: &'a str,
    pub(crate) site: Option<&'a str>,
}

/// Writes the log, where there is a database and the operator keeps one.
pub(crate) struct DownloadNotes<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) later: &'a Later,
    pub(crate) client: &'a Client,
}

impl DownloadNotes<'_> {
    /// Notes a download that begins: an answer with bytes in it.
    pub(crate) async fn begun(
        &self,
        requested: &RequestedFile<'_>,
        by: &Admitted,
        method: &Method,
        status: StatusCode,
    ) {
        let result = match status {
            StatusCode::OK => "ok",
            StatusCode::PARTIAL_CONTENT => "part",
            _ => return,
        };
        if method != Method::HEAD {
            self.add(requested, by.license_id.as_deref(), result).await;
        }
    }

    /// Notes a refusal of somebody whose signature or download id is good, and
    /// hands out its answer. What anybody could send is not noted, so that
    /// nobody can fill the log.
    pub(crate) async fn refused(
        &self,
        requested: &RequestedFile<'_>,
        refused: GateRefused,
    ) -> GateError {
        if let Some((license_id, code)) = &refused.known {
            self.add(requested, license_id.as_deref(), code).await;
        }
        refused.error
    }

    async fn add(
        &self,
        requested: &RequestedFile<'_>,
        license_id: Option<&str>,
        result: &'static str,
    ) {
        let Some(journal) = &self.ports.journal else {
            return;
        };
        let entry = DownloadEntry {
            at: self.ports.stamps.now(),
            license_id: license_id.map(str::to_owned),
            product: requested.product.to_owned(),
            version: requested.version.to_owned(),
            platform: requested.platform.to_owned(),
            result,
            site: requested.site.map(str::to_owned),
            address_prefix: self.client.address_prefix(),
        };
        journal.add(self.later, entry).await;
    }
}
