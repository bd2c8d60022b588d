//! What a node tells of blocks, logs, transactions and receipts.

use super::super::hex;
use super::super::{Address, Hash};
use serde_json::{Map, Value};

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

pub(super) fn log(value: &Value) -> Read<Log> {
    let log = object(value)?;
    let topics = log.get("topics").and_then(Value::as_array);
    let topics = topics.ok_or("a log has no topics")?;
    if topics.len() > 4 {
        return Err("a log has more than four topics");
    }
    Ok(Log {
        address: address(log, "address")?,
        topics: topics
            .iter()
            .map(|topic| topic.as_str().and_then(hex::fixed))
            .collect::<Option<_>>()
            .ok_or("a topic is not 32 bytes")?,
        data: text(log, "data")
            .ok()
            .and_then(hex::data)
            .ok_or("the data of a log is not hexadecimal")?,
        block_number: quantity(log, "blockNumber")?,
        block_hash: hash(log, "blockHash")?,
        transaction: hash(log, "transactionHash")?,
        index: quantity(log, "logIndex")?,
        // Some nodes leave it out.
        removed: match log.get("removed") {
            None | Some(Value::Null) => false,
            Some(removed) => removed
                .as_bool()
                .ok_or("removed is neither true nor false")?,
        },
    })
}

pub(super) fn logs(value: &Value) -> Read<Vec<Log>> {
    let logs = value.as_array().ok_or("the logs are not a list")?;
    logs.iter().map(log).collect()
}

pub(super) fn receipt(value: &Value) -> Read<Receipt> {
    let receipt = object(value)?;
    Ok(Receipt {
        transaction: hash(receipt, "transactionHash")?,
        block_number: quantity(receipt, "blockNumber")?,
        block_hash: hash(receipt, "blockHash")?,
        succeeded: match quantity(receipt, "status")? {
            1 => true,
            0 => false,
            _ => return Err("a receipt's status is neither 0 nor 1"),
        },
        logs: logs(receipt.get("logs").ok_or("a receipt has no logs")?)?,
    })
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

fn address(object: &Map<String, Value>, name: &str) -> Read<Address> {
    // The case says nothing here: a node may write it as it likes.
    let bytes = hex::fixed(text(object, name)?);
    bytes
        .map(Address::from_bytes)
        .ok_or("an address cannot be read")
}
