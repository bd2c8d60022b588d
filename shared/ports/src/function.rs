//! What a function is, what it may touch, and the host that hands it that.

use crate::{
    AddressHeader, BoxFuture, Clock, Config, Database, DatabasePort, EndpointCalls, Fetch, Later,
    Log, MailBinding, Migration, Outbound, PageFiles, Pages, Random, Reader, ReleaseStore,
    ReleaseWrite, ReleaseWriter, Releases, Setting, Sign, Stamps,
};
use std::sync::Arc;

/// One function: one WebAssembly module on either host. `Service` is what answers
/// its requests; `keywright_web::Function` says which.
#[derive(Clone, Copy)]
pub struct Function<Service> {
    /// Its name in both manifests.
    pub name: &'static str,
    /// What it may touch.
    pub grants: Grants,
    /// Builds its routes from the ports of a host.
    pub router: fn(&Host) -> Result<Service, PortError>,
    /// The schema it relies on; Spin and native hosts apply what is missing.
    /// Empty for a function that does not write to the database.
    pub migrations: &'static [Migration],
    /// What a cron trigger runs, where the function has one.
    pub tick: Option<Tick>,
    /// The checks of its configuration: together they read every name that it is granted.
    pub settings: &'static [Setting],
}

/// One run of a cron function; ticks may overlap or repeat without harm. [`Later`] is for
/// waiting within the run.
pub type Tick = fn(Host, Later) -> BoxFuture<'static, Result<(), String>>;

/// What a function may touch: one row of the table of privileges. The host
/// opens these ports and no others.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the table"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants {
    /// The database.
    pub database: Access,
    /// Whether a vendor may leave the database unbound, and the function does
    /// what it can without.
    pub database_optional: bool,
    /// Whether it may have records signed.
    pub sign: bool,
    /// Which outside hosts it may call.
    pub outbound: OutboundAccess,
    /// Whether it may send mail through a binding of the platform.
    pub mail_binding: bool,
    /// The configuration it is handed, secret or not.
    pub config: &'static [&'static str],
    /// The release files.
    pub releases: Access,
    /// Whether it reads the storefront's files.
    pub pages: bool,
}

impl Grants {
    /// Nothing at all.
    pub const NONE: Self = Self {
        database: Access::None,
        database_optional: false,
        sign: false,
        outbound: OutboundAccess::None,
        mail_binding: false,
        config: &[],
        releases: Access::None,
        pages: false,
    };
}

/// How far a store is open to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Not at all.
    None,
    /// Reading only.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// Which outside hosts a function may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundAccess {
    /// None.
    None,
    /// The payment providers of the configuration.
    PaymentProviders,
    /// The payment providers, and the issuer of instance licenses.
    PaymentProvidersAndIssuer,
    /// The RPC endpoints of the configuration.
    PolygonRpc,
    /// The webhook endpoints that operators enter.
    WebhookEndpoints,
}

/// A port a function asked for and was not granted, or the host cannot open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The function's grants do not name the port.
    #[error("the function is not granted {0}; add it to its grants and to both manifests")]
    NotGranted(&'static str),
    /// The host has no such binding.
    #[error("{0} is not bound; check the host's manifest")]
    NotBound(&'static str),
}

/// The opened ports of one function. Built by a host adapter from the
/// function's [`Grants`]; cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// Name of the function, for the log.
    pub function: &'static str,
    /// What may be handed out.
    pub grants: Grants,
    /// The database, where granted and bound.
    pub database: Option<Arc<dyn DatabasePort>>,
    /// The way to the sign function, where granted and bound.
    pub sign: Option<Arc<dyn Fetch>>,
    /// The way out, where granted.
    pub outbound: Option<Arc<dyn Fetch>>,
    /// The e-mail binding, where granted and bound.
    pub mail_binding: Option<Arc<dyn MailBinding>>,
    /// The release files, where granted and bound.
    pub releases: Option<Arc<dyn ReleaseStore>>,
    /// The same for writing, where granted and where the host can.
    pub release_writer: Option<Arc<dyn ReleaseWrite>>,
    /// The storefront's files, where granted and bound.
    pub pages: Option<Arc<dyn PageFiles>>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Secure randomness.
    pub random: Arc<dyn Random>,
    /// The granted configuration.
    pub config: Config,
    /// Where log lines go.
    pub log: Log,
    /// The header that tells a caller's address.
    pub address_header: AddressHeader,
}

