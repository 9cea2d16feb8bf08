//! The certificate of the TCP listeners.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;
use crate::files;
use crate::problem::Problem;

/// Reads the certificate and its key.
///
/// # Errors
///
/// [`Problem`]: a file cannot be read, or both do not belong together.
pub fn read(tls: &Tls) -> Result<Arc<ServerConfig>, Problem> {
    let text = files::read(&tls.certificate)?;
    let chain = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        Problem::of_file(&tls.certificate, "expected certificates in PEM, found none")
    })?;
    let text = files::read_secret(&tls.key)?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| Problem::of_file(&tls.key, "expected a private key in PEM, found none"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| Problem::of_file(&tls.key, error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
