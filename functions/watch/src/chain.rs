//! The client of the chain: the endpoints in order, with failover and a call limit. An
//! endpoint is used only after a check that it serves the right chain and agrees with
//! what was read before.

use crate::settings::Settings;
use keywright_ports::{FetchError, Outbound, TIME_LIMIT};
use keywright_providers::polygon::rpc::{self, Block, BlockTag, Call, Endpoint, RpcError};
use keywright_store::chain::chain_cursors::BlockPosition;
use keywright_store::chain::rpc_endpoints::{EndpointFault, EndpointSetAside, FaultyEndpoint};
use std::time::Duration;

/// The endpoints, and the remaining calls.
pub(crate) struct ChainClient<'a> {
    settings: &'a Settings,
    outbound: &'a Outbound,
    /// The endpoints to use, in order.
    order: Vec<usize>,
    /// Endpoints that are set aside for a wrong answer. They may still corroborate what
    /// another endpoint says.
    doubted: Vec<usize>,
    /// Index in `order` of the next endpoint that was not tried.
    next: usize,
    calls_left: usize,
    /// Calls of those that are reserved for later in the tick.
    kept: usize,
    calls_made: usize,
    /// Endpoints that failed, and how.
    pub(crate) faulty: Vec<FaultyEndpoint>,
    /// True when an endpoint could not be asked.
    pub(crate) unreached: bool,
    /// How long a call may take.
    call_time: Duration,
}

/// How long a call may take while somebody waits for the answer, who gives up after 10
/// seconds or more: three endpoints that hang take seven.
const CALL_TIME_OF_REQUESTS: Duration = Duration::from_millis(2_300);

/// An endpoint that was opened.
#[derive(Debug, Clone)]
pub(crate) struct EndpointSession {
    index: usize,
    /// The newest block that is final there.
    pub(crate) head: Block,
}

impl EndpointSession {
    /// True when this session is with that endpoint.
    pub(crate) fn is_with(&self, witness: &Witness) -> bool {
        self.index == witness.index
    }
}

/// An endpoint that may corroborate what another one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Witness {
    index: usize,
    /// The party that runs it: two endpoints of one party count once.
    pub(crate) party: String,
    /// Its host, which may be shown; the URL may hold a key.
    pub(crate) host: String,
}

/// An endpoint that serves the right chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectedEndpoint(usize);

/// An opened endpoint, compared with the last block that was read.
pub(crate) enum OpenedEndpoint {
    /// It has the block.
    Agrees(EndpointSession),
    /// It has not reached the block yet.
    Behind,
    /// It has a different block with the same number.
    Disagrees(EndpointSession),
}

impl<'a> ChainClient<'a> {
    /// A client that tries the endpoints that are not set aside, and after them those that
    /// were unreachable lately.
    pub(crate) fn new(
        settings: &'a Settings,
        outbound: &'a Outbound,
        set_aside: &[EndpointSetAside],
        calls: usize,
    ) -> Self {
        let fault = |endpoint: &Endpoint| {
            let found = set_aside.iter().find(|one| one.id == endpoint.key());
            found.map(|one| one.reason)
        };
        let mut order: Vec<usize> = (0..settings.endpoints.len())
            .filter(|at| fault(&settings.endpoints[*at]).is_none_or(EndpointFault::is_outage))
            .collect();
        order.sort_by_key(|at| fault(&settings.endpoints[*at]).is_some());
        let is_doubted = |at: &usize| {
            let fault = fault(&settings.endpoints[*at]);
            fault.is_some_and(|fault| !fault.is_outage() && fault != EndpointFault::WrongChain)
        };
        let doubted: Vec<usize> = (0..settings.endpoints.len()).filter(is_doubted).collect();
        // Endpoints that were each wrong once are better than none.
        let (order, doubted) = if order.is_empty() {
            (doubted, Vec::new())
        } else {
            (order, doubted)
        };
        Self {
            settings,
            outbound,
            order,
            doubted,
            next: 0,
            calls_left: calls,
            kept: 0,
            calls_made: 0,
            faulty: Vec::new(),
            unreached: false,
            call_time: TIME_LIMIT,
        }
    }

