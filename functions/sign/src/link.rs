//! `POST /link`: a download link for a recorded license, good for five minutes.

use crate::error::Refusal;
use crate::keys::SigningKeys;
use axum::extract::State;
use keywright_domain::entitlement::may_sign;
use keywright_domain::release::gate::GateRefusal;
use keywright_domain::release::{Name, is_reserved};
use keywright_license::{DownloadLink, LINK_LIFETIME_SECONDS};
use keywright_ports::{Reader, SignLinkRequest, SignRefusal, SignedLink, Stamps};
use keywright_store::licenses::download_links;
use keywright_web::{ApiError, Json};

/// Signs a link to a version of the license's product, whether or not that version
/// exists. Product and download id are the recorded ones, the time is this function's
/// own.
///
/// The refusals are those of [`SignRefusal`].
pub(crate) async fn handler(
    State(database): State<Reader>,
    State(stamps): State<Stamps>,
    State(keys): State<SigningKeys>,
    request: Result<Json<SignLinkRequest>, ApiError>,
) -> Result<Json<SignedLink>, Refusal> {
    let Json(request) = request.map_err(|error| Refusal::bad_body(&error))?;
    let (key, receipt_keys) = keys.usable()?;
    let bad_version = |message: &str| Refusal::new(SignRefusal::BadRequest, message);
    Name::parse(&request.version).map_err(|error| bad_version(&error.to_string()))?;
    if is_reserved(&request.version) {
        return Err(bad_version("version must name one version"));
    }
    let subject = download_links::subject(&database, &request.license_id, &request.version)
        .await?
        .ok_or_else(Refusal::unknown_license)?;
    may_sign(&subject.entitled.signable(receipt_keys))?;
    let license = &subject.entitled.license;
    if license.key_issued_at != request.current_key {
        let code = GateRefusal::TokenRevoked.code();
        return Err(Refusal::new(SignRefusal::NotActive, code));
    }
    let now = stamps.now();
    let opened = subject
        .held()
        .opens(&subject.requirements(&request.version), now);
    opened.map_err(|refusal| match refusal {
        GateRefusal::TokenRevoked | GateRefusal::ChannelExpired => {
            Refusal::new(SignRefusal::NotActive, refusal.code())
        }
        _ => Refusal::new(SignRefusal::VersionDenied, refusal.code()),
    })?;
    let Some(download_id) = &subject.entitled.download_id else {
        return Err(Refusal::new(
            SignRefusal::NoDownloadId,
            "the license has no download id yet; the next tick gives it one",
        ));
    };
    let expires = now.saturating_add(LINK_LIFETIME_SECONDS);
    let link = DownloadLink::new(
        &license.product_slug,
        &request.version,
        download_id,
        expires,
    )
    .map_err(|error| Refusal::internal(&error))?;
    Ok(Json(SignedLink {
        token: key.sign_link(&link),
        product: license.product_slug.clone(),
        version: request.version,
        download_id: download_id.clone(),
        expires,
    }))
}
