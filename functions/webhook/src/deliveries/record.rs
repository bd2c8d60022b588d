//! Reads the invoice back that a delivery names, and records what it says.

use crate::Ports;
use keywright_domain::order::OrderProvider;
use keywright_domain::rail::ProviderKind;
use keywright_ports::Level;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_providers::account::Account;
use keywright_providers::answer::ReadError;
use keywright_providers::invoice::Invoice;
use keywright_services::payment_observation;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices;
use keywright_store::sales::payable::Payable;
use keywright_store::sales::payment_observations::Recorded;
use keywright_web::ApiError;

/// How often an invoice is read for one delivery. A few deliveries of one invoice arrive
/// at once, and each one that is overtaken means that another was recorded.
const MAX_READS: usize = 5;

/// What a delivery claims, and where it came from.
pub(super) struct Delivered<'a> {
    pub(super) account: &'a Account,
    /// The connected provider; `None` for the store of the configuration.
    pub(super) provider_id: Option<&'a str>,
    /// The provider's id of the invoice.
    pub(super) invoice_id: &'a str,
    /// Ours, where the delivery says.
    pub(super) order_id: Option<&'a str>,
    pub(super) request_id: &'a str,
}

impl Delivered<'_> {
    fn kind(&self) -> ProviderKind {
        self.account.kind()
    }

    pub(super) fn note(&self, ports: &Ports, text: &str) {
        let line = format!("{} delivery: {text}", self.kind().label());
        ports.log.write(Level::Warn, self.request_id, &line);
    }

    /// The order that is meant; `None`, with a line in the log, if it is none of ours.
    pub(super) async fn order(&self, ports: &Ports) -> Result<Option<Payable>, ApiError> {
        let found = invoices::at_provider(
            &ports.database,
            self.kind(),
            self.invoice_id,
            self.order_id,
            self.provider_id,
        );
        let found = found.await?;
        if found.is_none() {
            self.note(ports, "ignored, it is for no order of this account");
        }
        Ok(found)
    }

    /// Reads the invoice of `order` back and records what it says. Nothing is recorded of
    /// one that is not ours or contradicts what is recorded.
    ///
    /// # Errors
    /// [`Unrecorded`]; nothing was recorded then.
    pub(super) async fn record(
        &self,
        ports: &Ports,
        keys: &ReceiptKeys,
        mut order: Payable,
    ) -> Result<(), Unrecorded> {
        for _ in 0..MAX_READS {
            // The order matters: what is read after our row was loaded is at least
            // as new as what the row says.
            let Some(remote) = self.read_back(ports, order.lacks_sats()).await? else {
                self.note(ports, "ignored, the provider knows no such invoice");
                return Ok(());
            };
            let actor = Actor {
                name: OrderProvider::from(self.kind()).as_str().into(),
                at: ports.stamps.now(),
                request_id: self.request_id.to_owned(),
            };
            let (account, stamps) = (self.account, &ports.stamps);
            let prepared =
                payment_observation::prepare(&actor, &order, account, &remote, stamps, keys);
            let prepared = match prepared {
                Ok(prepared) => prepared,
                Err(rejected) => {
                    self.note(ports, &format!("nothing recorded: {rejected}"));
                    return Ok(());
                }
            };
            match prepared.record(&ports.database).await? {
                Recorded::Done(_) => return Ok(()),
                Recorded::Overtaken => {}
            }
            match self.order(ports).await? {
                Some(newer) => order = newer,
                None => return Ok(()),
            }
        }
        Err(Unrecorded::Unread(
            "overtaken by other deliveries".to_owned(),
        ))
    }

    /// The invoice as the provider shows it now; `None` when there is none. Includes the
    /// price in sats where the provider reports it here; where it does not, the reconciler
    /// reads it.
    async fn read_back(
        &self,
        ports: &Ports,
        with_sats: bool,
    ) -> Result<Option<Invoice>, Unrecorded> {
        let request = self.account.get_invoice(self.invoice_id, with_sats);
        let request = request.map_err(|error| ApiError::internal(error.to_string()))?;
        let answer = ports.outbound.send(request).await;
        let answer = answer.map_err(|error| Unrecorded::Unread(error.to_string()))?;
        match self.account.read_invoice(&answer, ports.stamps.now()) {
            Ok(remote) => Ok(Some(remote)),
            Err(ReadError::NotFound) => Ok(None),
            Err(error) => Err(Unrecorded::Unread(error.to_string())),
        }
    }
}

/// Why a delivery left nothing.
pub(super) enum Unrecorded {
    /// The provider cannot be asked now.
    Unread(String),
    /// Anything else, ready to be answered.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Unrecorded {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Unrecorded {
    /// The answer that has the provider send the delivery again.
    pub(super) fn send_again(self) -> ApiError {
        match self {
            Self::Failed(error) => error,
            Self::Unread(failure) => ApiError::unavailable(
                "service_unavailable",
                "the invoice could not be read back from the payment provider; send this again",
                failure,
            ),
        }
    }
}
