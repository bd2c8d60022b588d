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

/// A request as it goes out, and what its answer must hold.
#[derive(Debug)]
pub struct Request {
    /// The bytes of the request.
    pub bytes: Vec<u8>,
    /// Texts that the body of the answer must contain.
    pub expected: Vec<String>,
}

/// Requests of one kind, taken in turn.
#[derive(Debug)]
pub struct Workload {
    /// Which kind.
    pub kind: Kind,
    requests: Vec<Request>,
    next: Cell<usize>,
}

impl Workload {
    /// Writes the requests of a kind, one for each license.
    #[must_use]
    pub fn new(kind: Kind, seed: &Seed) -> Self {
        let licenses = seed.licenses.iter().enumerate();
        Self {
            kind,
            requests: licenses
                .map(|(number, one)| request(kind, number, one))
                .collect(),
            next: Cell::new(0),
        }
    }

    /// The next request. It goes on where the last measurement ended, so that
    /// all licenses get their turn.
    ///
    /// # Panics
    /// Without a license there is nothing to ask.
    pub fn next(&self) -> &Request {
        let next = self.next.get();
        self.next.set((next + 1) % self.requests.len());
        &self.requests[next]
    }
}

fn request(kind: Kind, number: usize, license: &License) -> Request {
    // An address of its own for each license (10.0.0.0/8): the limit on
    // validations is per address, and it is not what is measured here.
    let [_, a, b, c] = u32::try_from(number + 1).unwrap_or(1).to_be_bytes();
    let address = format!("10.{a}.{b}.{c}");
    let mut body = json!({ "key": license.key, "product_slug": PRODUCT });
    let expected = match kind {
        Kind::Healthz => {
            let head = head("GET /healthz", &address);
            return Request {
                bytes: format!("{head}\r\n").into_bytes(),
                expected: vec!["{\"ok\":true}".to_owned()],
            };
        }
        Kind::Malformed => {
            body["key"] = license.key[..license.key.len() - 1].into();
            vec!["\"reason\":\"bad_format\"".to_owned()]
        }
        Kind::Forged => {
            body["key"] = license.forged_key.as_str().into();
            vec!["\"reason\":\"bad_signature\"".to_owned()]
        }
        Kind::Validate => good(license),
        Kind::KnownMachine => {
            body["fingerprint"] = license.fingerprint.as_str().into();
            good(license)
        }
    };
    let body = body.to_string();
    let head = head("POST /v1/validate", &address);
    let length = body.len();
    let text =
        format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    Request {
        bytes: text.into_bytes(),
        expected,
    }
}

fn good(license: &License) -> Vec<String> {
    vec![
        "\"ok\":true".to_owned(),
        format!("\"license_id\":\"{}\"", license.id),
    ]
}

/// Request line and the headers that every request has. On Workers the platform
/// names the client in `cf-connecting-ip`, elsewhere a proxy in front does.
fn head(line: &str, address: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: keywright-bench\r\naccept: */*\r\n\
         x-forwarded-for: {address}\r\ncf-connecting-ip: {address}\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn text(request: &Request) -> String {
        String::from_utf8(request.bytes.clone()).unwrap()
    }

    #[test]
    fn each_license_has_its_own_key_and_address_and_all_get_their_turn() {
        let seed = Seed::new(300).unwrap();
        for kind in [
            Kind::Malformed,
            Kind::Forged,
            Kind::Validate,
            Kind::KnownMachine,
        ] {
            let workload = Workload::new(kind, &seed);
            let sent: Vec<String> = (0..600).map(|_| text(workload.next())).collect();
            assert_eq!(sent[..300], sent[300..], "{kind:?}");
            let distinct: HashSet<&String> = sent.iter().collect();
            assert_eq!(distinct.len(), 300, "{kind:?}");
            let addresses: HashSet<&str> = sent
                .iter()
                .filter_map(|text| {
                    text.lines()
                        .find(|line| line.starts_with("x-forwarded-for"))
                })
                .collect();
            assert_eq!(addresses.len(), 300, "{kind:?}");
        }
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let seed = Seed::new(1).unwrap();
        for kind in Kind::ALL {
            let text = text(Workload::new(kind, &seed).next());
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            assert_eq!(body.len(), length, "{kind:?}");
        }
    }
}
