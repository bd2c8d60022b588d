//! The node.

use super::contracts::{Argument, call, encoded, programs};
use crate::hosts::{StartError, tool};
use keywright_providers::polygon::{Address, Hash};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const STEP: Duration = Duration::from_millis(20);
const START_STEPS: usize = 1_000;

/// The account that pays where nobody in particular does: the first of those
/// that the node has from the start.
const BUYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// A running node with chain id 137, ended when dropped. Blocks are made by
/// hand, two seconds apart, and transactions cost nothing. A block is final as
/// soon as two more are on it.
pub struct Anvil {
    url: String,
    child: Child,
    client: reqwest::Client,
    _home: TempDir,
}

/// The tokens of a test: one that counts, one that is taken for it.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// What counts as USDC.
    pub usdc: Address,
    /// Another contract with the same interface.
    pub other: Address,
}

#[expect(clippy::expect_used, reason = "a test cannot go on without its chain")]
impl Anvil {
    /// Starts the node. Block 0 is made at `genesis`, in unix seconds.
    ///
    /// # Errors
    /// [`StartError`] when it is not installed or does not start.
    pub async fn start(genesis: i64) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError::new("starting anvil", error);
        let program = tool("KEYWRIGHT_TEST_ANVIL", "the anvil that set-up installed")?;
        let home = tempfile::Builder::new()
            .prefix("keywright-chain-")
            .tempdir();
        let home = home.map_err(failed)?;
        let said = home.path().join("said");
        let output = File::create(&said).map_err(failed)?;
        let mut child = Command::new(program)
            .args(["--port", "0", "--chain-id", "137", "--no-mining"])
            .args(["--slots-in-an-epoch", "1", "--auto-impersonate"])
            .args(["--block-base-fee-per-gas", "0", "--gas-price", "0"])
            .args(["--order", "fifo", "--disable-block-gas-limit"])
            .args(["--timestamp", &genesis.to_string()])
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        for _ in 0..START_STEPS {
            if let Some(address) = listening(&said) {
                let node = Self {
                    url: format!("http://{address}"),
                    child,
                    client: reqwest::Client::new(),
                    _home: home,
                };
                node.ask("anvil_setBlockTimestampInterval", json!([2]))
                    .await;
                return Ok(node);
            }
            if !matches!(child.try_wait(), Ok(None)) {
                break;
            }
            tokio::time::sleep(STEP).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        Err(StartError::new(
            "starting anvil",
            format!("it said:\n{said}"),
        ))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls a method of the node.
    ///
    /// # Panics
    /// When the node refuses.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let sent = self.client.post(&self.url).body(body.to_string());
        let sent = sent.header("content-type", "application/json").send();
        let text = sent.await.expect("an answer").text().await.expect("a body");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(answer.get("error"), None, "{method} {params}");
        answer["result"].clone()
    }

    /// Number of the newest block.
    ///
    /// # Panics
    /// When the node does not say.
    pub async fn head(&self) -> u64 {
        let head = self.ask("eth_blockNumber", json!([])).await;
        let digits = head.as_str().expect("a number");
        u64::from_str_radix(&digits[2..], 16).expect("a number")
    }

