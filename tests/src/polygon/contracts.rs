//! The contracts of the tests, compiled once per process, and how they are
//! called (the contract ABI).

use crate::hosts::{StartError, root, tool};
use keywright_providers::polygon::{Address, keccak256};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// The programs by the names of their contracts.
///
/// # Errors
/// [`StartError`] when the compiler is not installed or does not like them.
pub fn programs() -> Result<&'static BTreeMap<String, Vec<u8>>, StartError> {
    static PROGRAMS: OnceLock<Result<BTreeMap<String, Vec<u8>>, StartError>> = OnceLock::new();
    PROGRAMS.get_or_init(compile).as_ref().map_err(Clone::clone)
}

fn compile() -> Result<BTreeMap<String, Vec<u8>>, StartError> {
    let failed = |why: &dyn std::fmt::Display| StartError::new("compiling the contracts", why);
    let node = tool("KEYWRIGHT_TEST_NODE", "the node that set-up installed")?;
    let modules = tool(
        "KEYWRIGHT_TEST_NODE_MODULES",
        "the npm packages that set-up installed",
    )?;
    let output = Command::new(node)
        .arg(root().join("tests/contracts/compile.mjs"))
        .arg(modules)
        .output()
        .map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    let programs: BTreeMap<String, String> =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    let decoded = programs.into_iter().map(|(name, program)| {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(&program.as_bytes()[2..]);
        bytes.map(|bytes| (name, bytes))
    });
    decoded
        .collect::<Result<_, _>>()
        .map_err(|error| failed(&error))
}

/// One argument of a call.
pub(super) enum Argument<'a> {
    Address(Address),
    Number(u128),
    Addresses(&'a [Address]),
    Numbers(&'a [u128]),
}

/// The data of a call: the first bytes of the hash of the method's signature,
/// one word for each argument, and the lists behind them.
pub(super) fn call(signature: &str, arguments: &[Argument<'_>]) -> Vec<u8> {
    let mut data = keccak256(signature.as_bytes())[..4].to_vec();
    data.extend(encoded(arguments));
    data
}

/// The arguments alone, as a constructor gets them.
pub(super) fn encoded(arguments: &[Argument<'_>]) -> Vec<u8> {
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    let lists_at = 32 * arguments.len();
    for argument in arguments {
        let list: Vec<[u8; 32]> = match argument {
            Argument::Address(address) => {
                head.extend(address.to_word());
                continue;
            }
            Argument::Number(number) => {
                head.extend(word(*number));
                continue;
            }
            Argument::Addresses(all) => all.iter().map(Address::to_word).collect(),
            Argument::Numbers(all) => all.iter().map(|number| word(*number)).collect(),
        };
        head.extend(word((lists_at + tail.len()) as u128));
        tail.extend(word(list.len() as u128));
        tail.extend(list.concat());
    }
    head.extend(tail);
    head
}

fn word(number: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&number.to_be_bytes());
    word
}
