//! Proof of control of a wallet: a challenge and its signature.

use super::lookup::outage;
use super::{Claims, limit_contracts};
use crate::Ports;
use crate::chain::{ChainClient, Witness};
use data_encoding::HEXLOWER;
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

/// How long a challenge is valid, in seconds.
const CHALLENGE_SECONDS: i64 = 600;

/// Calls to one endpoint about a contract wallet: its chain id, the contract's code, and
/// the contract's answer.
const CALLS_PER_ENDPOINT: usize = 3;

/// Calls about one wallet, to at most three endpoints.
const CALLS: usize = 3 * CALLS_PER_ENDPOINT;

/// How long a wallet without a contract is remembered as such, in seconds.
const PLAIN_FOR: i64 = 86_400;

/// The message that a wallet signs.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimChallenge)]
pub(crate) struct ClaimChallenge {
    /// The wallet that must sign, with the checksum of EIP-55.
    wallet: String,
    /// The text to sign, as a personal message (EIP-191; in the form of
    /// ERC-4361). A contract wallet signs it as it does (EIP-1271).
    message: String,
    /// Sent back with the signature.
    nonce: String,
    /// When the challenge expires, RFC 3339.
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
    let expires = issued + CHALLENGE_SECONDS;
    let nonce = HEXLOWER.encode(&ports.stamps.random::<16>());
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

/// The purpose of a challenge, as the database stores it.
fn subject(purpose: Purpose<'_>) -> String {
    match purpose {
        Purpose::License { transaction } => format!("license {transaction}"),
        Purpose::Binary { sha256 } => format!("binary {sha256}"),
    }
}

/// Checks that a challenge was signed by its wallet. Does not use up the challenge.
///
/// # Errors
/// 400 for a malformed signature; 403 for a signature of another wallet and for a
/// challenge that is not valid; 503 when a contract wallet cannot be asked.
pub(crate) async fn check(
    ports: &Ports,
    client: &Client,
    purpose: Purpose<'_>,
    nonce: &str,
    signature: &str,
) -> Result<Challenge, ApiError> {
    let signature: Signature = signature
        .parse()
        .map_err(|error| ApiError::bad_request(format!("signature {error}")))?;
    let (now, subject) = (ports.stamps.now(), subject(purpose));
    let challenge = claims::find_challenge(&ports.database, nonce, &subject, now)
        .await?
        .ok_or_else(used)?;
    let wallet: Address = challenge
        .wallet
        .parse()
        .map_err(|_| ApiError::internal("the stored wallet of a challenge is malformed"))?;
    let signer = signature.signer(&challenge.message);
    if signer == Ok(wallet) {
        return Ok(challenge);
    }
    if contract_accepts(ports, client, wallet, &challenge.message, &signature).await? {
        return Ok(challenge);
    }
    let wrong = "the signature was not made by this wallet for this message";
    Err(refused(
        "wrong_signature",
        match signer {
            Ok(_) => wrong.to_owned(),
            Err(error) => format!("{wrong}: {error}"),
        },
    ))
}

/// 403: a challenge that was used, has expired, or has another purpose.
pub(crate) fn used() -> ApiError {
    refused(
        "challenge_expired",
        "the challenge was already used, has expired, or is for something else; request a new one",
    )
}

pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, code, message)
}

/// What an endpoint says about a wallet and a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContractAnswer {
    /// The wallet is a contract, and it accepts the signature.
    Accepts,
    /// The wallet is a contract, and it rejects the signature.
    Refuses,
    /// The wallet is not a contract: only its own signature counts.
    NoContract,
}

/// True when the wallet is a contract that accepts the signature. Two endpoints must say
/// so where two are configured. Without endpoints no contract can be asked, so that only
/// ordinary accounts can sign.
///
/// Transaction hashes are public, so strangers can ask about every wallet that ever paid.
/// Most wallets are not contracts, and that is remembered for a day: strangers cannot
/// cause more calls about them, nor exhaust the rate limit of contract wallets.
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
    let mut chain = ChainClient::new(settings, outbound, &loaded.set_aside, CALLS).for_a_request();
    let data = question(&digest(message), signature);
    let call = contract_call(wallet, &data, BlockTag::Latest);
    let needed = settings.witnesses_needed();
    let (mut accepting, mut plain, mut refusing) = (0, 0, 0);
    let mut asked: Vec<String> = Vec::new();
    for witness in chain.witnesses() {
        if asked.contains(&witness.party) || chain.calls_left() < CALLS_PER_ENDPOINT {
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
    Err(outage("too few endpoints answered about a signature"))
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
    /// The signed license.
    pub(crate) async fn signed(&self, license_id: &str) -> Result<SignedLicense, ApiError> {
        self.sign.license(license_id).await.map_err(|error| {
            ApiError::unavailable(
                "service_unavailable",
                "the license could not be signed; try again later",
                error.to_string(),
            )
        })
    }
}