    /// The same for a request whose caller waits.
    pub(crate) fn for_a_request(mut self) -> Self {
        self.call_time = CALL_TIME_OF_REQUESTS;
        self
    }

    /// Remaining calls, without the reserved ones.
    pub(crate) fn calls_left(&self) -> usize {
        self.calls_left.saturating_sub(self.kept)
    }

    /// Reserves this many calls for later in the tick.
    pub(crate) fn keep(&mut self, calls: usize) {
        self.kept = calls;
    }

    /// The host of an endpoint, which may be shown.
    pub(crate) fn host(&self, session: &EndpointSession) -> &str {
        self.settings.endpoints[session.index].host()
    }

    /// Number of calls made.
    pub(crate) fn calls_made(&self) -> usize {
        self.calls_made
    }

    /// Opens the next endpoint; `None` when there is no other, or no call is left. An
    /// endpoint that fails is noted and skipped.
    pub(crate) async fn open(&mut self, read: Option<&BlockPosition>) -> Option<OpenedEndpoint> {
        while let Some(index) = self.order.get(self.next).copied() {
            if self.calls_left() < 3 {
                return None;
            }
            self.next += 1;
            match self.look(index, read).await {
                Ok(Some(opened)) => return Some(opened),
                Ok(None) => {}
                Err(error) => self.failed(index, &error),
            }
        }
        None
    }

    /// The endpoints that may corroborate an answer, the most trusted first, without those
    /// that failed in this tick.
    pub(crate) fn witnesses(&self) -> Vec<Witness> {
        let all = self.order.iter().chain(&self.doubted).copied();
        all.filter(|index| {
            let key = self.settings.endpoints[*index].key();
            !self.faulty.iter().any(|faulty| faulty.id == key)
        })
        .map(|index| {
            let endpoint = &self.settings.endpoints[index];
            Witness {
                index,
                party: endpoint.party().to_owned(),
                host: endpoint.host().to_owned(),
            }
        })
        .collect()
    }

    /// Opens an endpoint for corroboration. An endpoint that cannot be used is noted.
    pub(crate) async fn join(&mut self, witness: &Witness) -> Option<EndpointSession> {
        match self.look(witness.index, None).await {
            Ok(Some(OpenedEndpoint::Agrees(session) | OpenedEndpoint::Disagrees(session))) => {
                Some(session)
            }
            Ok(Some(OpenedEndpoint::Behind) | None) => None,
            Err(error) => {
                self.failed(witness.index, &error);
                None
            }
        }
    }

    /// Checks only that an endpoint serves the right chain: one call.
    pub(crate) async fn connect(
        &mut self,
        witness: &Witness,
    ) -> Result<ConnectedEndpoint, RpcError> {
        let chain_id = self.call(witness.index, &rpc::chain_id()).await?;
        if chain_id == self.settings.market.chain_id {
            return Ok(ConnectedEndpoint(witness.index));
        }
        let expected = self.settings.market.chain_id;
        let details = format!("it serves chain {chain_id}, not {expected}");
        self.note(witness.index, EndpointFault::WrongChain, details);
        Err(RpcError::Malformed("it serves another chain"))
    }

    /// Makes a call to an endpoint that [`Self::connect`] has checked.
    pub(crate) async fn ask_over<T>(
        &mut self,
        link: ConnectedEndpoint,
        call: &Call<T>,
    ) -> Result<T, RpcError> {
        self.call(link.0, call).await
    }

