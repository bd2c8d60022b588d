//! Who may have a version: what was shown is checked, then weighed against what
//! the product and the version require.

use crate::Ports;
use crate::asked::{Link, Shown};
use crate::error::GateError;
use crate::files::To;
use crate::shelf::Shelved;
use futures_util::future::join;
use http::StatusCode;
use keywright_domain::release::DownloadId;
use keywright_domain::release::gate::{Asked, DownloadRights, GateRefusal, Held};
use keywright_domain::slug::Slug;
use keywright_license::{DownloadLink, Token, TokenClaims, TokenError, VerifyKeys, verify_license};
use keywright_ports::Reader;
use keywright_store::licenses::holders::{self, Holder};

/// Somebody whose signature or download id is good, or anybody at an open door.
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
    pub(crate) fn to(&self) -> To {
        if self.anybody {
            To::Everybody
        } else {
            To::WhoMay
        }
    }

    /// What a token claims and, where its license is recorded, the license as it
    /// now is allows too.
    pub(crate) fn by_claims(claims: &TokenClaims, holder: Option<Holder>) -> Self {
        let maintenance_until = claims.maintenance_until.map(|day| day.to_string());
        let claimed = DownloadRights::of_token(
            &claims.channel_expiry.to_string(),
            claims.entitlements.clone(),
            claims.version_floor.clone(),
            maintenance_until.as_deref(),
        );
        Self {
            license_id: claims.license.clone(),
            rights: match holder {
                Some(holder) => claimed.and(holder.rights()),
                None => claimed,
            },
            anybody: false,
        }
    }
}

impl From<Holder> for Admitted {
    fn from(holder: Holder) -> Self {
        Self {
            rights: holder.rights(),
            license_id: Some(holder.id),
            anybody: false,
        }
    }
}

/// A refusal, and what the log says of it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: GateError,
    /// The license and the code, where the signature or the download id was
    /// good.
    pub(crate) known: Option<(Option<String>, &'static str)>,
}

impl<E: Into<GateError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            known: None,
        }
    }
}

impl Refused {
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
pub(crate) struct Door<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) product: &'a Slug,
    pub(crate) version: &'a str,
    /// The file that is asked for, where it is known already.
    pub(crate) platform: Option<&'a str>,
    /// Whether a download id opens it by itself, as a URL of Joomla has it.
    pub(crate) takes_download_ids: bool,
}

