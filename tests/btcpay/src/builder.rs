//! Setting a double up, starting it, and its end.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rust_decimal::Decimal;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::control::{Control, Known};
use crate::delivery::start_worker;
use crate::permission::LICENSE_SHOP;
use crate::state::{Setup, Shared, State};
use crate::store::{ApiKey, Network, StoreConfig};
use crate::webhook::{Settings, Webhook};
use crate::{api, checkout, consent, gate, money};

/// Version the double says it is.
const VERSION: &str = "2.4.1";

/// A running double. Dropping it ends everything it started.
///
/// It derefs to its [`Control`] handle.
#[derive(Debug)]
pub struct BtcPay {
    control: Control,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BtcPay {
    /// Starts the description of a double.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Deref for BtcPay {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Drop for BtcPay {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            // The thread only ever waits for its tasks, so this is short; a
            // panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// What a double is to be.
#[derive(Debug)]
pub struct Builder {
    stores: Vec<StoreConfig>,
    keys: Vec<ApiKey>,
    webhooks: Vec<(String, Settings)>,
    listen: SocketAddr,
    control_listen: SocketAddr,
    retry_speed: u32,
    delivery_timeout: Duration,
    patience: Duration,
    rates: HashMap<String, Decimal>,
    network: Network,
    clock: Clock,
    strict: bool,
    crlf: bool,
}

impl Builder {
    fn new() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let rates = [
            ("BTC", 1),
            ("SATS", 100_000_000),
            ("USD", 50_000),
            ("EUR", 45_000),
        ];
        Self {
            stores: Vec::new(),
            keys: Vec::new(),
            webhooks: Vec::new(),
            listen: any_port,
            control_listen: any_port,
            retry_speed: 1,
            delivery_timeout: Duration::from_secs(100),
            patience: Duration::from_mins(3),
            rates: rates
                .map(|(name, rate)| (name.to_owned(), Decimal::from(rate)))
                .into(),
            network: Network::Regtest,
            clock: Clock::system(),
            strict: false,
            crlf: false,
        }
    }

    /// Adds a store with usual settings. The first is the main one.
    #[must_use]
    pub fn store(self, id: &str) -> Self {
        self.store_with(StoreConfig::new(id))
    }

    /// Adds a store.
    #[must_use]
    pub fn store_with(mut self, store: StoreConfig) -> Self {
        self.stores.push(store);
        self
    }

    /// Adds an API key with the least a license shop needs
    /// ([`permission::LICENSE_SHOP`](crate::permission::LICENSE_SHOP)), for all stores.
    #[must_use]
    pub fn api_key(self, key: &str) -> Self {
        self.api_key_with(key, &LICENSE_SHOP)
    }

    /// Adds an API key with these permissions: `name`, or `name:storeId`.
    #[must_use]
    pub fn api_key_with(mut self, key: &str, permissions: &[&str]) -> Self {
        self.keys.push(ApiKey {
            key: key.to_owned(),
            label: format!("key {}", self.keys.len() + 1),
            permissions: permissions.iter().map(ToString::to_string).collect(),
        });
        self
    }

    /// Adds a webhook for all events, with automatic redelivery, to the store
    /// added last.
    #[must_use]
    pub fn webhook(self, url: &str, secret: &str) -> Self {
        self.add_webhook(Some(url), secret)
    }

    /// The same before the receiver's address is known; nothing is delivered
    /// until [`Control::set_webhook_url`].
    #[must_use]
    pub fn webhook_later(self, secret: &str) -> Self {
        self.add_webhook(None, secret)
    }

    fn add_webhook(mut self, url: Option<&str>, secret: &str) -> Self {
        let store = self
            .stores
            .last()
            .map(|store| store.id.clone())
            .unwrap_or_default();
        self.webhooks
            .push((store, Settings::everything(url, secret)));
        self
    }

    /// Address of the API; by default a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Address of the control port; by default a free port of 127.0.0.1.
    #[must_use]
    pub fn control_listen(mut self, address: SocketAddr) -> Self {
        self.control_listen = address;
        self
    }

    /// Divides the waits before retries (10 s, 1 min, 6 × 10 min). Default 1.
    #[must_use]
    pub fn retry_speed(mut self, times_faster: u32) -> Self {
        self.retry_speed = times_faster.max(1);
        self
    }

    /// How long a receiver may take; after that it gave no answer. Default 100 s.
    #[must_use]
    pub fn delivery_timeout(mut self, limit: Duration) -> Self {
        self.delivery_timeout = limit;
        self
    }

    /// How long [`Control::idle`] and the like wait at most. Default 30 s.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Price of one BTC in this currency. Defaults: USD 50000, EUR 45000.
    /// A text that is no positive number removes the currency.
    #[must_use]
    pub fn rate(mut self, currency: &str, one_btc: &str) -> Self {
        money::set_rate(&mut self.rates, currency, one_btc);
        self
    }

    /// Which network's prefixes addresses have. Default regtest.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Time stands still at these unix seconds and only moves by
    /// [`Control::advance`]; retries wait for that as well.
    #[must_use]
    pub fn frozen_clock(mut self, unix_seconds: i64) -> Self {
        self.clock = Clock::frozen_at(unix_seconds);
        self
    }

    /// Refuses (422) body fields and query parameters that the published API
    /// does not have. They are noted in any case: [`Control::violations`].
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Ends the lines of webhook bodies with CRLF, as a server on Windows does.
    #[must_use]
    pub fn line_ending_crlf(mut self) -> Self {
        self.crlf = true;
        self
    }

    /// Starts the double; it accepts connections when this returns.
    ///
    /// # Errors
    /// No store was added; an address cannot be bound; the system gives no thread.
    pub fn start(self) -> io::Result<BtcPay> {
        if self.stores.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "add a store first",
            ));
        }
        let (ready, wait) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("btcpay-double".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                runtime.block_on(async {
                    match self.run().await {
                        Ok(control) => {
                            let _ = ready.send(Ok(control));
                            // Also ends when the handle was leaked and its thread is over.
                            let _ = ended.await;
                        }
                        Err(error) => drop(ready.send(Err(error))),
                    }
                });
                // Does not wait for a name look-up that may be under way.
                runtime.shutdown_background();
            })?;
        let control = wait
            .recv()
            .map_err(|_| io::Error::other("the double's thread ended before it was ready"))??;
        Ok(BtcPay {
            control,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// On the double's runtime: binds, and starts all tasks.
    async fn run(self) -> io::Result<Control> {
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let control_listener = TcpListener::bind(self.control_listen).await?;
        let control_address = control_listener.local_addr()?;

        let client = reqwest::Client::builder()
            .user_agent(format!("BTCPayServer/{VERSION}"))
            .timeout(self.delivery_timeout)
            // As .NET's client: fifty, and a POST becomes a GET where browsers do so.
            .redirect(reqwest::redirect::Policy::limited(50))
            // A receiver that restarts between deliveries must not be met on a
            // connection of its earlier life.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;

        let mut state = State::new(self.clock, self.keys, self.rates);
        for (store, settings) in self.webhooks {
            let id = state.ids.short();
            state.webhooks.push(Webhook::new(id, &store, settings));
        }
        let webhook_ids: Vec<String> = state
            .webhooks
            .iter()
            .map(|webhook| webhook.id.clone())
            .collect();
        let known = Known {
            control_url: format!("http://{control_address}"),
            store_id: self
                .stores
                .first()
                .map(|store| store.id.clone())
                .unwrap_or_default(),
            api_key: state
                .keys
                .first()
                .map(|key| key.key.clone())
                .unwrap_or_default(),
            webhook_id: webhook_ids.first().cloned(),
        };
        let setup = Setup {
            stores: self.stores,
            network: self.network,
            retry_speed: self.retry_speed,
            patience: self.patience,
            strict: self.strict,
            crlf: self.crlf,
            base_url: format!("http://{address}"),
            version: VERSION,
        };
        let runtime = tokio::runtime::Handle::current();
        let double = Arc::new(Shared::new(setup, state, client, runtime.clone()));
        for id in &webhook_ids {
            start_worker(&double, id);
        }
        runtime.spawn(watch_deadlines(Arc::clone(&double)));

        let (gate, inbox) = gate::gate();
        let control = Control {
            double: Arc::clone(&double),
            gate,
            known: Arc::new(known),
        };
        let controls = crate::control::router(control.clone());
        let pages = checkout::router(control.clone()).merge(consent::router(control.clone()));
        let everything = api::router(&double, pages).merge(controls.clone());
        runtime.spawn(gate::serve(listener, address, inbox, everything));
        let (_, never) = gate::gate();
        runtime.spawn(gate::serve(
            control_listener,
            control_address,
            never,
            controls,
        ));
        Ok(control)
    }
}

/// Deadlines also take effect when nobody asks.
async fn watch_deadlines(double: Arc<Shared>) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        every_second.tick().await;
        double.lock().tick();
        double.bump();
    }
}
