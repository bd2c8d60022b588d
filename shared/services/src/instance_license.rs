//! The license of the instance itself: which issuer the host configured, what the license
//! unlocks now, and asking the issuer about it. Without an issuer there are no caps.

use keywright_domain::instance_tier::{
    InstanceCaps, InstanceTier, IssuerAnswer, PinnedLicense, entitlements,
};
use keywright_domain::slug::Slug;
use keywright_domain::web_url;
use keywright_license::{LicenseError, LicenseKey, VerifyKeys, verify_license};
use keywright_ports::settings::fault_at;
use keywright_ports::{Config, DatabaseError, Outbound, Reader, Setting, name};
use keywright_providers::license_issuer;
use keywright_store::operator::instance_license::{self, InstanceLicense};
use std::sync::Arc;
use std::time::Duration;

/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the key of an entered license is sealed for.
pub const SEALED_AT: [&str; 2] = ["instance", "license_key"];

/// A host that never resolves; see `BTCPAY_URL`.
const NOWHERE: &str = ".invalid";

/// The settings of the issuer, and the license of the configuration.
pub const INSTANCE_LICENSE: Setting = Setting {
    names: &[
        name::INSTANCE_ISSUER_KEY,
        name::INSTANCE_ISSUER_URL,
        name::INSTANCE_PRODUCT_SLUG,
        name::INSTANCE_PRODUCT_ID,
        name::INSTANCE_LICENSE,
    ],
    check: faults,
};

/// Whether the host sets caps, and by which license they are lifted. Cheap to clone.
#[derive(Debug, Clone)]
pub enum InstanceLicensing {
    /// No issuer is configured, so there are no caps.
    Off,
    /// There are caps.
    On(Arc<ConfiguredIssuer>),
}

/// What is configured.
#[derive(Debug)]
pub struct ConfiguredIssuer {
    issuer: Result<LicenseIssuer, String>,
    license: Option<Result<ConfiguredLicense, String>>,
}

/// Who issues instance licenses.
#[derive(Debug)]
pub struct LicenseIssuer {
    keys: VerifyKeys,
    url: String,
    product: Slug,
    product_id: String,
}

/// A license of the configuration.
#[derive(Debug)]
pub struct ConfiguredLicense {
    /// Its key.
    pub key: String,
    /// What that says.
    pub license: PinnedLicense,
}

/// Why a key is no license of this instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// It is no key, or of another issuer.
    #[error("license_key must be a license key of {url}: {error}")]
    BadKey {
        /// The issuer.
        url: String,
        /// What is wrong.
        error: LicenseError,
    },
    /// It is for another product of the issuer.
    #[error("license_key is for the product {product}; this instance needs one for {needed}")]
    OtherProduct {
        /// The key's product: its slug where the issuer says so, else its id.
        product: String,
        /// Slug of the product that it must be for.
        needed: Slug,
    },
}

/// What an instance may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStanding {
    /// What its license unlocks.
    pub entitlements: Vec<String>,
    /// The license as recorded.
    pub recorded: Option<InstanceLicense>,
}

