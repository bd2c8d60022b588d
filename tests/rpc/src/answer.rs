//! What a node answers, without faults but those of what it tells.

use crate::chain::{Contract, Payment};
use crate::fault::Fault;
use crate::state::{Mined, State};
use keywright_providers::polygon::transfer::TRANSFER;
use keywright_providers::polygon::{Address, Hash, keccak256};
use serde_json::{Value, json};

/// A result, or the code and text of a refusal.
pub(crate) type Result = std::result::Result<Value, (i64, String)>;

fn refused<T>(code: i64, text: &str) -> std::result::Result<T, (i64, String)> {
    Err((code, text.to_owned()))
}

pub(crate) fn answer(state: &State, faults: &[Fault], method: &str, params: &Value) -> Result {
    match method {
        "eth_chainId" => {
            let told = faults.iter().find_map(|fault| match fault {
                Fault::ChainId(other) => Some(*other),
                _ => None,
            });
            Ok(hex(told.unwrap_or(state.chain_id)))
        }
        "eth_blockNumber" => Ok(hex(state.head)),
        "eth_getBlockByNumber" => {
            let number = block_number(state, faults, &params[0])?;
            Ok(number.map_or(Value::Null, |number| block(state, faults, number)))
        }
        "eth_getLogs" => logs(state, faults, &params[0]),
        "eth_getTransactionReceipt" => Ok(receipt(state, faults, &params[0])),
        "eth_getTransactionByHash" => Ok(transaction(state, &params[0])),
        "eth_call" => call(state, &params[0]),
        "eth_getCode" => {
            let address = params[0].as_str().and_then(|text| text.parse().ok());
            let known = address.is_some_and(|one: Address| state.contracts.contains_key(&one));
            Ok(if known { "0x6001" } else { "0x" }.into())
        }
        _ => refused(-32_601, "the method does not exist/is not available"),
    }
}

fn hex(number: u64) -> Value {
    format!("{number:#x}").into()
}

fn block_number(
    state: &State,
    faults: &[Fault],
    tag: &Value,
) -> std::result::Result<Option<u64>, (i64, String)> {
    let number = match tag.as_str() {
        Some("latest") => state.head,
        Some("finalized") => {
            if faults.contains(&Fault::NoFinalizedTag) {
                return refused(-32_602, "invalid argument 0: hex string without 0x prefix");
            }
            if faults.contains(&Fault::NoFinalized) {
                return refused(-39_001, "finalized block not found");
            }
            state.finalized()
        }
        Some(text) => match text.strip_prefix("0x").map(|d| u64::from_str_radix(d, 16)) {
            Some(Ok(number)) => number,
            _ => return refused(-32_602, "invalid argument 0: hex string without 0x prefix"),
        },
        None => return refused(-32_602, "missing value for required argument 0"),
    };
    Ok((number <= state.head).then_some(number))
}

/// The hash of a block as this endpoint tells it.
fn told_hash(state: &State, faults: &[Fault], number: u64) -> Hash {
    let other = faults.iter().any(|fault| match fault {
        Fault::OtherHashes(from) => number >= *from,
        _ => false,
    });
    let hash = state.hash(number);
    if other {
        Hash::from_bytes(keccak256(hash.as_bytes()))
    } else {
        hash
    }
}

fn block(state: &State, faults: &[Fault], number: u64) -> Value {
    let parent = number.checked_sub(1).map_or_else(
        || Hash::from_bytes([0; 32]),
        |parent| told_hash(state, faults, parent),
    );
    json!({
        "number": hex(number),
        "hash": told_hash(state, faults, number).to_string(),
        "parentHash": parent.to_string(),
        "timestamp": format!("{:#x}", state.time(number)),
        "transactions": state.blocks.get(&number).map_or_else(Vec::new, |mined| {
            mined.iter().map(|one| one.hash.to_string()).collect()
        }),
    })
}

fn log(state: &State, faults: &[Fault], at: Place, payment: &Payment) -> Value {
    let mut hash = told_hash(state, faults, at.block);
    if faults.contains(&Fault::LogsOfOtherBranches) {
        hash = Hash::from_bytes(keccak256(hash.as_bytes()));
    }
    let too_high = faults.iter().map(|fault| match fault {
        Fault::WrongLogIndex(by) => *by,
        _ => 0,
    });
    let number = at.log + too_high.sum::<u64>();
    let word = |address: Address| Hash::from_bytes(address.to_word()).to_string();
    json!({
        "address": payment.token.lower(),
        "topics": [
            Hash::from_bytes(TRANSFER).to_string(),
            word(payment.payer),
            word(payment.recipient),
        ],
        "data": format!("{:#066x}", payment.units),
        "blockNumber": hex(at.block),
        "blockHash": hash.to_string(),
        "blockTimestamp": format!("{:#x}", state.time(at.block)),
        "transactionHash": at.transaction.to_string(),
        "transactionIndex": hex(at.position),
        "logIndex": hex(number),
        "removed": false,
    })
}

/// Where a log stands.
#[derive(Clone, Copy)]
struct Place {
    block: u64,
    transaction: Hash,
    position: u64,
    log: u64,
}

/// The payments of a block, each with its place.
fn placed(number: u64, mined: &[Mined]) -> impl Iterator<Item = (Place, &Payment, bool)> {
    let all = (0..).zip(mined).flat_map(|(position, one)| {
        one.payments
            .iter()
            .map(move |payment| (position, one, payment))
    });
    (0..).zip(all).map(move |(log, (position, one, payment))| {
        let place = Place {
            block: number,
            transaction: one.hash,
            position,
            log,
        };
        (place, payment, one.succeeded)
    })
}

