//! The calls.

use super::super::hex;
use super::super::{Address, Hash};
use super::Endpoint;
use super::answer::{self, Answer};
use super::error::{BlockSpan, RpcError};
use super::record::{self, Block, Log, Receipt, Transaction};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

/// How many values a position of topics may hold; Polygon's node refuses more.
pub const MAX_TOPIC_VALUES: usize = 1_000;

/// Our calls are never sent in batches, so one id does for all.
pub(super) const ID: u64 = 1;

/// One call and how its result is read.
#[derive(Debug, Clone)]
pub struct Call<T> {
    pub(super) method: &'static str,
    params: Value,
    /// Whether it names the tag `finalized`.
    pub(super) finalized: bool,
    pub(super) read: Reading<T>,
}

/// How the body of an answer is read.
#[derive(Debug, Clone)]
pub(super) enum Reading<T> {
    /// By way of a JSON value.
    Value(fn(&Value) -> Result<T, &'static str>),
    /// Straight from the bytes: what may be large is never held as a JSON value,
    /// which takes some ten times as much memory as its text.
    Bytes(ReadBytes<T>),
}

/// Reads a whole body.
type ReadBytes<T> = fn(&[u8]) -> Result<Answer<Result<T, RpcError>>, serde_json::Error>;

impl<T> Call<T> {
    fn new(method: &'static str, read: fn(&Value) -> Result<T, &'static str>) -> Self {
        Self {
            method,
            params: json!([]),
            finalized: false,
            read: Reading::Value(read),
        }
    }

    fn large(method: &'static str, params: Value, read: ReadBytes<T>) -> Self {
        Self {
            method,
            params,
            finalized: false,
            read: Reading::Bytes(read),
        }
    }

    /// Whether its answer may be large, because strangers decide what is in it.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.read, Reading::Bytes(_))
    }

    /// The call as a request to an endpoint.
    ///
    /// # Errors
    /// [`http::Error`] when the endpoint's URL does not fit into a request.
    pub fn request(&self, endpoint: &Endpoint) -> Result<Request<Bytes>, http::Error> {
        let body = json!({
            "jsonrpc": "2.0", "id": ID, "method": self.method, "params": self.params,
        });
        endpoint.post(body.to_string())
    }

    /// Reads what that endpoint answered.
    ///
    /// # Errors
    /// [`RpcError`].
    pub fn read(&self, endpoint: &Endpoint, response: &Response<Bytes>) -> Result<T, RpcError> {
        answer::read(self, endpoint, response)
    }

    /// The method's name, for counting and logging.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }
}

/// Which block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The newest one.
    Latest,
    /// The newest one that the chain says it will not take back.
    Finalized,
    /// The one with this number.
    Number(u64),
}

impl BlockTag {
    fn text(self) -> String {
        match self {
            Self::Latest => "latest".to_owned(),
            Self::Finalized => "finalized".to_owned(),
            Self::Number(number) => format!("{number:#x}"),
        }
    }
}

/// Which logs: those of any of these contracts, in these blocks, with any of
/// these values in each position of topics. With a hash they are those of that one
/// block, which some endpoints answer where they refuse every span. `None` lets every value pass; so
/// does a position that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// The blocks.
    pub blocks: BlockSpan,
    /// The hash of the one block, to ask for it by its hash.
    pub block_hash: Option<Hash>,
    /// The contracts.
    pub contracts: Vec<Address>,
    /// The positions, at most four, each with at most [`MAX_TOPIC_VALUES`].
    pub topics: Vec<Option<Vec<[u8; 32]>>>,
}

impl LogFilter {
    /// Whether a log is one that was asked for. An endpoint that gives others
    /// is not to be believed.
    #[must_use]
    pub fn matches(&self, log: &Log) -> bool {
        let topic = |(at, values): (usize, &Option<Vec<[u8; 32]>>)| {
            let Some(values) = values else { return true };
            log.topics
                .get(at)
                .is_some_and(|topic| values.contains(topic))
        };
        self.blocks.holds(log.block_number)
            && self.block_hash.is_none_or(|hash| hash == log.block_hash)
            && self.contracts.contains(&log.address)
            && self.topics.iter().enumerate().all(topic)
    }

