//! `btcpay-double`: a stand-in for `BTCPay` Server, by hand or for browser tests.
//!
//! Prints `base_url=…` and `control_url=…` when it is ready, and serves until
//! it is interrupted.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use keywright_btcpay_double::{BtcPay, Builder, Network};

const USAGE: &str = "\
usage: btcpay-double [options]
  --listen ADDRESS      address of the API and the checkout pages (127.0.0.1:0)
  --control ADDRESS     address of the control port (127.0.0.1:0)
  --store ID            store to serve (store)
  --api-key KEY         key with the permissions of a license shop (key)
  --webhook URL         where events of the store are delivered (nowhere)
  --secret SECRET       secret that signs them (secret)
  --retry-speed N       divide the waits before retries (1)
  --network NAME        mainnet, testnet or regtest (regtest)
  --strict              refuse fields and parameters that BTCPay does not have";

/// What the command line asks for.
struct Options {
    listen: Option<SocketAddr>,
    control: Option<SocketAddr>,
    store: String,
    api_key: String,
    webhook: Option<String>,
    secret: String,
    retry_speed: u32,
    network: Network,
    strict: bool,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            listen: None,
            control: None,
            store: "store".to_owned(),
            api_key: "key".to_owned(),
            webhook: None,
            secret: "secret".to_owned(),
            retry_speed: 1,
            network: Network::Regtest,
            strict: false,
        };
        while let Some(name) = words.next() {
            if name == "--strict" {
                options.strict = true;
                continue;
            }
            let value = words
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = || format!("{value} is no value for {name}");
            match name.as_str() {
                "--listen" => options.listen = Some(value.parse().map_err(|_| wrong())?),
                "--control" => options.control = Some(value.parse().map_err(|_| wrong())?),
                "--store" => options.store = value,
                "--api-key" => options.api_key = value,
                "--webhook" => options.webhook = Some(value),
                "--secret" => options.secret = value,
                "--retry-speed" => options.retry_speed = value.parse().map_err(|_| wrong())?,
                "--network" => {
                    options.network = match value.as_str() {
                        "mainnet" => Network::Mainnet,
                        "testnet" => Network::Testnet,
                        "regtest" => Network::Regtest,
                        _ => return Err(wrong()),
                    }
                }
                _ => return Err(format!("unknown option {name}")),
            }
        }
        Ok(options)
    }

    fn builder(&self) -> Builder {
        let mut builder = BtcPay::builder()
            .store(&self.store)
            .api_key(&self.api_key)
            .retry_speed(self.retry_speed)
            .network(self.network);
        builder = match &self.webhook {
            Some(url) => builder.webhook(url, &self.secret),
            None => builder.webhook_later(&self.secret),
        };
        if let Some(address) = self.listen {
            builder = builder.listen(address);
        }
        if let Some(address) = self.control {
            builder = builder.control_listen(address);
        }
        if self.strict {
            builder = builder.strict();
        }
        builder
    }
}

fn main() -> ExitCode {
    let mut errors = std::io::stderr();
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            let _ = writeln!(errors, "{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let pay = match options.builder().start() {
        Ok(pay) => pay,
        Err(problem) => {
            let _ = writeln!(errors, "cannot start: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut out = std::io::stdout();
    let ready = writeln!(
        out,
        "base_url={}\ncontrol_url={}",
        pay.base_url(),
        pay.control_url()
    );
    if ready.and_then(|()| out.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    // The double works on its own thread; this one waits for the end of the process.
    loop {
        std::thread::park();
    }
}