impl Host {
    /// The database for reading and writing.
    ///
    /// # Errors
    /// [`PortError`] when not granted for writing or not bound.
    pub fn database(&self) -> Result<Database, PortError> {
        match self.grants.database {
            Access::ReadWrite => Ok(Database::new(self.bound_database()?)),
            Access::None | Access::Read => Err(PortError::NotGranted("writing to the database")),
        }
    }

    /// The database for reading and writing, where the vendor bound one.
    ///
    /// # Errors
    /// [`PortError`] when not granted as an optional one.
    pub fn optional_database(&self) -> Result<Option<Database>, PortError> {
        match (self.grants.database, self.grants.database_optional) {
            (Access::ReadWrite, true) => Ok(self.database.clone().map(Database::new)),
            _ => Err(PortError::NotGranted("an optional database")),
        }
    }

    /// The database for reading only.
    ///
    /// # Errors
    /// [`PortError`] when not granted or not bound.
    pub fn reader(&self) -> Result<Reader, PortError> {
        match self.grants.database {
            Access::None => Err(PortError::NotGranted("the database")),
            Access::Read | Access::ReadWrite => Ok(Reader::new(self.bound_database()?)),
        }
    }

    fn bound_database(&self) -> Result<Arc<dyn DatabasePort>, PortError> {
        self.database
            .clone()
            .ok_or(PortError::NotBound("the database"))
    }

    /// The sign function.
    ///
    /// # Errors
    /// [`PortError`] when not granted or not bound.
    pub fn sign(&self) -> Result<Sign, PortError> {
        if !self.grants.sign {
            return Err(PortError::NotGranted("the sign function"));
        }
        self.sign
            .clone()
            .map(Sign::new)
            .ok_or(PortError::NotBound("the sign function"))
    }

    /// Outbound HTTP to the origins in `allowed` (URLs; only scheme, host and
    /// port count). Anything else is refused before a connection is made.
    ///
    /// # Errors
    /// [`PortError`] when the function may not call outside hosts.
    pub fn outbound(&self, allowed: &[&str]) -> Result<Outbound, PortError> {
        if matches!(
            self.grants.outbound,
            OutboundAccess::None | OutboundAccess::WebhookEndpoints
        ) {
            return Err(PortError::NotGranted("outbound HTTP"));
        }
        let fetch = self
            .outbound
            .clone()
            .ok_or(PortError::NotBound("outbound HTTP"))?;
        Ok(Outbound::new(fetch, allowed))
    }

    /// Calls to the webhook endpoints that operators enter.
    ///
    /// # Errors
    /// [`PortError`] when not granted or not bound.
    pub fn endpoint_calls(&self) -> Result<EndpointCalls, PortError> {
        if self.grants.outbound != OutboundAccess::WebhookEndpoints {
            return Err(PortError::NotGranted("calls to webhook endpoints"));
        }
        let fetch = self
            .outbound
            .clone()
            .ok_or(PortError::NotBound("outbound HTTP"))?;
        Ok(EndpointCalls::new(fetch))
    }

    /// The e-mail binding; `None` where the host has none.
    ///
    /// # Errors
    /// [`PortError`] when not granted.
    pub fn mail_binding(&self) -> Result<Option<Arc<dyn MailBinding>>, PortError> {
        if !self.grants.mail_binding {
            return Err(PortError::NotGranted("the e-mail binding"));
        }
        Ok(self.mail_binding.clone())
    }

    /// The release files, for reading.
    ///
    /// # Errors
    /// [`PortError`] when not granted or not bound.
    pub fn releases(&self) -> Result<Releases, PortError> {
        if self.grants.releases == Access::None {
            return Err(PortError::NotGranted("the releases"));
        }
        self.releases
            .clone()
            .map(Releases::new)
            .ok_or(PortError::NotBound("the releases"))
    }

    /// The release files, for writing; `None` where the host cannot write any.
    ///
    /// # Errors
    /// [`PortError`] when not granted.
    pub fn release_writer(&self) -> Result<Option<ReleaseWriter>, PortError> {
        if self.grants.releases != Access::ReadWrite {
            return Err(PortError::NotGranted("writing releases"));
        }
        Ok(self.release_writer.clone().map(ReleaseWriter::new))
    }

    /// The storefront's files.
    ///
    /// # Errors
    /// [`PortError`] when not granted or not bound.
    pub fn pages(&self) -> Result<Pages, PortError> {
        if !self.grants.pages {
            return Err(PortError::NotGranted("the storefront's files"));
        }
        self.pages
            .clone()
            .map(Pages::new)
            .ok_or(PortError::NotBound("the storefront's files"))
    }

    /// The time and new ids.
    #[must_use]
    pub fn stamps(&self) -> Stamps {
        Stamps::new(self.clock.clone(), self.random.clone())
    }
}
