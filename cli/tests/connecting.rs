//! How the program reaches a server: certificates of a private authority, proxies,
//! redirects, and what is retried.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const LISTED: &str = "200 OK|{\"releases\":[],\"next_cursor\":null}";
const KEY: &str = "kw_a_key_of_a_test";

/// A private authority, and a certificate of it for `shop.test` and 127.0.0.1.
fn authority(folder: &Path) {
    let openssl = |arguments: &str| {
        let words = arguments.split_whitespace();
        let made = Command::new("openssl")
            .args(words)
            .current_dir(folder)
            .output();
        let made = made.expect("openssl");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {curve} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"
    ));
    openssl(&format!(
        "req {curve} -keyout server.key -out server.csr -subj /CN=shop"
    ));
    let names = "subjectAltName=DNS:shop.test,IP:127.0.0.1\n";
    std::fs::write(folder.join("names"), names).expect("a file");
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
}

/// A server that answers each request with the next of its answers, and at last for ever
/// with the last one.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(tls: Option<Arc<ServerConfig>>, answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            port: listener.local_addr().expect("an address").port(),
            connections: Arc::default(),
            heads: Arc::default(),
        };
        let (connections, heads) = (server.connections.clone(), server.heads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let at = connections.fetch_add(1, Ordering::SeqCst);
                let answer = answers[at.min(answers.len() - 1)];
                let head = match &tls {
                    Some(tls) => {
                        let tls = ServerConnection::new(tls.clone()).expect("TLS");
                        respond(&mut StreamOwned::new(tls, stream), answer)
                    }
                    None => respond(&mut { stream }, answer),
                };
                heads.lock().expect("the heads").extend(head);
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request, and answers; the head, where the client got so far.
fn respond(stream: &mut (impl Read + Write), answer: &str) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    // The hello of TLS, where HTTP is spoken, has no lines.
    let is_tls = reader.fill_buf().ok()?.first() == Some(&0x16);
    while !is_tls && reader.read_line(&mut head).ok()? > 2 {}
    let (status, body) = answer.split_once('|').unwrap_or((answer, ""));
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let stream = reader.get_mut();
    stream.write_all(answer.as_bytes()).ok()?;
    stream.flush().ok()?;
    Some(head)
}

/// A proxy that takes every tunnel to one port; the targets that it was asked for.
fn proxy(port: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let targets = asked.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut head = String::new();
            let mut reader = BufReader::new(&client);
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            targets
                .lock()
                .expect("the targets")
                .push(head.lines().next().unwrap_or_default().to_owned());
            let server = TcpStream::connect(("127.0.0.1", port)).expect("the server");
            (&client)
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .expect("the answer");
            let (mut there, mut back) = (
                server.try_clone().expect("it"),
                client.try_clone().expect("it"),
            );
            std::thread::spawn(move || std::io::copy(&mut { client }, &mut there));
            std::thread::spawn(move || std::io::copy(&mut { server }, &mut back));
        }
    });
    (address, asked)
}

