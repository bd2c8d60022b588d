//! Certificate authorities: those of `--cacert`, `SSL_CERT_FILE` and `SSL_CERT_DIR`, else
//! the system's.

use crate::error::CliError;
use crate::input;
use clap::Args;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use std::path::{Path, PathBuf};
use ureq::tls::{Certificate, RootCerts};

/// The variables that OpenSSL, curl and others read too.
const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// How a server's certificate is checked.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TrustArgs {
    /// File in PEM with the certificate authorities to trust instead of the system's, for a
    /// server with a certificate of a private authority. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` do the same.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

impl TrustArgs {
    /// The authorities to trust. The ones built into this program are a last resort, for
    /// systems that have none.
    pub(super) fn root_certs(&self) -> Result<RootCerts, CliError> {
        if let Some(file) = &self.cacert {
            return given("--cacert", &load_certs_from_paths(Some(file), None));
        }
        let (file, folders) = (input::variable(FILE), input::variable(FOLDERS));
        if file.is_none() && folders.is_none() {
            let roots = load_native_certs().certs;
            return Ok(if roots.is_empty() {
                RootCerts::WebPki
            } else {
                specific(&roots)
            });
        }
        let mut all = CertificateResult::default();
        let mut take = |file: Option<&Path>, folder: Option<&Path>| {
            let loaded = load_certs_from_paths(file, folder);
            all.certs.extend(loaded.certs);
            all.errors.extend(loaded.errors);
        };
        if let Some(file) = &file {
            take(Some(Path::new(file)), None);
        }
        for folder in std::env::split_paths(&folders.unwrap_or_default()) {
            take(None, Some(&folder));
        }
        given(if file.is_some() { FILE } else { FOLDERS }, &all)
    }
}

/// Certificates of files that the caller named: none in them is an error.
fn given(name: &str, loaded: &CertificateResult) -> Result<RootCerts, CliError> {
    if !loaded.certs.is_empty() {
        return Ok(specific(&loaded.certs));
    }
    let reason = loaded.errors.first().map_or_else(
        || "there is no certificate in PEM in it".to_owned(),
        ToString::to_string,
    );
    Err(CliError::usage(format!(
        "{name} must name readable certificates: {reason}"
    )))
}

fn specific(roots: &[impl AsRef<[u8]>]) -> RootCerts {
    let roots = roots.iter();
    RootCerts::from(roots.map(|der| Certificate::from_der(der.as_ref()).to_owned()))
}