    fn params(&self) -> Value {
        let position = |values: &Option<Vec<[u8; 32]>>| match values.as_deref() {
            None => Value::Null,
            Some([one]) => hex::encode(one).into(),
            Some(values) => values.iter().map(|value| hex::encode(value)).collect(),
        };
        let contracts: Value = match self.contracts.as_slice() {
            [one] => one.lower().into(),
            all => all.iter().map(Address::lower).collect(),
        };
        let topics: Vec<Value> = self.topics.iter().map(position).collect();
        match self.block_hash {
            Some(hash) => json!([{
                "blockHash": hash.to_string(), "address": contracts, "topics": topics,
            }]),
            None => json!([{
                "fromBlock": format!("{:#x}", self.blocks.from),
                "toBlock": format!("{:#x}", self.blocks.to),
                "address": contracts,
                "topics": topics,
            }]),
        }
    }
}

/// `eth_chainId`.
#[must_use]
pub fn chain_id() -> Call<u64> {
    Call::new("eth_chainId", record::number)
}

/// `eth_getBlockByNumber` without the transactions; `None` when there is no
/// such block. Without a finalized block the answer is
/// [`RpcError::NoFinalized`], never `None`.
#[must_use]
pub fn block(tag: BlockTag) -> Call<Option<Block>> {
    Call {
        params: json!([tag.text(), false]),
        finalized: tag == BlockTag::Finalized,
        ..Call::new("eth_getBlockByNumber", |value| {
            record::optional(value, record::block)
        })
    }
}

/// `eth_getBlockByNumber`, with the hashes of the transactions; `None` when there
/// is no such block.
#[must_use]
pub fn block_transactions(number: u64) -> Call<Option<(Block, Vec<Hash>)>> {
    Call {
        params: json!([BlockTag::Number(number).text(), false]),
        ..Call::new("eth_getBlockByNumber", |value| {
            record::optional(value, record::block_transactions)
        })
    }
}

/// `eth_getLogs`, without transfers of nothing, which anybody can make: they are
/// dropped while reading. Their order is the node's; look at each with
/// [`LogFilter::matches`].
#[must_use]
pub fn logs(filter: &LogFilter) -> Call<Vec<Log>> {
    Call::large("eth_getLogs", filter.params(), record::logs)
}

/// `eth_getTransactionReceipt`; `None` while the transaction is in no block
/// that this node knows. Without its transfers of nothing, as [`logs`].
#[must_use]
pub fn receipt(transaction: Hash) -> Call<Option<Receipt>> {
    let params = json!([transaction.to_string()]);
    Call::large("eth_getTransactionReceipt", params, record::receipt)
}

/// `eth_getTransactionByHash`; `None` when this node knows no such
/// transaction, not even one that waits for a block.
#[must_use]
pub fn transaction(hash: Hash) -> Call<Option<Transaction>> {
    Call {
        params: json!([hash.to_string()]),
        ..Call::new("eth_getTransactionByHash", |value| {
            record::optional(value, record::transaction)
        })
    }
}

/// `eth_call`: what a contract answers as of a block, changing nothing. An
/// address without a contract answers nothing at all.
#[must_use]
pub fn contract_call(contract: Address, data: &[u8], at: BlockTag) -> Call<Vec<u8>> {
    Call {
        params: json!([{ "to": contract.lower(), "data": hex::encode(data) }, at.text()]),
        finalized: at == BlockTag::Finalized,
        ..Call::new("eth_call", record::bytes)
    }
}

