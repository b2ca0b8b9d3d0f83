//! TLS: whose certificates are trusted, and for which names.
//!
//! The driver connects by address, so that it asks for a certificate of the node's address. Where
//! nodes have certificates of names, one for a host that the user named is as good: whoever holds
//! it is of the cluster that was meant.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

#[derive(Debug)]
struct Verifier {
    chain: Arc<WebPkiServerVerifier>,
    hosts: Vec<ServerName<'static>>,
    check_host: bool,
}

fn is_about_the_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |name: &ServerName<'_>| {
            self.chain
                .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        // The chain is checked before the name: an error about the name is about nothing else.
        let refused = match verify(server_name) {
            Err(error) if is_about_the_name(&error) => error,
            verdict => return verdict,
        };
        if !self.check_host || self.hosts.iter().any(|host| verify(host).is_ok()) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The host of "host:port", "[::1]:port" or a host alone.
fn host_of(address: &str) -> &str {
    if let Some(inner) = address.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

/// Trusts the certificates in `ca_pem`, for the nodes' addresses and the hosts of `addresses`.
pub fn client_config(
    ca_pem: &[u8],
    addresses: &[&str],
    check_host: bool,
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|e| format!("it is not a PEM file: {e}"))?;
        roots
            .add(certificate)
            .map_err(|e| format!("a certificate in it cannot be used: {e}"))?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_string());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| e.to_string())?;
    let hosts = addresses
        .iter()
        .filter_map(|address| ServerName::try_from(host_of(address).to_string()).ok())
        .collect();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier {
            chain,
            hosts,
            check_host,
        }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}