impl InstanceLicensing {
    /// Reads the configuration. What is wrong with it lifts no cap, and stops nothing: the
    /// last good answer about a recorded license counts on.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        if config.get(name::INSTANCE_ISSUER_KEY).is_none() {
            return Self::Off;
        }
        let issuer = IssuerParts::read(config).issuer();
        let license = config.get(name::INSTANCE_LICENSE).map(|key| {
            let issuer = issuer.as_ref().map_err(Clone::clone)?;
            let license = issuer.verify(key).map_err(|error| error.to_string())?;
            let key = key.to_owned();
            Ok(ConfiguredLicense { key, license })
        });
        Self::On(Arc::new(ConfiguredIssuer { issuer, license }))
    }

    /// What the instance may do at `now`, in unix seconds; `None`, without a round trip,
    /// where the host sets no caps. One round trip.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn standing(
        &self,
        database: &Reader,
        now: i64,
    ) -> Result<Option<InstanceStanding>, DatabaseError> {
        let Self::On(configured) = self else {
            return Ok(None);
        };
        let row = instance_license::load(database).await?;
        let recorded = row.as_ref().map(InstanceLicense::recorded);
        let entitlements = match &configured.license {
            // A configured key that cannot be read is not replaced by another one.
            Some(Err(_)) => Vec::new(),
            Some(Ok(key)) => entitlements(Some(&key.license), recorded.as_ref(), now),
            None => entitlements(None, recorded.as_ref(), now),
        };
        Ok(Some(InstanceStanding {
            entitlements,
            recorded: row,
        }))
    }

    /// The caps at `now`, in unix seconds; see [`Self::standing`].
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn caps(&self, database: &Reader, now: i64) -> Result<InstanceCaps, DatabaseError> {
        let standing = self.standing(database, now).await?;
        Ok(standing.map_or(InstanceCaps::NONE, |standing| {
            InstanceCaps::of(&standing.entitlements)
        }))
    }

    /// Where the tier above these entitlements is sold; `None` where there is none, or no
    /// issuer.
    #[must_use]
    pub fn upgrade_url(&self, entitlements: &[String]) -> Option<String> {
        let next = InstanceTier::of(entitlements).next()?;
        self.issuer().map(|issuer| {
            let LicenseIssuer { url, product, .. } = issuer;
            format!("{url}/buy/{product}?policy={}", next.as_str())
        })
    }

    /// The issuer, if it is configured and can be used.
    #[must_use]
    pub fn issuer(&self) -> Option<&LicenseIssuer> {
        match self {
            Self::Off => None,
            Self::On(configured) => configured.issuer.as_ref().ok(),
        }
    }

    /// The license of the configuration, if it can be read.
    #[must_use]
    pub fn license(&self) -> Option<&ConfiguredLicense> {
        match self {
            Self::Off => None,
            Self::On(configured) => configured.license.as_ref()?.as_ref().ok(),
        }
    }

    /// True where `INSTANCE_LICENSE` is set, readable or not.
    #[must_use]
    pub fn has_configured_license(&self) -> bool {
        matches!(self, Self::On(configured) if configured.license.is_some())
    }

    /// The URL of the issuer as it is configured, for the list of hosts that may be called.
    #[must_use]
    pub fn url(config: &Config) -> Option<&str> {
        config
            .get(name::INSTANCE_ISSUER_URL)
            .filter(|url| !url.contains(NOWHERE))
    }
}

impl LicenseIssuer {
    /// Verifies a key without asking anybody: its signature, and its product.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn verify(&self, key: &str) -> Result<PinnedLicense, KeyRefusal> {
        let verified = verify_license(key, &self.keys).map_err(|error| KeyRefusal::BadKey {
            url: self.url.clone(),
            error,
        })?;
        let payload = verified.payload();
        let product = payload.product_id().to_string();
        if product != self.product_id {
            return Err(self.other_product(product));
        }
        Ok(PinnedLicense {
            license_id: payload.license_id().to_string(),
            entitlements: payload.entitlements().to_vec(),
            expires_at: payload.expires_at(),
        })
    }

    /// The refusal of a key for another product.
    #[must_use]
    pub fn other_product(&self, product: String) -> KeyRefusal {
        KeyRefusal::OtherProduct {
            product,
            needed: self.product.clone(),
        }
    }

    /// Asks about a key of this license. An answer about another license or product is
    /// none.
    pub async fn ask(&self, outbound: &Outbound, key: &str, license_id: &str) -> IssuerAnswer {
        match self.ask_about(outbound, key).await {
            IssuerAnswer::Good {
                license,
                product_id,
                ..
            } if license.license_id != license_id || product_id != self.product_id => {
                IssuerAnswer::Nothing("the issuer answered about another license".to_owned())
            }
            answer => answer,
        }
    }

    /// Asks about a key, whatever it is for.
    pub async fn ask_about(&self, outbound: &Outbound, key: &str) -> IssuerAnswer {
        let request = match license_issuer::question(&self.url, key) {
            Ok(request) => request,
            Err(error) => return IssuerAnswer::Nothing(error.to_string()),
        };
        match outbound.send_within(request, PATIENCE).await {
            Ok(answer) => license_issuer::answer(&answer),
            Err(error) => IssuerAnswer::Nothing(error.to_string()),
        }
    }
}