    async fn look(
        &mut self,
        index: usize,
        read: Option<&BlockPosition>,
    ) -> Result<Option<OpenedEndpoint>, RpcError> {
        let chain_id = self.call(index, &rpc::chain_id()).await?;
        let expected = self.settings.market.chain_id;
        if chain_id != expected {
            let details = format!("it serves chain {chain_id}, not {expected}");
            self.note(index, EndpointFault::WrongChain, details);
            return Ok(None);
        }
        let head = match self.head(index).await {
            Ok(Some(head)) => head,
            // It has no final block now: wait, or ask another endpoint.
            Ok(None) | Err(RpcError::NoFinalized) => {
                self.unreached = true;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let session = EndpointSession { index, head };
        let Some(read) = read else {
            return Ok(Some(OpenedEndpoint::Agrees(session)));
        };
        let number = read.block.cast_unsigned();
        if head.number < number {
            return Ok(Some(OpenedEndpoint::Behind));
        }
        let there = if head.number == number {
            Some(head)
        } else {
            self.call(index, &rpc::block(BlockTag::Number(number)))
                .await?
        };
        let there = there.ok_or(RpcError::Malformed("it lacks a block below its newest one"))?;
        Ok(Some(if there.hash.to_string() == read.block_hash {
            OpenedEndpoint::Agrees(session)
        } else {
            OpenedEndpoint::Disagrees(session)
        }))
    }

    /// The newest final block.
    async fn head(&mut self, index: usize) -> Result<Option<Block>, RpcError> {
        match self.call(index, &rpc::block(BlockTag::Finalized)).await {
            Err(RpcError::TagUnsupported) => {}
            answered => return answered,
        }
        let latest = self.call(index, &rpc::block(BlockTag::Latest)).await?;
        let Some(number) =
            latest.and_then(|latest| latest.number.checked_sub(self.settings.confirmations))
        else {
            return Ok(None);
        };
        self.call(index, &rpc::block(BlockTag::Number(number)))
            .await
    }

    /// Makes a call to an opened endpoint.
    ///
    /// # Errors
    /// [`RpcError`]; call [`Self::report_failure`] if the endpoint is not used again.
    pub(crate) async fn ask<T>(
        &mut self,
        session: &EndpointSession,
        call: &Call<T>,
    ) -> Result<T, RpcError> {
        self.call(session.index, call).await
    }

    async fn call<T>(&mut self, index: usize, call: &Call<T>) -> Result<T, RpcError> {
        self.calls_left = self.calls_left.saturating_sub(1);
        self.calls_made += 1;
        let endpoint = &self.settings.endpoints[index];
        let request = call.request(endpoint);
        let request =
            request.map_err(|_| RpcError::Malformed("its URL is not valid for a request"))?;
        let sent = if call.is_large() {
            self.outbound.send_for_large(request, self.call_time).await
        } else {
            self.outbound.send_within(request, self.call_time).await
        };
        match sent {
            Ok(response) => call.read(endpoint, &response),
            Err(FetchError::TooLarge(_)) => Err(RpcError::TooManyResults { hint: None }),
            Err(_) => Err(RpcError::Unreachable),
        }
    }

    /// Notes that an endpoint does not answer as it should.
    pub(crate) fn report_failure(&mut self, session: &EndpointSession, error: &RpcError) {
        self.failed(session.index, error);
    }

    /// Notes that an endpoint gave a wrong answer.
    pub(crate) fn report_fault(
        &mut self,
        session: &EndpointSession,
        fault: EndpointFault,
        details: &str,
    ) {
        self.note(session.index, fault, details.to_owned());
    }

    fn failed(&mut self, index: usize, error: &RpcError) {
        self.unreached = true;
        self.note(index, EndpointFault::Unreachable, error.to_string());
    }

    fn note(&mut self, index: usize, fault: EndpointFault, details: String) {
        let endpoint = &self.settings.endpoints[index];
        self.faulty.push(FaultyEndpoint {
            id: endpoint.key().to_owned(),
            host: endpoint.host().to_owned(),
            fault,
            details,
        });
    }
}

/// A block, as the database stores it.
pub(crate) fn position(block: &Block) -> BlockPosition {
    BlockPosition {
        block: block.number.cast_signed(),
        block_hash: block.hash.to_string(),
        block_time: block.time,
    }
}
