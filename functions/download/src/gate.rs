//! Who may have a version: what was shown is checked, then weighed against what
//! the product and the version require.

use crate::Ports;
use crate::error::GateError;
use crate::files::Audience;
use crate::manifest_cache::StoredVersion;
use crate::query::{LinkQuery, Member, Presented};
use futures_util::future::join;
use http::StatusCode;
use keywright_domain::release::gate::{DownloadRights, GateRefusal, Held, VersionRequirements};
use keywright_domain::release::resume;
use keywright_domain::slug::Slug;
use keywright_license::{
    DownloadId, DownloadLink, LinkError, TokenError, VerifyKeys, clean_pasted,
};
use keywright_ports::Reader;
use keywright_services::holder::{CredentialRefusal, HeldCredential, NotHolder};
use keywright_store::licenses::holders::{self, Holder};
use keywright_store::releases::download_log::{self, Transfer};

/// Somebody whose signature or download id is good, or anybody where the product is open.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// The license, where one is named.
    pub(crate) license_id: Option<String>,
    rights: DownloadRights,
    anybody: bool,
}

impl Admitted {
    pub(crate) fn held(&self) -> Held<'_> {
        self.rights.held()
    }

    /// The last second in which they may download anything, in unix seconds;
    /// `None` never ends.
    pub(crate) fn good_until(&self) -> Option<i64> {
        self.rights.good_until
    }

    /// What was bought.
    pub(crate) fn entitlements(&self) -> Vec<String> {
        self.rights.entitlements.clone().unwrap_or_default()
    }

    /// Who else may have what they get.
    pub(crate) fn to(&self) -> Audience {
        if self.anybody {
            Audience::Everybody
        } else {
            Audience::Holder
        }
    }

    /// The holder of a credential whose signature is good.
    pub(crate) fn holding(credential: &HeldCredential, holder: Option<Holder>) -> Self {
        let recorded = holder.as_ref().map(Holder::rights);
        let named = credential.license_id().map(str::to_owned);
        Self {
            rights: credential.rights(recorded).unwrap_or_default(),
            license_id: holder.map(|holder| holder.id).or(named),
            anybody: false,
        }
    }
}

/// A refusal, and what the log says of it.
#[derive(Debug)]
pub(crate) struct GateRefused {
    pub(crate) error: GateError,
    /// The license and the code, where the signature or the download id was
    /// good.
    pub(crate) known: Option<(Option<String>, &'static str)>,
}

impl<E: Into<GateError>> From<E> for GateRefused {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            known: None,
        }
    }
}

impl GateRefused {
    fn known(error: GateError, license_id: Option<&str>, code: &'static str) -> Self {
        Self {
            error,
            known: Some((license_id.map(str::to_owned), code)),
        }
    }

    pub(crate) fn by_rule(refusal: GateRefusal, by: &Admitted) -> Self {
        Self::known(refusal.into(), by.license_id.as_deref(), refusal.code())
    }
}

/// A version behind the gate.
pub(crate) struct GatedVersion<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) product: &'a Slug,
    pub(crate) version: &'a str,
    /// The file that is asked for, where it is known already.
    pub(crate) platform: Option<&'a str>,
    /// Whether a download id opens it by itself, as in the URLs of Joomla.
    pub(crate) takes_download_ids: bool,
    /// What may show that the request resumes a transfer.
    pub(crate) resuming: Option<Resuming<'a>>,
}

/// A request that may go on with a transfer that an expired link began.
#[derive(Clone, Copy)]
pub(crate) struct Resuming<'a> {
    /// The network that the caller is in.
    pub(crate) network: &'a str,
    /// `Range`.
    pub(crate) range: Option<&'a str>,
    /// `If-Range`.
    pub(crate) if_range: Option<&'a str>,
}

