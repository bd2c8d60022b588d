use super::super::{BlockSpan, BlockTag, LogFilter, block, chain_id, contract_call, logs, receipt};
use super::*;
use crate::polygon::{Address, Hash};
use proptest::prelude::*;
use serde_json::json;

const URL: &str = "https://node.example/v2/supersecretkey";

fn endpoint() -> Endpoint {
    Endpoint::new(URL).expect("an endpoint")
}

fn answered<T>(call: &Call<T>, status: u16, body: &str) -> Result<T, RpcError> {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    call.read(&endpoint(), &response)
}

fn result<T>(call: &Call<T>, result: &Value) -> Result<T, RpcError> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "result": result });
    answered(call, 200, &body.to_string())
}

fn error<T>(call: &Call<T>, code: i64, message: &str) -> RpcError {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "error": { "code": code, "message": message },
    });
    answered(call, 200, &body.to_string())
        .err()
        .expect("a refusal")
}

fn any_logs() -> Call<Vec<super::super::Log>> {
    logs(&LogFilter {
        blocks: BlockSpan { from: 1, to: 9 },
        block_hash: None,
        contracts: vec![Address::ZERO],
        topics: Vec::new(),
    })
}

fn a_log() -> Value {
    json!({
        "address": "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        "topics": [format!("0x{}", "dd".repeat(32))],
        "data": "0x",
        "blockNumber": "0x5", "blockHash": format!("0x{}", "01".repeat(32)),
        "transactionHash": format!("0x{}", "02".repeat(32)),
        "transactionIndex": "0x0", "logIndex": "0x7", "removed": false,
    })
}

#[test]
fn results_are_read() {
    assert_eq!(result(&chain_id(), &json!("0x89")), Ok(137));
    let read = result(
        &block(BlockTag::Latest),
        &json!({
            "number": "0x10", "hash": format!("0x{}", "aa".repeat(32)),
            "parentHash": format!("0x{}", "bb".repeat(32)), "timestamp": "0x65000000",
        }),
    )
    .expect("an answer")
    .expect("a block");
    assert_eq!((read.number, read.time), (16, 0x6500_0000));
    assert_eq!(read.hash, Hash::from_bytes([0xaa; 32]));
    assert_eq!(read.parent, Hash::from_bytes([0xbb; 32]));
    assert_eq!(result(&block(BlockTag::Number(9)), &Value::Null), Ok(None));
    assert_eq!(
        result(&receipt(Hash::from_bytes([2; 32])), &Value::Null),
        Ok(None)
    );
    let read = result(
        &receipt(Hash::from_bytes([2; 32])),
        &json!({
            "transactionHash": format!("0x{}", "02".repeat(32)), "status": "0x1",
            "blockNumber": "0x5", "blockHash": format!("0x{}", "01".repeat(32)),
            "logs": [a_log()],
        }),
    )
    .expect("an answer")
    .expect("a receipt");
    assert!(read.succeeded);
    assert_eq!(read.logs[0].index, 7);
    let call = contract_call(Address::ZERO, &[], BlockTag::Latest);
    assert_eq!(result(&call, &json!("0x")), Ok(Vec::new()));
}

#[test]
fn a_log_with_a_wrong_member_is_no_log() {
    assert_eq!(
        result(&any_logs(), &json!([a_log()])).map(|l| l.len()),
        Ok(1)
    );
    for (name, wrong) in [
        ("address", json!("0x12")),
        ("address", json!(null)),
        ("topics", json!(["0x12"])),
        ("topics", json!("0x12")),
        ("topics", json!([1])),
        ("topics", json!(vec![format!("0x{}", "dd".repeat(32)); 5])),
        ("data", json!("0x123")),
        ("data", json!(null)),
        // Of a log that is in no block yet.
        ("blockNumber", json!(null)),
        ("blockNumber", json!(5)),
        ("blockNumber", json!("0xffffffffffffffff")),
        ("blockHash", json!(null)),
        ("transactionHash", json!("0x02")),
        ("logIndex", json!("seven")),
        ("removed", json!("no")),
    ] {
        let mut log = a_log();
        log[name] = wrong.clone();
        let read = result(&any_logs(), &json!([log]));
        assert!(
            matches!(read, Err(RpcError::Malformed(_))),
            "{name}: {wrong}"
        );
    }
}

