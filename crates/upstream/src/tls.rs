//! Whom to trust: the roots of the web, and the certificates of `SSL_CERT_FILE` when it is set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificates in `{path}` cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: Box<str> },
    #[error("`{path}` holds no certificate")]
    Empty { path: PathBuf },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// Settings for connections to providers. `extra_roots` is a PEM file whose certificates are trusted
/// beside the roots of the web. Build it once: sessions are resumed across clients that share it.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn client_config(extra_roots: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_roots {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unreadable =
        |reason: String| TlsError::Unreadable { path: path.into(), reason: reason.into_boxed_str() };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    let mut added = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
        added += 1;
    }
    if added == 0 { Err(TlsError::Empty { path: path.into() }) } else { Ok(()) }
}
