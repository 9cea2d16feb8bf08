//! A small document by HTTP/1.1, within bounds and without redirects.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use djwto_core::key::published::MAX_BYTES;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CACHE_CONTROL, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::trust::is_loopback;

/// A URL from which keys may come: by https, or from this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysUrl {
    uri: Uri,
    /// Without the brackets of IPv6.
    host: String,
    port: u16,
    is_https: bool,
}

/// An answer.
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// `Cache-Control`; empty, if there is none.
    pub(super) cache_control: String,
}

impl KeysUrl {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// A sentence that repeats nothing of the URL.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected an https URL without a password, or an http URL of this machine, such as \
                                \"https://portal.example.org/.well-known/jwks.json\"";
        let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let host = authority.ok_or(EXPECTED)?.host();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_loopback(&host) => false,
            _ => return Err(EXPECTED),
        };
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(EXPECTED);
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { uri, host, port, is_https })
    }

    /// Whether it is fetched over TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Fetches the document. `tls` says how, for an https URL.
    pub(super) async fn get(&self, tls: Option<Arc<ClientConfig>>) -> Result<Answer, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(text)?;
        let Some(tls) = tls else { return self.get_by(stream).await };
        let name = ServerName::try_from(self.host.clone()).map_err(text)?;
        let stream = TlsConnector::from(tls).connect(name, stream).await;
        self.get_by(stream.map_err(|error| format!("no connection by TLS: {error}"))?).await
    }

    async fn get_by<S>(&self, stream: S) -> Result<Answer, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_BYTES);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(text)?;
        // Ends with this function.
        let mut task = JoinSet::new();
        task.spawn(connection);
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let request = Request::get(target)
            .header(HOST, self.uri.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::<Bytes>::new());
        let answer = sender.send_request(request.map_err(text)?).await.map_err(text)?;
        if answer.status() != 200 {
            return Err(format!("expected the status 200, found {}", answer.status().as_u16()));
        }
        let cache_control = answer.headers().get_all(CACHE_CONTROL).iter();
        let cache_control: Vec<_> = cache_control.filter_map(|value| value.to_str().ok()).collect();
        let cache_control = cache_control.join(",");
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| {
            let is_large = error.is::<LengthLimitError>();
            if is_large { format!("expected at most {MAX_BYTES} bytes") } else { text(error) }
        })?;
        Ok(Answer { body: body.to_bytes(), cache_control })
    }
}

impl fmt::Display for KeysUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::KeysUrl;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for (url, is_https, host, port) in [
            ("https://portal.example.org/.well-known/jwks.json", true, "portal.example.org", 443),
            ("https://10.0.0.7:8443/keys?x=1", true, "10.0.0.7", 8443),
            ("http://127.0.0.1:8000/keys", false, "127.0.0.1", 8000),
            ("http://localhost/keys", false, "localhost", 80),
            ("http://[::1]:8000", false, "::1", 8000),
        ] {
            let found = KeysUrl::parse(url).unwrap();
            assert_eq!((found.is_https, found.host.as_str(), found.port), (is_https, host, port));
        }
        for url in [
            "",
            "/keys",
            "portal.example.org/keys",
            "http://portal.example.org/keys",
            "http://10.0.0.7/keys",
            "http://localhost.example.org/keys",
            "https://user:geheim@portal.example.org/keys",
            "https://user@localhost/keys",
            "https:///keys",
            "https://a b/keys",
            "file:///etc/keys",
            "ftp://localhost/keys",
        ] {
            let what = KeysUrl::parse(url).expect_err(url);
            assert!(what.contains("https") && !what.contains("geheim"));
        }
    }
}