fn tls(folder: &Path) -> Arc<ServerConfig> {
    let chain = CertificateDer::from_pem_file(folder.join("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key);
    Arc::new(config.expect("a configuration"))
}

/// `release list` at a server, with nothing else in the environment.
fn list(url: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywright"));
    command
        .env_clear()
        .args(["release", "list", "--product", "demo"])
        .args(arguments);
    command
        .env("KEYWRIGHT_URL", url)
        .env("KEYWRIGHT_API_KEY", KEY)
        .stdin(Stdio::null());
    command
        .envs(variables.iter().copied())
        .output()
        .expect("the program")
}

fn worked(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn failed(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
}

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    authority(folder.path());
    let ca = folder.path().join("ca.pem");
    let ca = ca.to_str().expect("a plain path");
    let dir = folder.path().join("authorities");
    std::fs::create_dir(&dir).expect("a folder");
    std::fs::copy(ca, dir.join("private.crt")).expect("a copy");
    let dir = dir.to_str().expect("a plain path");
    let server = Server::start(Some(tls(folder.path())), &[LISTED]);
    let url = format!("https://127.0.0.1:{}", server.port);

    // One attempt, and one sentence that says what to do.
    let refused = list(&url, &[], &[]);
    failed(
        &refused,
        1,
        "that this machine does not trust; pass --cacert FILE or set SSL_CERT_FILE",
    );
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("try again"));
    assert_eq!(server.connections(), 1);

    let quoted = format!("\"{ca}\"\r\n");
    worked(&list(&url, &[("SSL_CERT_FILE", ca)], &[]));
    worked(&list(&url, &[("SSL_CERT_FILE", &quoted)], &[]));
    worked(&list(&url, &[("SSL_CERT_DIR", dir)], &[]));
    worked(&list(
        &url,
        &[("SSL_CERT_DIR", &format!("/nowhere:{dir}"))],
        &[],
    ));
    worked(&list(&url, &[], &["--cacert", ca]));
    // The argument counts more than the variable.
    worked(&list(
        &url,
        &[("SSL_CERT_FILE", "/nowhere")],
        &["--cacert", ca],
    ));
    let none = folder.path().join("names");
    let none = none.to_str().expect("a plain path");
    failed(
        &list(&url, &[("SSL_CERT_FILE", "/nowhere")], &[]),
        2,
        "SSL_CERT_FILE must name",
    );
    failed(
        &list(&url, &[], &["--cacert", none]),
        2,
        "--cacert must name",
    );

    // The same server under a name that its certificate does not have.
    let local = format!("https://localhost:{}", server.port);
    failed(&list(&local, &[], &["--cacert", ca]), 1, "for another name");

    // Through a proxy, which resolves the name; NO_PROXY bypasses it.
    let (proxy, asked) = proxy(server.port);
    let shop = "https://shop.test";
    worked(&list(shop, &[("HTTPS_PROXY", &proxy)], &["--cacert", ca]));
    let heads = asked.lock().expect("the targets").clone();
    assert!(heads[0].starts_with("CONNECT shop.test:443 "), "{heads:?}");
    let excluded = [("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "shop.test")];
    failed(
        &list(shop, &excluded, &["--cacert", ca]),
        1,
        "host name was not found",
    );
    // Requests to this machine bypass the proxy.
    worked(&list(
        &url,
        &[("HTTPS_PROXY", "http://127.0.0.1:1")],
        &["--cacert", ca],
    ));
    assert_eq!(asked.lock().expect("the targets").len(), 1);
}

#[test]
fn a_port_without_tls_is_named_at_once() {
    let server = Server::start(None, &["400 Bad Request"]);
    let refused = list(&format!("https://127.0.0.1:{}", server.port), &[], &[]);
    failed(&refused, 1, "no TLS at this port");
    assert_eq!(server.connections(), 1);
}

#[test]
fn what_may_pass_is_retried_and_a_refusal_is_not() {
    let busy = Server::start(
        None,
        &[
            "503 Service Unavailable",
            "429 Too Many Requests|{}",
            LISTED,
        ],
    );
    worked(&list(&format!("http://127.0.0.1:{}", busy.port), &[], &[]));
    assert_eq!(busy.connections(), 3);
    for (answer, code) in [
        ("404 Not Found|{}", 3),
        ("403 Forbidden|{}", 5),
        ("400 Bad Request|{}", 2),
    ] {
        let server = Server::start(None, Box::leak(Box::new([answer])));
        failed(
            &list(&format!("http://127.0.0.1:{}", server.port), &[], &[]),
            code,
            "answered",
        );
        assert_eq!(server.connections(), 1, "{answer}");
    }
}

#[test]
fn the_key_goes_to_the_given_address_only_and_arrives_clean() {
    let server = Server::start(
        None,
        &["301 Moved Permanently\r\nlocation: https://www.shop.test/"],
    );
    let url = format!("http://127.0.0.1:{}", server.port);
    failed(
        &list(&url, &[], &[]),
        2,
        "redirects to https://www.shop.test/",
    );
    assert_eq!(server.connections(), 1);

    let server = Server::start(None, &[LISTED]);
    let url = format!("http://127.0.0.1:{}", server.port);
    let quoted = format!(" '{url}/'\r\n");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, format!("\u{feff}{KEY}\r\n")).expect("a file");
    worked(&list(
        &quoted,
        &[("KEYWRIGHT_API_KEY", &format!("\"{KEY}\"\n"))],
        &[],
    ));
    worked(&list(
        &url,
        &[],
        &["--api-key-file", file.to_str().expect("a plain path")],
    ));
    for head in server.heads.lock().expect("the heads").iter() {
        assert!(head.contains(&format!("Bearer {KEY}\r\n")), "{head}");
    }
}