/// The parts of the issuer, each read by itself.
struct IssuerParts {
    keys: Result<VerifyKeys, String>,
    url: Result<String, String>,
    product: Result<Slug, String>,
    product_id: Result<String, String>,
}

impl IssuerParts {
    fn read(config: &Config) -> Self {
        let missing =
            |name: &str, what: &str| format!("{name} is not configured; set it to {what}");
        let keys = config.get(name::INSTANCE_ISSUER_KEY).unwrap_or_default();
        let url = InstanceLicensing::url(config).ok_or_else(|| {
            let what = "the URL of the instance that issues instance licenses";
            missing(name::INSTANCE_ISSUER_URL, what)
        });
        let url = url.and_then(|url| {
            let url = url.trim_end_matches('/');
            web_url::check_origin(url)
                .map_err(|error| format!("{} {error}", name::INSTANCE_ISSUER_URL))?;
            Ok(url.to_owned())
        });
        let product = config.get(name::INSTANCE_PRODUCT_SLUG).ok_or_else(|| {
            let what = "the slug of the issuer's product that instances are licensed by";
            missing(name::INSTANCE_PRODUCT_SLUG, what)
        });
        let product = product.and_then(|slug| {
            Slug::parse(slug).map_err(|error| format!("{} {error}", name::INSTANCE_PRODUCT_SLUG))
        });
        let product_id = config.get(name::INSTANCE_PRODUCT_ID).ok_or_else(|| {
            let what = "the UUID of that product: id of GET /v1/products/{slug} at the issuer";
            missing(name::INSTANCE_PRODUCT_ID, what)
        });
        let product_id = product_id.and_then(|id| {
            let why = "must be a UUID in lower case: id of GET /v1/products/{slug} at the issuer";
            let malformed = || format!("{} {why}", name::INSTANCE_PRODUCT_ID);
            is_uuid(id).then(|| id.to_owned()).ok_or_else(malformed)
        });
        Self {
            keys: keys
                .parse()
                .map_err(|error| format!("{} cannot be read: {error}", name::INSTANCE_ISSUER_KEY)),
            url,
            product,
            product_id,
        }
    }

    fn issuer(self) -> Result<LicenseIssuer, String> {
        Ok(LicenseIssuer {
            keys: self.keys?,
            url: self.url?,
            product: self.product?,
            product_id: self.product_id?,
        })
    }

    fn faults(&self) -> Vec<String> {
        let Self {
            keys,
            url,
            product,
            product_id,
        } = self;
        let faults = [
            keys.as_ref().err(),
            url.as_ref().err(),
            product.as_ref().err(),
            product_id.as_ref().err(),
        ];
        faults.into_iter().flatten().cloned().collect()
    }
}

fn is_uuid(text: &str) -> bool {
    let mut bytes = text.bytes().enumerate();
    text.len() == 36
        && bytes.all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

fn faults(config: &Config) -> Vec<String> {
    let [key, others @ ..] = INSTANCE_LICENSE.names else {
        return Vec::new();
    };
    if config.get(key).is_none() {
        let is_set = |name: &str| match name {
            name::INSTANCE_ISSUER_URL => InstanceLicensing::url(config).is_some(),
            name => config.get(name).is_some(),
        };
        return if others.iter().any(|name| is_set(name)) {
            vec![format!(
                "{key} is not configured, so the instance has no caps; set it to the issuer's public key, or remove {}",
                others.join(", ")
            )]
        } else {
            Vec::new()
        };
    }
    let mut faults = IssuerParts::read(config).faults();
    if let Some(key) = config.get(name::INSTANCE_LICENSE) {
        let read = match IssuerParts::read(config).issuer() {
            Ok(issuer) => issuer.verify(key).map(drop).map_err(|why| why.to_string()),
            Err(_) => LicenseKey::parse(key)
                .map(drop)
                .map_err(|why| why.to_string()),
        };
        faults.extend(fault_at(name::INSTANCE_LICENSE, read));
    }
    faults
}

#[cfg(test)]
#[path = "instance_license_tests.rs"]
mod tests;
