//! The proof that somebody holds a wallet: a challenge, and its signature.

use super::lookup::outage;
use super::{Claims, limit_contracts};
use crate::Ports;
use crate::chain::{ChainClient, Witness};
use http::StatusCode;
use keywright_domain::dates::rfc3339;
use keywright_ports::SignedLicense;
use keywright_providers::polygon::Address;
use keywright_providers::polygon::claim::{self, Purpose, Signature, accepted, digest, question};
use keywright_providers::polygon::rpc::{BlockTag, Call, RpcError, code, contract_call};
use keywright_store::chain::chain_cursors;
use keywright_store::chain::claims::{self, Challenge};
use keywright_store::chain::plain_wallets;
use keywright_web::{ApiError, Client};
use serde::Serialize;
use utoipa::ToSchema;

/// How long a challenge can be used, in seconds.
const TIME: i64 = 600;

/// Calls to ask one endpoint about a contract wallet: of which chain it is, whether
/// there is a contract, and what that says.
const CALLS_OF_ONE: usize = 3;

/// Calls to ask about a wallet, over three endpoints at most.
const CALLS: usize = 3 * CALLS_OF_ONE;

/// For how long a wallet that was seen to be no contract counts as none, in seconds.
const PLAIN_FOR: i64 = 86_400;

/// What is to be signed.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimChallenge)]
pub(crate) struct ClaimChallenge {
    /// The wallet that shall sign, with the checksum of EIP-55.
    wallet: String,
    /// The text to sign, as a personal message (EIP-191; in the form of
    /// ERC-4361). A contract wallet signs it as it does (EIP-1271).
    message: String,
    /// Goes back with the signature.
    nonce: String,
    /// Till when it can be used, RFC 3339.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Opens a challenge.
///
/// # Errors
/// 503 where the instance does not know its address, or the database fails.
pub(crate) async fn open(
    ports: &Ports,
    purpose: Purpose<'_>,
    wallet: Address,
) -> Result<ClaimChallenge, ApiError> {
    let address = ports.claims.address()?;
    let issued = ports.stamps.now();
    let expires = issued + TIME;
    let nonce = hex(&ports.stamps.random::<16>());
    let message = claim::Challenge {
        host: &address.host,
        base_url: &address.base_url,
        wallet,
        chain_id: ports.claims.market()?.chain_id,
        purpose,
        nonce: &nonce,
        issued,
        expires,
    }
    .message();
    let challenge = Challenge {
        nonce: nonce.clone(),
        subject: subject(purpose),
        wallet: wallet.lower(),
        message: message.clone(),
        expires_at: expires,
    };
    claims::open_challenge(&ports.database, &challenge, issued).await?;
    Ok(ClaimChallenge {
        wallet: wallet.to_string(),
        message,
        nonce,
        expires_at: rfc3339(expires),
    })
}

/// What a challenge is for, in the database.
fn subject(purpose: Purpose<'_>) -> String {
    match purpose {
        Purpose::License { transaction } => format!("license {transaction}"),
        Purpose::Binary { sha256 } => format!("binary {sha256}"),
    }
}

/// Checks that a challenge was signed by its wallet; it is not used up yet.
///
/// # Errors
/// 400 for a signature that cannot be read, 403 for one of somebody else and
/// for a challenge that cannot be used, 503 when a contract wallet cannot be
/// asked.
pub(crate) async fn check(
    ports: &Ports,
    client: &Client,
    purpose: Purpose<'_>,
    nonce: &str,
    signature: &str,
) -> Result<Challenge, ApiError> {
    let signature: Signature = signature
        .parse()
        .map_err(|error| ApiError::bad_request(format!("signature: {error}")))?;
    let (now, subject) = (ports.stamps.now(), subject(purpose));
    let challenge = claims::find_challenge(&ports.database, nonce, &subject, now)
        .await?
        .ok_or_else(used)?;
    let wallet: Address = challenge
        .wallet
        .parse()
        .map_err(|_| ApiError::internal("the wallet of a challenge cannot be read"))?;
    let signer = signature.signer(&challenge.message);
    if signer == Ok(wallet) {
        return Ok(challenge);
    }
    if contract_accepts(ports, client, wallet, &challenge.message, &signature).await? {
        return Ok(challenge);
    }
    let wrong = "the signature is not one of the wallet over the message";
    Err(refused(
        "wrong_signature",
        match signer {
            Ok(_) => wrong.to_owned(),
            Err(error) => format!("{wrong}: {error}"),
        },
    ))
}

/// 403: a challenge that was used, is over, or is for something else.
pub(crate) fn used() -> ApiError {
    refused(
        "challenge_expired",
        "the challenge was used, is over, or is for something else; ask for another",
    )
}

pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}