fn logs(state: &State, faults: &[Fault], filter: &Value) -> Result {
    if faults.contains(&Fault::NoLogs) {
        return Ok(json!([]));
    }
    let (from, to) = match filter["blockHash"].as_str() {
        Some(hash) => {
            let mut numbers = state.blocks.keys();
            let told = |number: &&u64| told_hash(state, faults, **number).to_string() == hash;
            match numbers.find(told).copied() {
                Some(number) => (Some(number), Some(number)),
                // Empty, or unknown.
                None => return Ok(json!([])),
            }
        }
        None => (
            block_number(state, faults, &filter["fromBlock"])?,
            block_number(state, faults, &filter["toBlock"])?,
        ),
    };
    let (Some(from), Some(to)) = (from, to) else {
        return refused(-32_000, "block range extends beyond current head block");
    };
    if from > to {
        return refused(-32_602, "invalid block range params");
    }
    if filter["topics"].as_array().is_some_and(|all| {
        all.iter()
            .any(|one| one.as_array().is_some_and(|v| v.len() > 1_000))
    }) {
        return refused(-32_602, "exceed max topics");
    }
    let everyone = faults.contains(&Fault::LogsOfOthers);
    let around = u64::from(faults.contains(&Fault::LogsOfOtherBlocks)) * 50;
    let blocks = from.saturating_sub(around)..=(to + around).min(state.head);
    let mut found: Vec<Value> = state
        .blocks
        .range(blocks)
        .flat_map(|(number, mined)| placed(*number, mined))
        .map(|(place, payment, _)| log(state, faults, place, payment))
        .filter(|log| everyone || passes(filter, log))
        .collect();
    for fault in faults {
        match fault {
            Fault::ShuffleLogs => found.reverse(),
            Fault::OddLog(odd) => found.insert(0, odd.clone()),
            Fault::MaxResults(most) if found.len() > *most => {
                return refused(-32_005, &format!("query returned more than {most} results"));
            }
            _ => {}
        }
    }
    Ok(found.into())
}

/// Whether a log is what a filter asks for.
fn passes(filter: &Value, log: &Value) -> bool {
    let same = |asked: &Value, told: &Value| match (asked.as_str(), told.as_str()) {
        (Some(asked), Some(told)) => asked.eq_ignore_ascii_case(told),
        _ => false,
    };
    let one_of = |asked: &Value, told: &Value| match asked {
        Value::Null => true,
        Value::Array(all) => all.iter().any(|one| same(one, told)),
        one => same(one, told),
    };
    let topics = filter["topics"].as_array().into_iter().flatten();
    one_of(&filter["address"], &log["address"])
        && topics
            .enumerate()
            .all(|(at, asked)| one_of(asked, &log["topics"][at]))
}

/// The block, the transactions before it and the transaction of a hash.
fn found<'a>(state: &'a State, hash: &Value) -> Option<(u64, &'a [Mined], Hash)> {
    let hash: Hash = hash.as_str()?.parse().ok()?;
    let number = state.places.get(&hash)?;
    Some((*number, state.blocks.get(number)?, hash))
}

fn receipt(state: &State, faults: &[Fault], hash: &Value) -> Value {
    if faults.contains(&Fault::NoReceipts) {
        return Value::Null;
    }
    let Some((number, mined, hash)) = found(state, hash) else {
        return Value::Null;
    };
    let mine: Vec<_> = placed(number, mined)
        .filter(|(place, ..)| place.transaction == hash)
        .collect();
    let failed =
        faults.contains(&Fault::FailedReceipts) || mine.iter().any(|(_, _, succeeded)| !succeeded);
    let empty = failed || faults.contains(&Fault::EmptyReceipts);
    let logs: Vec<Value> = mine
        .iter()
        .filter(|_| !empty)
        .map(|(place, payment, _)| log(state, faults, *place, payment))
        .collect();
    json!({
        "transactionHash": hash.to_string(),
        "transactionIndex": hex(mine.first().map_or(0, |(place, ..)| place.position)),
        "blockNumber": hex(number),
        "blockHash": told_hash(state, faults, number).to_string(),
        "status": if failed { "0x0" } else { "0x1" },
        "logs": logs,
    })
}

fn transaction(state: &State, hash: &Value) -> Value {
    if let Some((number, _, hash)) = found(state, hash) {
        return json!({ "hash": hash.to_string(), "blockNumber": hex(number) });
    }
    let waits = |one: &&Mined| hash.as_str() == Some(&one.hash.to_string());
    state.pending.iter().find(waits).map_or(
        Value::Null,
        |one| json!({ "hash": one.hash.to_string(), "blockNumber": null }),
    )
}

fn call(state: &State, call: &Value) -> Result {
    let to = call["to"].as_str().and_then(|text| text.parse().ok());
    let data = call["data"].as_str().unwrap_or_default();
    let contract = to.and_then(|to: Address| state.contracts.get(&to));
    match contract {
        None => Ok("0x".into()),
        Some(Contract::Says(bytes)) => Ok(text(bytes).into()),
        Some(Contract::Reverts) => refused(3, "execution reverted: no"),
        Some(Contract::Accepts(signature)) => {
            // isValidSignature(bytes32,bytes): selector, digest, offset, length.
            let given = data.get(2 + 8 + 3 * 64..).unwrap_or_default();
            let signature = text(signature);
            let same = data.starts_with("0x1626ba7e") && given.starts_with(&signature[2..]);
            let answer = if same { "1626ba7e" } else { "ffffffff" };
            Ok(format!("0x{answer}{}", "0".repeat(56)).into())
        }
    }
}

fn text(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
