//! Connections that are encrypted: what the web configuration says, as the library for it takes it.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::config::{Clients, Tls};

/// Accepts connections with these certificates.
///
/// # Errors
/// They cannot be used, in words.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates: Vec<CertificateDer<'static>> = certificates(&tls.certificates, "cert_file")?;
    let key = PrivateKeyDer::from_pem_slice(&tls.key).map_err(|error| format!("key_file holds no key: {error}"))?;
    let versions: Vec<&'static SupportedProtocolVersion> =
        [(tls.allows_1_2, &rustls::version::TLS12), (tls.allows_1_3, &rustls::version::TLS13)]
            .into_iter()
            .filter_map(|(allowed, version)| allowed.then_some(version))
            .collect();
    let verifier = |authorities: &[u8]| {
        let mut roots = RootCertStore::empty();
        for certificate in self::certificates(authorities, "client_ca_file")? {
            roots.add(certificate).map_err(|error| format!("client_ca_file: {error}"))?;
        }
        Ok::<_, String>(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)))
    };
    let unusable = |error: rustls::server::VerifierBuilderError| format!("client_ca_file: {error}");
    let clients = match &tls.clients {
        Clients::Unknown => WebPkiClientVerifier::no_client_auth(),
        Clients::VerifiedIfGiven(authorities) => {
            verifier(authorities)?.allow_unauthenticated().build().map_err(unusable)?
        }
        Clients::Verified(authorities) => verifier(authorities)?.build().map_err(unusable)?,
    };
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions);
    let config = config.map_err(|error| error.to_string())?.with_client_cert_verifier(clients);
    let mut config = config
        .with_single_cert(certificates, key)
        .map_err(|error| format!("cert_file and key_file do not go together: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(pem: &[u8], key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| format!("{key} holds no certificates: {error}"))?;
    if certificates.is_empty() { Err(format!("{key} holds no certificate")) } else { Ok(certificates) }
}