/// `eth_getCode`: the program of a contract, empty where there is none.
#[must_use]
pub fn code(address: Address, at: BlockTag) -> Call<Vec<u8>> {
    Call {
        params: json!([address.lower(), at.text()]),
        finalized: at == BlockTag::Finalized,
        ..Call::new("eth_getCode", record::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygon::token::USDC_POLYGON;
    use crate::polygon::transfer::TRANSFER;

    fn sent<T>(call: &Call<T>) -> Value {
        let endpoint = Endpoint::new("https://node.example/v2/key").expect("an endpoint");
        let request = call.request(&endpoint).expect("a request");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://node.example/v2/key");
        assert_eq!(request.headers()["content-type"], "application/json");
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body["jsonrpc"], "2.0");
        assert_eq!(body["id"], ID);
        json!([body["method"], body["params"]])
    }

    #[test]
    fn calls_are_written_as_the_nodes_read_them() {
        let hash = Hash::from_bytes([0xab; 32]);
        let hex = format!("0x{}", "ab".repeat(32));
        let usdc = USDC_POLYGON.lower();
        assert_eq!(sent(&chain_id()), json!(["eth_chainId", []]));
        for (tag, text) in [
            (BlockTag::Finalized, "finalized"),
            (BlockTag::Latest, "latest"),
            (BlockTag::Number(0), "0x0"),
            (BlockTag::Number(256), "0x100"),
        ] {
            assert_eq!(
                sent(&block(tag)),
                json!(["eth_getBlockByNumber", [text, false]])
            );
        }
        assert_eq!(
            sent(&receipt(hash)),
            json!(["eth_getTransactionReceipt", [hex]])
        );
        assert_eq!(
            sent(&transaction(hash)),
            json!(["eth_getTransactionByHash", [hex]])
        );
        assert_eq!(
            sent(&contract_call(
                USDC_POLYGON,
                &[0x31, 0x3c],
                BlockTag::Latest
            )),
            json!(["eth_call", [{ "to": usdc, "data": "0x313c" }, "latest"]])
        );
        assert_eq!(
            sent(&code(USDC_POLYGON, BlockTag::Number(1))),
            json!(["eth_getCode", [usdc, "0x1"]])
        );
    }

    fn filter() -> LogFilter {
        LogFilter {
            blocks: BlockSpan { from: 10, to: 19 },
            block_hash: None,
            contracts: vec![USDC_POLYGON],
            topics: vec![Some(vec![TRANSFER]), None, Some(vec![[1; 32], [2; 32]])],
        }
    }

    #[test]
    fn a_filter_is_written_with_any_in_the_middle() {
        let topic = hex::encode(&TRANSFER);
        let (one, two) = (hex::encode(&[1; 32]), hex::encode(&[2; 32]));
        assert_eq!(
            sent(&logs(&filter())),
            json!(["eth_getLogs", [{
                "fromBlock": "0xa", "toBlock": "0x13",
                "address": USDC_POLYGON.lower(),
                "topics": [topic, null, [one, two]],
            }]])
        );
        let hash = Hash::from_bytes([0xab; 32]);
        let by_hash = LogFilter {
            block_hash: Some(hash),
            ..filter()
        };
        assert_eq!(
            sent(&logs(&by_hash)),
            json!(["eth_getLogs", [{
                "blockHash": hash.to_string(), "address": USDC_POLYGON.lower(),
                "topics": [topic, null, [one, two]],
            }]])
        );
    }

    #[test]
    fn a_log_that_was_not_asked_for_is_seen() {
        let good = Log {
            address: USDC_POLYGON,
            topics: vec![TRANSFER, [9; 32], [2; 32]],
            data: vec![0; 32],
            block_number: 19,
            block_hash: Hash::from_bytes([1; 32]),
            transaction: Hash::from_bytes([2; 32]),
            index: 0,
            removed: false,
        };
        assert!(filter().matches(&good));
        let change = |change: fn(&mut Log)| {
            let mut log = good.clone();
            change(&mut log);
            log
        };
        for log in [
            change(|log| log.block_number = 9),
            change(|log| log.block_number = 20),
            change(|log| log.address = Address::ZERO),
            change(|log| log.topics[0] = [0; 32]),
            change(|log| log.topics[2] = [3; 32]),
            change(|log| log.topics.truncate(2)),
        ] {
            assert!(!filter().matches(&log), "{log:?}");
        }
        let of_another_block = LogFilter {
            block_hash: Some(Hash::from_bytes([9; 32])),
            ..filter()
        };
        assert!(!of_another_block.matches(&good));
    }
}
