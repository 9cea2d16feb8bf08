//! Where the server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address of TCP, or the path of a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

impl Listen {
    /// From `127.0.0.1:9901`, `[::1]:9901` or `unix:/run/djwto/guard.sock`.
    ///
    /// # Errors
    ///
    /// A sentence: it is neither.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            let what = "expected an absolute path behind \"unix:\"";
            return path.is_absolute().then_some(Self::Unix(path)).ok_or(what);
        }
        let what = "expected \"127.0.0.1:9901\", \"[::1]:9901\" or \"unix:/run/djwto/guard.sock\"";
        text.parse().map(Self::Tcp).map_err(|_| what)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
