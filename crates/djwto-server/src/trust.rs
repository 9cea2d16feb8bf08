//! Which servers are trusted: the server of the database, and that of the keys.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// What a server's certificate must be.
#[derive(Debug)]
pub enum Trust {
    /// Any: the connection is encrypted, and an attacker on the way may be the other side.
    Any,
    /// Signed by one of the authorities.
    Signed(Authorities),
    /// Signed by one of the authorities, for the host that is connected to.
    Named(Authorities),
}

/// Certificates that are trusted to sign others.
#[derive(Debug)]
pub struct Authorities {
    roots: RootCertStore,
    /// A server may also show one of these as its own. [`RootCertStore`] knows only their names and keys.
    certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// The certificates of a text in PEM.
    ///
    /// # Errors
    ///
    /// A sentence, if there is none, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected certificates in PEM, found none";
        let found = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
        let certificates = found.ok().filter(|found| !found.is_empty()).ok_or(EXPECTED)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            let added = roots.add(certificate.clone());
            added.map_err(|_| "expected certificates, found one that cannot be read")?;
        }
        Ok(Self { roots, certificates })
    }

    /// The authorities of the operating system.
    ///
    /// # Errors
    ///
    /// A sentence, if there is none.
    pub fn of_system() -> Result<Self, &'static str> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err("expected authorities of the operating system, found none. Install \
                        ca-certificates, or name a file");
        }
        Ok(Self { roots, certificates: Vec::new() })
    }
}

/// Whether a host is this machine, so that nothing on the way can read or change what is sent.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// How to connect by TLS. `protocol` is the name for ALPN (RFC 7301).
///
/// # Errors
///
/// [`rustls::Error`], which the library does not return for its own versions of TLS.
pub fn client_config(trust: Trust, protocol: &str) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust, algorithms }))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (authorities, is_named) = match &self.trust {
            Trust::Any => return Ok(ServerCertVerified::assertion()),
            Trust::Signed(authorities) => (authorities, false),
            Trust::Named(authorities) => (authorities, true),
        };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if authorities.certificates.contains(end_entity) {
            check_dates(end_entity, now)?;
        } else {
            let (roots, all) = (&authorities.roots, self.algorithms.all);
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, all)?;
        }
        if is_named {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Checks the dates of a certificate that is trusted itself. The library refuses such a certificate if it
/// may sign others, as `openssl req -x509` makes it.
fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let certificate =
        Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = certificate.tbs_certificate().validity();
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet);
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired);
    }
    Ok(())
}