    /// Makes blocks; what waits goes into the first of them.
    pub async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}"), "0x2"]))
            .await;
    }

    /// Takes back the newest blocks, so many; their transactions never
    /// happened.
    pub async fn roll_back(&self, blocks: u64) {
        self.ask("anvil_rollback", json!([blocks])).await;
    }

    /// Has the next block made at this time, in unix seconds.
    pub async fn next_block_at(&self, time: i64) {
        self.ask("evm_setNextBlockTimestamp", json!([time])).await;
    }

    /// The whole state, to come back to.
    ///
    /// # Panics
    /// When the node gives no name for it.
    pub async fn snapshot(&self) -> String {
        let name = self.ask("evm_snapshot", json!([])).await;
        name.as_str().expect("a name").to_owned()
    }

    /// Comes back to a state, which is used up by it.
    pub async fn revert(&self, snapshot: &str) {
        self.ask("evm_revert", json!([snapshot])).await;
    }

    /// A transaction for the next block, from anybody.
    ///
    /// # Panics
    /// When the node refuses it.
    pub async fn send(&self, from: Address, to: Address, data: &[u8]) -> Hash {
        self.submit(json!({
            "from": from.lower(), "to": to.lower(), "data": hex(data),
            "gas": "0x3b9aca0", "gasPrice": "0x0",
        }))
        .await
    }

    async fn submit(&self, transaction: Value) -> Hash {
        let hash = self.ask("eth_sendTransaction", json!([transaction])).await;
        let hash = hash.as_str().expect("a hash");
        hash.parse().expect("a hash")
    }

    /// Puts a contract on the chain, in a block of its own.
    ///
    /// # Panics
    /// When there is no such contract or the node refuses it.
    pub async fn deploy(&self, contract: &str, owner: Option<Address>) -> Address {
        let programs = programs().expect("the contracts");
        let mut data = programs.get(contract).expect("a contract").clone();
        if let Some(owner) = owner {
            data.extend(encoded(&[Argument::Address(owner)]));
        }
        let hash = self
            .submit(json!({
                "from": BUYER, "data": hex(&data), "gas": "0x989680", "gasPrice": "0x0",
            }))
            .await;
        self.mine(1).await;
        let receipt = self
            .ask("eth_getTransactionReceipt", json!([hash.to_string()]))
            .await;
        assert_eq!(receipt["status"], "0x1", "{contract}");
        let address = receipt["contractAddress"].as_str().expect("an address");
        address.parse().expect("an address")
    }

    /// Both tokens of a test.
    pub async fn tokens(&self) -> Tokens {
        Tokens {
            usdc: self.deploy("Usdc", None).await,
            other: self.deploy("Usdc", None).await,
        }
    }

    /// Gives somebody tokens, in the next block.
    pub async fn mint(&self, token: Address, to: Address, units: u128) -> Hash {
        let data = call(
            "mint(address,uint256)",
            &[Argument::Address(to), Argument::Number(units)],
        );
        self.send(to, token, &data).await
    }

    /// A transfer in the next block, from somebody who has the tokens.
    pub async fn transfer(&self, token: Address, from: Address, to: Address, units: u128) -> Hash {
        let data = call(
            "transfer(address,uint256)",
            &[Argument::Address(to), Argument::Number(units)],
        );
        self.send(from, token, &data).await
    }

    /// Mints and transfers, both in the next block.
    pub async fn pay(&self, token: Address, from: Address, to: Address, units: u128) -> Hash {
        self.mint(token, from, units).await;
        self.transfer(token, from, to, units).await
    }

    /// A contract wallet of `owner` pays in the next block; it must have the
    /// tokens.
    pub async fn wallet_pays(
        &self,
        (wallet, owner): (Address, Address),
        token: Address,
        to: Address,
        units: u128,
    ) -> Hash {
        let data = call(
            "pay(address,address,uint256)",
            &[
                Argument::Address(token),
                Argument::Address(to),
                Argument::Number(units),
            ],
        );
        self.send(owner, wallet, &data).await
    }

    /// A batch payer pays several in one transaction of the next block; it
    /// must have the tokens.
    pub async fn batch_pays(
        &self,
        payer: Address,
        token: Address,
        to: &[Address],
        units: &[u128],
    ) -> Hash {
        let data = call(
            "pay(address,address[],uint256[])",
            &[
                Argument::Address(token),
                Argument::Addresses(to),
                Argument::Numbers(units),
            ],
        );
        self.send(payer, payer, &data).await
    }

    /// Transfers among strangers, so many, in the next block: some two hundred
    /// fit well into a transaction.
    ///
    /// # Panics
    /// When the node refuses it.
    pub async fn rush(&self, token: Address, transfers: u128, seed: u128) -> Hash {
        let data = call(
            "rush(uint256,uint256)",
            &[Argument::Number(transfers), Argument::Number(seed)],
        );
        let buyer = BUYER.parse().expect("an address");
        self.send(buyer, token, &data).await
    }

    /// The signature of one of the node's own accounts over a personal message
    /// (EIP-191).
    ///
    /// # Panics
    /// When the node has no such account.
    pub async fn sign(&self, account: Address, message: &str) -> String {
        let params = json!([hex(message.as_bytes()), account.lower()]);
        let signature = self.ask("personal_sign", params).await;
        signature.as_str().expect("a signature").to_owned()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the node says it listens on.
fn listening(said: &Path) -> Option<String> {
    let said = std::fs::read_to_string(said).ok()?;
    let (_, rest) = said.split_once("Listening on ")?;
    rest.split_once('\n')
        .map(|(address, _)| address.trim().to_owned())
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", data_encoding::HEXLOWER.encode(bytes))
}
