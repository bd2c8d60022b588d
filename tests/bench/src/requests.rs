//! What is sent. Every request is written out before the clock starts, and every
//! answer is compared.

use crate::seed::{License, PRODUCT, Seed};
use serde_json::json;
use std::cell::Cell;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `GET /healthz`: the floor of a host.
    Healthz,
    /// A key that was cut off: nothing but reading the request and the key.
    Malformed,
    /// A key signed by somebody else: the same, and one signature check.
    Forged,
    /// A good key: the same, and the database.
    Validate,
    /// A good key from a machine that is known and was seen just now.
    KnownMachine,
}

impl Kind {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 5] = [
        Self::Healthz,
        Self::Malformed,
        Self::Forged,
        Self::Validate,
        Self::KnownMachine,
    ];

    /// Its name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Malformed => "malformed key",
            Self::Forged => "forged key",
            Self::Validate => "validate",
            Self::KnownMachine => "validate, known machine",
        }
    }
}

/// Stands for the client's address in a request; as long as every address.
const ADDRESS: &str = "10.###.###.###";
/// The least number with three digits, and how many of them can be a part of an
/// address.
const PARTS: (u32, u32) = (100, 156);

/// A request, and what its answer must hold.
#[derive(Debug)]
struct Request {
    /// The bytes of the request, with [`ADDRESS`] in it.
    bytes: Vec<u8>,
    /// Where that stands.
    addresses: Vec<usize>,
    expected: Vec<String>,
}

/// Requests of one kind, taken in turn.
#[derive(Debug)]
pub struct Workload {
    /// Which kind.
    pub kind: Kind,
    requests: Vec<Request>,
    next: Cell<u32>,
}

impl Workload {
    /// Writes the requests of a kind, one for each license.
    #[must_use]
    pub fn new(kind: Kind, seed: &Seed) -> Self {
        let licenses = &seed.licenses;
        Self {
            kind,
            requests: licenses.iter().map(|one| Request::new(kind, one)).collect(),
            next: Cell::new(0),
        }
    }

    /// Puts the next request into `bytes` and answers what the body of its answer
    /// must contain. It goes on where the last measurement ended, so that all
    /// licenses get their turn.
    ///
    /// Each request comes from another address, of more than three million, and
    /// each from another /16 than the one before it: the limits on validations
    /// count addresses and their networks, and are not what is measured here.
    ///
    /// # Panics
    /// Without a license there is nothing to ask.
    pub fn next(&self, bytes: &mut Vec<u8>) -> &[String] {
        let next = self.next.get();
        self.next.set(next.wrapping_add(1));
        let request = &self.requests[next as usize % self.requests.len()];
        bytes.clear();
        bytes.extend_from_slice(&request.bytes);
        let address = address(next);
        for &at in &request.addresses {
            bytes[at..at + address.len()].copy_from_slice(address.as_bytes());
        }
        &request.expected
    }
}

/// A private address (RFC 1918) for each number; neighbours share no network.
fn address(number: u32) -> String {
    let (first, count) = PARTS;
    let [a, b, c] = [number, number / count, number / count / count].map(|n| first + n % count);
    format!("10.{a}.{b}.{c}")
}

impl Request {
    fn new(kind: Kind, license: &License) -> Self {
        let mut body = json!({ "key": license.key, "product_slug": PRODUCT });
        let good = vec![
            "\"ok\":true".to_owned(),
            format!("\"license_id\":\"{}\"", license.id),
        ];
        let expected = match kind {
            Kind::Healthz => {
                let expected = vec!["{\"ok\":true}".to_owned()];
                return Self::of(format!("{}\r\n", head("GET /healthz")), expected);
            }
            Kind::Malformed => {
                body["key"] = license.key[..license.key.len() - 1].into();
                vec!["\"reason\":\"bad_format\"".to_owned()]
            }
            Kind::Forged => {
                body["key"] = license.forged_key.as_str().into();
                vec!["\"reason\":\"bad_signature\"".to_owned()]
            }
            Kind::Validate => good,
            Kind::KnownMachine => {
                body["fingerprint"] = license.fingerprint.as_str().into();
                let machine = format!("\"machine_id\":\"{}\"", license.machine_id);
                good.into_iter().chain([machine]).collect()
            }
        };
        let body = body.to_string();
        let (head, length) = (head("POST /v1/validate"), body.len());
        let text = format!(
            "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self::of(text, expected)
    }

    fn of(text: String, expected: Vec<String>) -> Self {
        Self {
            addresses: text.match_indices(ADDRESS).map(|(at, _)| at).collect(),
            bytes: text.into_bytes(),
            expected,
        }
    }
}

/// Request line and the headers that every request has. The instance is told to
/// believe `x-forwarded-for`.
fn head(line: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: keywright-bench\r\naccept: */*\r\n\
         x-forwarded-for: {ADDRESS}\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    fn next(workload: &Workload) -> String {
        let mut bytes = Vec::new();
        workload.next(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn all_licenses_get_their_turn() {
        let seed = Seed::new(30).unwrap();
        for kind in [
            Kind::Malformed,
            Kind::Forged,
            Kind::Validate,
            Kind::KnownMachine,
        ] {
            let workload = Workload::new(kind, &seed);
            let sent: Vec<String> = (0..60).map(|_| next(&workload)).collect();
            let bodies: Vec<&str> = sent
                .iter()
                .map(|text| text.split_once("\r\n\r\n").unwrap().1)
                .collect();
            assert_eq!(bodies[..30], bodies[30..], "{kind:?}");
            assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), 30, "{kind:?}");
        }
    }

    #[test]
    fn every_request_comes_from_another_address() {
        let workload = Workload::new(Kind::Validate, &Seed::new(2).unwrap());
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let text = next(&workload);
            let told: Vec<Ipv4Addr> = text
                .lines()
                .filter(|line| line.starts_with("x-forwarded-for"))
                .map(|line| line.split_once(": ").unwrap().1.parse().unwrap())
                .collect();
            assert_eq!(told.len(), 1, "{text}");
            assert!(seen.insert(told[0]), "{text}");
        }
        let most = PARTS.1.pow(3);
        assert_eq!(address(0), address(most));
        assert_ne!(address(0), address(most - 1));
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let seed = Seed::new(1).unwrap();
        for kind in Kind::ALL {
            let text = next(&Workload::new(kind, &seed));
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            assert_eq!(body.len(), length, "{kind:?}");
        }
    }
}