impl Door<'_> {
    /// Lets somebody in. In this order: an open product needs nothing; 401
    /// where nothing is shown; 503 without a public key; 401 or 403 by what is
    /// shown; then what the product and the version require.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) async fn open(&self, shown: Shown) -> Result<(Admitted, Shelved), Refused> {
        let shelf = &self.ports.shelf;
        // Together: where neither is kept, they cost the time of one.
        let (gate, shelved) = join(
            shelf.gate(self.product),
            shelf.version(self.product, self.version, self.platform),
        )
        .await;
        let gate = gate?;
        let wanted = |shelved: &Shelved| shelved.requires_entitlement().map(str::to_owned);
        let version_entitlement = shelved.as_ref().ok().and_then(wanted);
        if !gate.requires_license
            && gate.requires_entitlement.is_none()
            && version_entitlement.is_none()
        {
            let anybody = Admitted {
                anybody: true,
                ..Admitted::default()
            };
            return Ok((anybody, shelved?));
        }
        let admitted = self.admit(shown).await?;
        // What is wrong with a manifest is told to those only who may ask.
        let shelved = shelved?;
        let asked = Asked {
            version: self.version,
            built_at: shelved.built_at(),
            product_entitlement: gate.requires_entitlement.as_deref(),
            version_entitlement: version_entitlement.as_deref(),
        };
        admitted
            .held()
            .opens(&asked, self.ports.stamps.now())
            .map_err(|refusal| Refused::by_rule(refusal, &admitted))?;
        Ok((admitted, shelved))
    }

    /// Checks what is shown, but for its dates and rights.
    async fn admit(&self, shown: Shown) -> Result<Admitted, Refused> {
        if matches!(shown, Shown::Nothing)
            || (matches!(shown, Shown::DownloadId(_)) && !self.takes_download_ids)
        {
            return Err(GateError::token_missing().into());
        }
        let keys = self.ports.keys()?;
        match shown {
            Shown::Token(token) => self.by_token(&token, keys).await,
            Shown::Link(link) => self.by_link(&link, keys).await,
            Shown::DownloadId(id) => self.by_download_id(&id, keys).await,
            Shown::Nothing => Err(GateError::token_missing().into()),
        }
    }

    async fn by_token(&self, text: &str, keys: &VerifyKeys) -> Result<Admitted, Refused> {
        let claims = claims_of(text, keys, self.product.as_str()).map_err(|error| {
            let refusal = GateError::new(status_of(&error), error.code());
            match error {
                TokenError::WrongProduct { .. } => Refused::known(refusal, None, error.code()),
                _ => refusal.into(),
            }
        })?;
        let holder = license_of(self.ports, &claims).await?;
        if let Some(holder) = holder.as_ref().filter(|holder| !self.is_of(holder)) {
            return Err(wrong_product(holder));
        }
        Ok(Admitted::by_claims(&claims, holder))
    }

    /// Without a database a link opens what it names: sign made it minutes ago,
    /// for a license that was good.
    async fn by_link(&self, link: &Link, keys: &VerifyKeys) -> Result<Admitted, Refused> {
        let refused = |code: &'static str, note: String| {
            Refused::from(GateError::new(StatusCode::FORBIDDEN, code).note(note))
        };
        let expires = link.expires.parse().unwrap_or(-1);
        DownloadLink::new(self.product.as_str(), self.version, &link.dlid, expires)
            .and_then(|said| said.verify(&link.token, keys, self.ports.stamps.now()))
            .map_err(|error| refused(error.code(), error.to_string()))?;
        match &self.ports.database {
            None => Ok(Admitted::default()),
            Some(database) => {
                let holder = holders::of_download_id(database, &link.dlid).await?;
                self.holder(holder)
            }
        }
    }

    /// A download id, or the license key in its place.
    async fn by_download_id(&self, id: &str, keys: &VerifyKeys) -> Result<Admitted, Refused> {
        let Some(database) = &self.ports.database else {
            return Err(GateError::unavailable(
                "this server has no database to look a download id up in; use a signed link",
                "a download id was shown, and no database is bound",
            )
            .into());
        };
        let forbidden = |code: &'static str, note: String| {
            Refused::from(GateError::new(StatusCode::FORBIDDEN, code).note(note))
        };
        if id.starts_with("LIC1-") {
            let license = verify_license(id, keys)
                .map_err(|error| forbidden("invalid-license-key", error.to_string()))?;
            let license_id = license.payload().license_id().to_string();
            self.holder(holders::of_license(database, &license_id).await?)
        } else {
            let id = DownloadId::parse(id)
                .map_err(|error| forbidden("malformed-download-id", error.to_string()))?;
            self.holder(holders::of_download_id(database, id.as_str()).await?)
        }
    }

    /// The license behind a download id, if it is one of this product.
    fn holder(&self, holder: Option<Holder>) -> Result<Admitted, Refused> {
        let holder = holder.ok_or_else(|| {
            GateError::new(StatusCode::FORBIDDEN, "unknown-download-id")
                .note("no license has this download id; it may have been replaced")
        })?;
        if !self.is_of(&holder) {
            return Err(wrong_product(&holder));
        }
        Ok(holder.into())
    }

    /// Whether a license is one of this product.
    fn is_of(&self, holder: &Holder) -> bool {
        holder.product_slug == self.product.as_str()
    }
}

const WRONG_PRODUCT: &str = "wrong-product";

fn wrong_product(holder: &Holder) -> Refused {
    let error = GateError::new(StatusCode::FORBIDDEN, WRONG_PRODUCT)
        .note("the license is for another product");
    Refused::known(error, Some(&holder.id), WRONG_PRODUCT)
}

/// Reads a token and verifies it for `product`, in the order base64, length,
/// signature, JSON, product. Its dates are not looked at.
///
/// # Errors
/// [`TokenError`].
pub(crate) fn claims_of(
    text: &str,
    keys: &VerifyKeys,
    product: &str,
) -> Result<TokenClaims, TokenError> {
    let token = Token::parse(text)?.verify(keys)?;
    // A day in the remote past: nothing has expired then.
    token.check(product, i64::MIN)?;
    Ok(token.claims().clone())
}

/// 403 where the token is good for something else, 401 where it is not good.
pub(crate) fn status_of(error: &TokenError) -> StatusCode {
    match error {
        TokenError::WrongProduct { .. } | TokenError::ChannelExpired { .. } => {
            StatusCode::FORBIDDEN
        }
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The license that a token names, as it now is: one round trip, and none where
/// no database is bound or the token names none. `None` for a license that is
/// not recorded here: its token was signed by the vendor all the same.
///
/// # Errors
/// [`GateError`] when the database does not answer; the gate stays shut then.
pub(crate) async fn license_of(
    ports: &Ports,
    claims: &TokenClaims,
) -> Result<Option<Holder>, GateError> {
    let database: Option<&Reader> = ports.database.as_deref();
    let (Some(database), Some(id)) = (database, &claims.license) else {
        return Ok(None);
    };
    Ok(holders::of_license(database, id).await?)
}