impl GatedVersion<'_> {
    /// Lets somebody in. In this order: an open product needs nothing; 401 without
    /// a credential; 503 without a public key; 401 or 403 by the credential; then
    /// what the product and the version require.
    ///
    /// # Errors
    /// [`GateRefused`].
    pub(crate) async fn open(
        &self,
        presented: Presented,
    ) -> Result<(Admitted, StoredVersion), GateRefused> {
        let manifests = &self.ports.manifests;
        // Together: where neither is kept, they cost the time of one.
        let (gate, stored) = join(
            manifests.gate(self.product),
            manifests.version(self.product, self.version, self.platform),
        )
        .await;
        let gate = gate?;
        let wanted = |stored: &StoredVersion| stored.requires_entitlement().map(str::to_owned);
        let version_entitlement = stored.as_ref().ok().and_then(wanted);
        if !gate.requires_license
            && gate.requires_entitlement.is_none()
            && version_entitlement.is_none()
        {
            let anybody = Admitted {
                anybody: true,
                ..Admitted::default()
            };
            return Ok((anybody, stored?));
        }
        let sha256 = |stored: &StoredVersion| stored.sha256(self.platform?).map(str::to_owned);
        let sha256 = stored.as_ref().ok().and_then(sha256);
        let admitted = self.admit(presented, sha256.as_deref()).await?;
        // Only callers with access learn what is wrong with a manifest.
        let stored = stored?;
        let required = VersionRequirements {
            version: self.version,
            built_at: stored.built_at(),
            product_entitlement: gate.requires_entitlement.as_deref(),
            version_entitlement: version_entitlement.as_deref(),
        };
        admitted
            .held()
            .opens(&required, self.ports.stamps.now())
            .map_err(|refusal| GateRefused::by_rule(refusal, &admitted))?;
        Ok((admitted, stored))
    }

    /// Checks what is presented, but for its dates and rights. `sha256` is of the file.
    async fn admit(
        &self,
        presented: Presented,
        sha256: Option<&str>,
    ) -> Result<Admitted, GateRefused> {
        match presented {
            Presented::Nothing => Err(GateError::token_missing().into()),
            Presented::Credential {
                member: Member::DownloadId,
                ..
            } if !self.takes_download_ids => Err(GateError::token_missing().into()),
            Presented::Link(link) => self.by_link(&link, self.ports.keys()?, sha256).await,
            Presented::Credential { text, member } => {
                self.by_credential(&text, member, self.ports.keys()?).await
            }
        }
    }

    /// Without a database a link opens what it names: sign made it minutes ago,
    /// for a license that was good.
    async fn by_link(
        &self,
        link: &LinkQuery,
        keys: &VerifyKeys,
        sha256: Option<&str>,
    ) -> Result<Admitted, GateRefused> {
        let expires = link.expires.parse().unwrap_or(-1);
        let dlid = clean_pasted(&link.dlid).to_ascii_lowercase();
        let token = clean_pasted(&link.token);
        let now = self.ports.stamps.now();
        let refused = |error: &LinkError| forbidden(error.code(), error.to_string());
        let verified = DownloadLink::new(self.product.as_str(), self.version, &dlid, expires)
            .and_then(|link| link.verify(&token, keys, now));
        // It is signed by us, and only its time is over.
        let begun_between = match &verified {
            Ok(()) => None,
            Err(LinkError::Expired) if self.goes_on(sha256) => Some(
                resume::begun_between(expires, now).ok_or_else(|| refused(&LinkError::Expired))?,
            ),
            Err(error) => return Err(refused(error)),
        };
        let Some(database) = &self.ports.database else {
            return match begun_between {
                None => Ok(Admitted::default()),
                Some(_) => Err(refused(&LinkError::Expired)),
            };
        };
        let holder = holders::of_download_id(database, &dlid).await?;
        let holder = holder.ok_or_else(|| not_holder(NotHolder::UnknownDownloadId, None))?;
        if let Some(between) = begun_between
            && !self.has_begun(database, &holder.id, between).await?
        {
            return Err(refused(&LinkError::Expired));
        }
        if holder.product_slug != self.product.as_str() {
            return Err(not_holder(NotHolder::WrongProduct, Some(&holder)));
        }
        Ok(Admitted {
            rights: holder.rights(),
            license_id: Some(holder.id),
            anybody: false,
        })
    }

    /// Whether the request resumes a transfer of this file.
    fn goes_on(&self, sha256: Option<&str>) -> bool {
        let resuming = self.resuming.zip(sha256);
        resuming.is_some_and(|(resuming, sha256)| {
            resume::goes_on(resuming.range, resuming.if_range, sha256)
        })
    }

    /// Whether the log has the beginning of the transfer, by the same license from the
    /// same network.
    async fn has_begun(
        &self,
        database: &Reader,
        license_id: &str,
        between: (i64, i64),
    ) -> Result<bool, GateRefused> {
        let Some((resuming, platform)) = self.resuming.zip(self.platform) else {
            return Ok(false);
        };
        let transfer = Transfer {
            license_id,
            product: self.product.as_str(),
            version: self.version,
            platform,
            address_prefix: resuming.network,
        };
        Ok(download_log::has_begun(database, transfer, between).await?)
    }

    /// A token, a license key or a download id.
    async fn by_credential(
        &self,
        text: &str,
        member: Member,
        keys: &VerifyKeys,
    ) -> Result<Admitted, GateRefused> {
        let database: Option<&Reader> = self.ports.database.as_deref();
        if database.is_none() && member == Member::DownloadId {
            return Err(no_database().into());
        }
        let credential = HeldCredential::verify(text, keys).map_err(|refusal| match member {
            Member::Token => bad_token(&refusal),
            Member::DownloadId => bad_download_id(&refusal, text),
        })?;
        match (&credential, database) {
            (HeldCredential::DownloadId(_), _) if !self.takes_download_ids => {
                let note = "this is a download id, which opens the packages of Joomla sites only; \
                            send the license's token or its key";
                return Err(GateError::new(StatusCode::UNAUTHORIZED, "token-too-short")
                    .note(note)
                    .into());
            }
            (HeldCredential::DownloadId(_), None) => return Err(no_database().into()),
            (HeldCredential::LicenseKey { .. }, None) => {
                let note = "this is a license key, and this server has no database to look it \
                            up in; send the license's token";
                return Err(GateError::token_missing().note(note).into());
            }
            _ => {}
        }
        let product = self.product.as_str();
        credential
            .check_product(product)
            .map_err(|error| not_holder(error, None))?;
        let holder = match database {
            Some(database) => credential.holder(database).await?,
            None => None,
        };
        let recorded = holder.as_ref().map(|holder| holder.product_slug.as_str());
        credential
            .check_recorded(product, recorded)
            .map_err(|error| not_holder(error, holder.as_ref()))?;
        Ok(Admitted::holding(&credential, holder))
    }
}

