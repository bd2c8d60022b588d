//! What a node tells of blocks, logs, transactions and receipts.

use super::super::hex;
use super::super::transfer::TRANSFER;
use super::super::{Address, Hash};
use super::RpcError;
use super::answer::Answer;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Topics that a log has at most.
const MAX_TOPICS: usize = 4;

/// A block's header, as far as it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the block before it.
    pub parent: Hash,
    /// When it was made, in unix seconds.
    pub time: i64,
}

/// What a contract wrote down in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// The event and its indexed members, at most four.
    pub topics: Vec<[u8; 32]>,
    /// Its other members.
    pub data: Vec<u8>,
    /// The block.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: Hash,
    /// The transaction.
    pub transaction: Hash,
    /// Its number in the block.
    pub index: u64,
    /// Whether its block is no longer part of the chain.
    pub removed: bool,
}

/// What became of a transaction that is in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub transaction: Hash,
    /// The block.
    pub block_number: u64,
    /// The block's hash.
    pub block_hash: Hash,
    /// Whether it took effect.
    pub succeeded: bool,
    /// What contracts wrote down in it.
    pub logs: Vec<Log>,
}

/// A transaction as a node knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// Its hash.
    pub hash: Hash,
    /// The block it is in; `None` while it waits for one.
    pub block_number: Option<u64>,
}

/// What a JSON value must be.
type Read<T> = Result<T, &'static str>;

pub(super) fn block(value: &Value) -> Read<Block> {
    let block = object(value)?;
    let time = quantity(block, "timestamp")?;
    Ok(Block {
        number: quantity(block, "number")?,
        hash: hash(block, "hash")?,
        parent: hash(block, "parentHash")?,
        time: i64::try_from(time).map_err(|_| "a time is too large")?,
    })
}

/// A block and the hashes of its transactions, in their order.
pub(super) fn block_transactions(value: &Value) -> Read<(Block, Vec<Hash>)> {
    let transactions = value.get("transactions").and_then(Value::as_array);
    let transactions = transactions.ok_or("a block has no transactions")?;
    let hashes = transactions
        .iter()
        .map(|hash| hash.as_str().and_then(|text| text.parse().ok()))
        .collect::<Option<_>>()
        .ok_or("a transaction's hash cannot be read")?;
    Ok((block(value)?, hashes))
}

/// A log as nodes write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    // The case says nothing here: a node may write it as it likes.
    address: Bytes<20>,
    topics: Vec<Bytes<32>>,
    data: Data,
    block_number: Quantity,
    block_hash: Bytes<32>,
    transaction_hash: Bytes<32>,
    log_index: Quantity,
    // Some nodes leave it out.
    removed: Option<bool>,
}

impl LogRecord {
    /// Whether it is a transfer of nothing.
    fn moves_nothing(&self) -> bool {
        self.topics.first().is_some_and(|event| event.0 == TRANSFER)
            && self.data.0.len() == 32
            && self.data.0.iter().all(|byte| *byte == 0)
    }
}

impl From<LogRecord> for Log {
    fn from(log: LogRecord) -> Self {
        Self {
            address: Address::from_bytes(log.address.0),
            topics: log.topics.into_iter().map(|topic| topic.0).collect(),
            data: log.data.0,
            block_number: log.block_number.0,
            block_hash: Hash::from_bytes(log.block_hash.0),
            transaction: Hash::from_bytes(log.transaction_hash.0),
            index: log.log_index.0,
            removed: log.removed.unwrap_or(false),
        }
    }
}

/// Logs without transfers of nothing.
struct Logs(Vec<Log>);

impl<'de> Deserialize<'de> for Logs {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Logs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of logs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Logs, A::Error> {
                let mut logs = Vec::new();
                while let Some(log) = all.next_element::<LogRecord>()? {
                    if log.topics.len() > MAX_TOPICS {
                        return Err(de::Error::custom("a log has more than four topics"));
                    }
                    if !log.moves_nothing() {
                        logs.push(log.into());
                    }
                }
                Ok(Logs(logs))
            }
        }
        value.deserialize_seq(Reader)
    }
}

/// A receipt as nodes write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptRecord {
    transaction_hash: Bytes<32>,
    block_number: Quantity,
    block_hash: Bytes<32>,
    status: Quantity,
    logs: Logs,
}

/// Reads an answer to `eth_getLogs`.
pub(super) fn logs(body: &[u8]) -> Result<Answer<Result<Vec<Log>, RpcError>>, serde_json::Error> {
    let answer: Answer<Option<Logs>> = serde_json::from_slice(body)?;
    Ok(answer.and_then(|logs| logs.map(|logs| logs.0).ok_or("the logs are not a list")))
}

/// Reads an answer to `eth_getTransactionReceipt`.
pub(super) fn receipt(
    body: &[u8],
) -> Result<Answer<Result<Option<Receipt>, RpcError>>, serde_json::Error> {
    let answer: Answer<Option<ReceiptRecord>> = serde_json::from_slice(body)?;
    Ok(answer.and_then(|receipt| {
        let Some(receipt) = receipt else {
            return Ok(None);
        };
        Ok(Some(Receipt {
            transaction: Hash::from_bytes(receipt.transaction_hash.0),
            block_number: receipt.block_number.0,
            block_hash: Hash::from_bytes(receipt.block_hash.0),
            succeeded: match receipt.status.0 {
                1 => true,
                0 => false,
                _ => return Err("a receipt's status is neither 0 nor 1"),
            },
            logs: receipt.logs.0,
        }))
    }))
}

/// So many bytes in hexadecimal.
struct Bytes<const N: usize>([u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_str(Text(hex::fixed)).map(Self)
    }
}

/// Bytes in hexadecimal.
struct Data(Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_str(Text(hex::data)).map(Self)
    }
}

/// A number in hexadecimal.
struct Quantity(u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_str(Text(hex::quantity)).map(Self)
    }
}

/// Reads a text without keeping it.
struct Text<T>(fn(&str) -> Option<T>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value in hexadecimal")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

pub(super) fn transaction(value: &Value) -> Read<Transaction> {
    let transaction = object(value)?;
    Ok(Transaction {
        hash: hash(transaction, "hash")?,
        block_number: match transaction.get("blockNumber") {
            None | Some(Value::Null) => None,
            Some(_) => Some(quantity(transaction, "blockNumber")?),
        },
    })
}

/// `null` where there is nothing.
pub(super) fn optional<T>(value: &Value, read: fn(&Value) -> Read<T>) -> Read<Option<T>> {
    match value {
        Value::Null => Ok(None),
        value => read(value).map(Some),
    }
}

pub(super) fn number(value: &Value) -> Read<u64> {
    let text = value.as_str().ok_or("a quantity is not text")?;
    hex::quantity(text).ok_or("a quantity cannot be read")
}

pub(super) fn bytes(value: &Value) -> Read<Vec<u8>> {
    let text = value.as_str().ok_or("data is not text")?;
    hex::data(text).ok_or("data is not hexadecimal")
}

fn object(value: &Value) -> Read<&Map<String, Value>> {
    value.as_object().ok_or("the result is not an object")
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Read<&'a str> {
    let text = object.get(name).and_then(Value::as_str);
    text.ok_or("a member is missing or not text")
}

fn quantity(object: &Map<String, Value>, name: &str) -> Read<u64> {
    hex::quantity(text(object, name)?).ok_or("a quantity cannot be read")
}

fn hash(object: &Map<String, Value>, name: &str) -> Read<Hash> {
    text(object, name)?
        .parse()
        .map_err(|_| "a hash cannot be read")
}
