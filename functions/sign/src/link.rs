//! `POST /link`: a download link for a recorded license, good for five minutes.

use crate::Ports;
use crate::error::Refusal;
use crate::license::{entitled, internal};
use axum::extract::State;
use http::StatusCode;
use keywright_domain::release::Name;
use keywright_domain::release::gate::GateRefusal;
use keywright_license::{DownloadLink, LINK_LIFETIME_SECONDS};
use keywright_ports::{SignLink, SignedLink};
use keywright_store::licenses::download_links;
use keywright_web::{ApiError, Json};

/// Names that stand for whatever is newest: a signed link is for one version.
const NO_VERSIONS: [&str; 2] = ["latest", "channels"];

/// Signs a link to a version of the license's product, whether or not there is
/// such a version. Product and download id are the recorded ones, the time is
/// this function's own.
///
/// 404 `unknown_license`; 409 `not_entitled` without a receipt that entitles it,
/// `not_active` when it is revoked, suspended or expired, `version_denied` when
/// it does not include the version, `no_download_id` for a moment, for a license
/// older than those; 422 `bad_request`; 503 `receipt_not_sealed`, `no_receipt_key` and
/// `no_signing_key`.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    asked: Result<Json<SignLink>, ApiError>,
) -> Result<Json<SignedLink>, Refusal> {
    let Json(asked) =
        asked.map_err(|error| Refusal::new(error.status(), "bad_request", error.message()))?;
    let key = ports.key()?;
    let receipt_keys = ports.receipt_keys()?;
    let bad_version =
        |message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", message);
    Name::parse(&asked.version).map_err(|error| bad_version(error.to_string()))?;
    if NO_VERSIONS.contains(&asked.version.as_str()) {
        return Err(bad_version("a link is for one version".to_owned()));
    }
    let wanted = download_links::wanted(&ports.database, &asked.license_id, &asked.version)
        .await
        .map_err(|error| internal(&error))?
        .ok_or_else(Refusal::unknown_license)?;
    let conflict = |error, message: &str| Refusal::new(StatusCode::CONFLICT, error, message);
    entitled(&wanted.entitled, receipt_keys)?;
    let license = &wanted.entitled.license;
    let now = ports.stamps.now();
    let asked_of = wanted.asked(&asked.version);
    wanted
        .held()
        .opens(&asked_of, now)
        .map_err(|refusal| match refusal {
            GateRefusal::TokenRevoked | GateRefusal::ChannelExpired => {
                conflict("not_active", "the license is expired or not active")
            }
            _ => conflict("version_denied", refusal.code()),
        })?;
    let Some(download_id) = &wanted.entitled.download_id else {
        return Err(conflict(
            "no_download_id",
            "the license has no download id yet; the next tick gives it one",
        ));
    };
    let expires = now.saturating_add(LINK_LIFETIME_SECONDS);
    let link = DownloadLink::new(&license.product_slug, &asked.version, download_id, expires)
        .map_err(|error| internal(&error))?;
    Ok(Json(SignedLink {
        token: key.sign_link(&link),
        product: license.product_slug.clone(),
        version: asked.version,
        download_id: download_id.clone(),
        expires,
    }))
}