/// What an endpoint says of a wallet and a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContractAnswer {
    /// There is a contract, and it accepts the signature.
    Accepts,
    /// There is one, and it does not.
    Refuses,
    /// There is none: only the wallet's own signature counts.
    NoContract,
}

/// Whether the wallet is a contract that accepts the signature: two endpoints have to
/// say so where there are two. Where nothing is watched no contract can be asked, and
/// only accounts can sign.
///
/// The hashes are public, so strangers can ask about every wallet that ever paid. That
/// most of these are no contracts is kept for a day: strangers cannot have the endpoints
/// asked about them again, nor use up what contract wallets need.
async fn contract_accepts(
    ports: &Ports,
    client: &Client,
    wallet: Address,
    message: &str,
    signature: &Signature,
) -> Result<bool, ApiError> {
    let Ok((settings, outbound)) = ports.watched() else {
        return Ok(false);
    };
    let (database, market, now) = (&ports.database, settings.stored(), ports.stamps.now());
    let (chain_id, name) = (market.chain_id, wallet.lower());
    if plain_wallets::is_plain(database, chain_id, &name, now - PLAIN_FOR).await? {
        return Ok(false);
    }
    limit_contracts(ports, client).await?;
    let loaded = chain_cursors::load(database, &market, now).await?;
    let mut chain = ChainClient::new(settings, outbound, &loaded.set_aside, CALLS);
    let data = question(&digest(message), signature);
    let call = contract_call(wallet, &data, BlockTag::Latest);
    let needed = settings.witnesses_needed();
    let (mut accepting, mut plain, mut refusing) = (0, 0, 0);
    let mut asked: Vec<String> = Vec::new();
    for witness in chain.witnesses() {
        if asked.contains(&witness.party) || chain.calls_left() < CALLS_OF_ONE {
            continue;
        }
        match answer(&mut chain, &witness, wallet, &call).await {
            Ok(ContractAnswer::Accepts) => accepting += 1,
            Ok(ContractAnswer::Refuses) => refusing += 1,
            Ok(ContractAnswer::NoContract) => plain += 1,
            Err(_) => continue,
        }
        asked.push(witness.party);
        if accepting == needed {
            return Ok(true);
        }
        if plain == needed {
            plain_wallets::remember(database, chain_id, &name, now).await?;
            return Ok(false);
        }
    }
    if refusing + plain > 0 {
        return Ok(false);
    }
    Err(outage("too few endpoints could be asked about a signature"))
}

async fn answer(
    chain: &mut ChainClient<'_>,
    witness: &Witness,
    wallet: Address,
    call: &Call<Vec<u8>>,
) -> Result<ContractAnswer, RpcError> {
    let link = chain.connect(witness).await?;
    let program = chain
        .ask_over(link, &code(wallet, BlockTag::Latest))
        .await?;
    if program.is_empty() {
        return Ok(ContractAnswer::NoContract);
    }
    match chain.ask_over(link, call).await {
        Ok(answer) if accepted(&answer) => Ok(ContractAnswer::Accepts),
        Ok(_) | Err(RpcError::Reverted) => Ok(ContractAnswer::Refuses),
        Err(error) => Err(error),
    }
}

impl Claims {
    /// Key and token of a license.
    pub(crate) async fn signed(&self, license_id: &str) -> Result<SignedLicense, ApiError> {
        self.sign.license(license_id).await.map_err(|error| {
            ApiError::unavailable(
                "service_unavailable",
                "the license could not be signed now; try again later",
                error.to_string(),
            )
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
