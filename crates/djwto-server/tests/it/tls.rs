//! TLS: the certificate is that of the file, and changes with it.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{Client, Program, Project, Reply, asked, until};

/// Self-signed certificates for `guard.internal`, good until 2125, and their keys.
const ONE: [&str; 2] = [include_str!("certificates/one.crt"), include_str!("certificates/one.key")];
const TWO: [&str; 2] = [include_str!("certificates/two.crt"), include_str!("certificates/two.key")];

/// Puts a certificate and its key in their places; returns the certificate.
fn certify(project: &Project, [certificate, key]: [&str; 2]) -> CertificateDer<'static> {
    for (name, text) in [("key.pem", key), ("cert.pem", certificate)] {
        let path = project.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()
}

/// A question over TLS; `None` if the certificate is another.
fn ask(program: &Program, certificate: &CertificateDer<'static>) -> Option<Reply> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("guard.internal").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(program.address).unwrap();
    session.complete_io(&mut stream).ok()?;
    let mut client = Client::new(StreamOwned::new(session, stream));
    Some(client.send("GET", "/auth", &asked("GET", "/static/x", &[])))
}

#[test]
fn a_certificate_is_used_and_renewed() {
    let mut project = Project::new();
    let certificate = certify(&project, ONE);
    project.config += "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    project.write();
    let mut program = Program::start(&project);
    assert_eq!(ask(&program, &certificate).unwrap().status, 200);
    let renewed = certify(&project, TWO);
    until(|| ask(&program, &renewed).is_some());
    program.wait_for("read changed files");
    assert!(ask(&program, &certificate).is_none());
}