#[test]
fn an_answer_that_ends_early_is_told_from_a_foreign_one() {
    let logs = json!({ "jsonrpc": "2.0", "id": 1, "result": [a_log(), a_log()] }).to_string();
    for end in 0..logs.len() {
        assert_eq!(
            answered(&any_logs(), 200, &logs[..end]),
            Err(RpcError::CutOff),
            "{end}"
        );
    }
    let block = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x89\"";
    assert_eq!(answered(&chain_id(), 200, block), Err(RpcError::CutOff));
}

/// Anybody can make these, and as many as they like.
#[test]
fn transfers_of_nothing_are_dropped_while_reading() {
    let transfer = |units: u64| {
        let mut log = a_log();
        log["topics"][0] = crate::polygon::hex::encode(&crate::polygon::transfer::TRANSFER).into();
        log["data"] = format!("{units:#066x}").into();
        log
    };
    let all = json!([transfer(0), transfer(7), transfer(0), a_log()]);
    let read = result(&any_logs(), &all).expect("logs");
    let data: Vec<Option<u8>> = read.iter().map(|log| log.data.last().copied()).collect();
    assert_eq!(data, [Some(7), None]);
}

#[test]
fn foreign_answers_are_malformed() {
    for body in [
        "<html>502</html>",
        "[]",
        "null",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x89\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"0x89\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":137}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"89\"}",
    ] {
        let read = answered(&chain_id(), 200, body);
        assert!(
            matches!(read, Err(RpcError::Malformed(_))),
            "{body}: {read:?}"
        );
    }
}

#[test]
fn statuses_are_told_apart() {
    for (status, expected) in [
        (429, RpcError::RateLimited),
        (401, RpcError::Unauthorized { code: 401 }),
        (403, RpcError::Unauthorized { code: 403 }),
        (402, RpcError::Unauthorized { code: 402 }),
        (500, RpcError::Status { status: 500 }),
        (502, RpcError::Status { status: 502 }),
        (404, RpcError::Status { status: 404 }),
    ] {
        assert_eq!(answered(&chain_id(), status, "oops"), Err(expected));
    }
    assert_eq!(answered(&any_logs(), 413, ""), Err(WIDE));
}

#[test]
fn refusals_are_told_apart() {
    let finalized = block(BlockTag::Finalized);
    for (code, message, expected) in [
        (-32_000, "finalized block not found", RpcError::NoFinalized),
        (-39_001, "finalized header not found", RpcError::NoFinalized),
        (
            -32_602,
            "invalid argument 0: hex string without 0x prefix",
            RpcError::TagUnsupported,
        ),
        (-32_000, "Unsupported block tag", RpcError::TagUnsupported),
        (
            -32_051,
            "tenant disabled",
            RpcError::Unauthorized { code: -32_051 },
        ),
        (
            -32_005,
            "daily request count exceeded, request rate limited",
            RpcError::RateLimited,
        ),
    ] {
        assert_eq!(error(&finalized, code, message), expected, "{message}");
    }
    // Only where the tag was asked for.
    let latest = block(BlockTag::Latest);
    assert!(matches!(
        error(&latest, -32_602, "invalid argument 0"),
        RpcError::Refused { code: -32_602, .. }
    ));
    assert_eq!(result(&finalized, &Value::Null), Err(RpcError::NoFinalized));
    let call = contract_call(Address::ZERO, &[], BlockTag::Latest);
    assert_eq!(
        error(&call, 3, "execution reverted: no"),
        RpcError::Reverted
    );
    assert_eq!(
        error(&call, -32_000, "execution reverted"),
        RpcError::Reverted
    );
    assert_eq!(
        error(
            &any_logs(),
            -32_005,
            "query returned more than 10000 results"
        ),
        RpcError::TooManyResults { hint: None }
    );
}

#[test]
fn a_refusal_never_shows_the_key_of_the_url() {
    let message = format!(
        "no project for supersecretkey at {URL}\u{1b}[31m{}",
        "x".repeat(900)
    );
    let refusal = error(&chain_id(), -32_600, &message);
    let shown = format!("{refusal} {refusal:?}");
    assert!(!shown.contains("supersecretkey"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(shown.len() < 3 * MAX_MESSAGE_CHARS, "{}", shown.len());
}

proptest! {
    #[test]
    fn whatever_comes_is_an_error_or_a_result(body: Vec<u8>, status in 200_u16..600) {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let _ = any_logs().read(&endpoint(), &response);
        let _ = chain_id().read(&endpoint(), &response);
    }

    #[test]
    fn no_message_breaks_the_reading(message: String, code: i64) {
        let _ = error(&any_logs(), code, &message);
        let _ = error(&block(BlockTag::Finalized), code, &message);
    }
}