fn forbidden(code: &'static str, note: String) -> GateRefused {
    GateError::new(StatusCode::FORBIDDEN, code)
        .note(note)
        .into()
}

fn no_database() -> GateError {
    GateError::unavailable(
        "this server has no database to look a download id up in; use a signed link",
        "a download id was sent, and no database is bound",
    )
}

/// What the header or `?token=` has is not good: 401.
fn bad_token(refusal: &CredentialRefusal) -> GateRefused {
    let code = if refusal.is_of_license_key() {
        INVALID_LICENSE_KEY
    } else {
        token_code(refusal)
    };
    GateError::new(StatusCode::UNAUTHORIZED, code)
        .note(refusal.to_string())
        .into()
}

/// What `?dlid=` has is not good: 403, because there is nothing to log in with.
fn bad_download_id(refusal: &CredentialRefusal, text: &str) -> GateRefused {
    if refusal.is_of_license_key() {
        return forbidden(INVALID_LICENSE_KEY, refusal.to_string());
    }
    let note = DownloadId::parse(text)
        .err()
        .map_or_else(|| refusal.to_string(), |error| error.to_string());
    forbidden("malformed-download-id", note)
}

/// The code of a token that is not good, by the release server's contract.
pub(crate) fn token_code(refusal: &CredentialRefusal) -> &'static str {
    match refusal.code() {
        // It is of no token, and too short for one.
        "malformed-download-id" => TokenError::TooShort.code(),
        _ if refusal.is_of_license_key() => TokenError::Malformed.code(),
        code => code,
    }
}

const INVALID_LICENSE_KEY: &str = "invalid-license-key";

/// The refusal of somebody who holds nothing of the product. It is logged with the
/// license where one of another product is known.
fn not_holder(error: NotHolder, holder: Option<&Holder>) -> GateRefused {
    let refusal = GateError::new(StatusCode::FORBIDDEN, error.code()).note(error.to_string());
    match error {
        NotHolder::WrongProduct => GateRefused::known(
            refusal,
            holder.map(|holder| holder.id.as_str()),
            error.code(),
        ),
        NotHolder::NotRecorded | NotHolder::UnknownDownloadId => refusal.into(),
    }
}
