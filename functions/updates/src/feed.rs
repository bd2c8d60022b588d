//! A feed and who asks for it: which versions they are told of, and where they
//! download them.

use crate::Ports;
use crate::caller::Caller;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use keywright_domain::release::gate::{DownloadRights, Held};
use keywright_domain::release::updaters::{Updater, filled_in};
use keywright_domain::release::{Channel, Platform, Version};
use keywright_ports::Refusal;
use keywright_services::download_link;
use keywright_services::holder::HeldCredential;
use keywright_store::releases::feed_offers::{Offered, Reach};
use keywright_store::releases::release_feed::{self, Asking, Feed};
use keywright_web::ApiError;

/// The header in which electron-updater says which installation it is.
const STAGING_ID: HeaderName = HeaderName::from_static("x-user-staging-id");

/// What of a request tells who asks.
pub(crate) struct FeedQuery<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// `?token=`
    pub(crate) token: Option<String>,
    /// `?staging=`
    pub(crate) staging: Option<String>,
    /// `?channel=`
    pub(crate) channel: Option<&'a str>,
    /// The updater whose metadata decides about releases.
    pub(crate) updater: Option<Updater>,
}

/// A product's releases, opened for one caller.
pub(crate) struct OpenedFeed {
    pub(crate) feed: Feed,
    pub(crate) channel: Channel,
    caller: Caller,
    /// What the caller may download; `None` for anybody.
    rights: Option<DownloadRights>,
    staging: Option<String>,
}

impl OpenedFeed {
    /// Opens the feed of a product: one round trip.
    ///
    /// # Errors
    /// 404 for an unknown product, 400 for an unknown channel; for a licensed
    /// product 401 and 403 for a key or token that does not open it.
    pub(crate) async fn open(
        ports: &Ports,
        product: &str,
        query: FeedQuery<'_>,
    ) -> Result<Self, ApiError> {
        let channel: Channel = match query.channel.and_then(filled_in) {
            None => Channel::default(),
            Some(name) => name
                .parse()
                .map_err(|error| ApiError::bad_request(format!("channel {error}")))?,
        };
        let staging_id = query.headers.get(STAGING_ID);
        let staging_id = staging_id
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let is_filled_in = |text: &String| filled_in(text).is_some();
        let staging = staging_id.or(query.staging).filter(is_filled_in);
        let token = query.token.filter(is_filled_in);
        // Judged below: an open product has nothing to refuse anybody.
        let caller = Caller::of(ports, query.headers, token.as_deref());
        let credential = caller
            .as_ref()
            .ok()
            .and_then(|caller| caller.credential.as_ref());
        let asking = credential.map_or(Asking::Anybody, HeldCredential::asking);
        let mut feed = release_feed::load(&ports.database, product, channel, asking, query.updater)
            .await?
            .ok_or_else(|| ApiError::not_found("there is no such product"))?;
        let caller = if feed.is_open() {
            feed.holder = None;
            Caller::default()
        } else {
            let caller = caller?;
            check(&feed, &caller, ports.stamps.now())?;
            caller
        };
        Ok(Self {
            rights: rights(&feed, &caller),
            feed,
            channel,
            caller,
            staging,
        })
    }

    /// What the caller is offered on a channel.
    pub(crate) fn offered(&self, channel: Channel) -> Offered<'_> {
        Offered {
            channel,
            reach: Reach::Client(self.client()),
            held: self.held(),
        }
    }

    /// What the installation calls itself for rollouts in stages.
    pub(crate) fn client(&self) -> Option<&str> {
        self.staging.as_deref().or(self.caller.license_id())
    }

    fn held(&self) -> Option<Held<'_>> {
        self.rights.as_ref().map(DownloadRights::held)
    }

    /// Where the caller downloads a file: for the holder of a license a link
    /// that opens it for five minutes, for others the plain one.
    ///
    /// # Errors
    /// 503 while no link can be made, 403 when sign refuses.
    pub(crate) async fn url(
        &self,
        ports: &Ports,
        version: &Version,
        platform: &Platform,
    ) -> Result<String, ApiError> {
        let address = ports.public_url()?;
        let product = &self.feed.product;
        // No character of these needs escaping in a path.
        let plain = format!("{address}/releases/{product}/{version}/{platform}");
        match (&self.feed.holder, &self.caller.query_token) {
            (Some(holder), _) => {
                let (license_id, key) = (&holder.license_id, holder.key_issued_at);
                let link = download_link::mint(&ports.sign, license_id, key, version.as_str());
                let link = link.await.map_err(Refusal::from)?;
                Ok(format!("{plain}?{}", link.query()))
            }
            // Base64url, or it would not have been verified.
            (None, Some(token)) => Ok(format!("{plain}?token={token}")),
            (None, None) => Ok(plain),
        }
    }

    /// The answer with a feed. What a caller with a license gets is for it
    /// alone; what anybody gets may be kept for a minute.
    pub(crate) fn answer(&self, content_type: &'static str, body: String) -> Response {
        let kept = if self.caller.credential.is_none() {
            "public, max-age=60"
        } else {
            "private, no-store"
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
            (
                header::VARY,
                HeaderValue::from_static("authorization, x-user-staging-id"),
            ),
        ];
        (headers, body).into_response()
    }
}

/// What a caller may download; `None` for anybody.
fn rights(feed: &Feed, caller: &Caller) -> Option<DownloadRights> {
    let recorded = feed.holder.as_ref().map(release_feed::Holder::rights);
    caller.credential.as_ref()?.rights(recorded)
}

/// Checks that what a caller sent opens a licensed product.
fn check(feed: &Feed, caller: &Caller, now: i64) -> Result<(), ApiError> {
    let Some(credential) = &caller.credential else {
        return Ok(());
    };
    let refused = |code, message: String| ApiError::new(StatusCode::FORBIDDEN, code, message);
    let product = feed.product.as_str();
    if let Some(claims) = credential.claims() {
        claims
            .check(product, now)
            .map_err(|error| refused(error.code(), error.to_string()))?;
    }
    let recorded = feed.holder.as_ref().map(|holder| holder.product.as_str());
    credential
        .check_recorded(product, recorded)
        .map_err(|error| refused(error.code(), error.to_string()))?;
    let Some(holder) = &feed.holder else {
        return Ok(());
    };
    holder
        .rights()
        .held()
        .is_in_force(now)
        .map_err(|refusal| refused(refusal.code(), refusal.advice().to_owned()))
}
