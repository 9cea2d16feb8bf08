//! Where the server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// An address of TCP, or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, and who may connect to it.
    Unix(PathBuf, SocketMode),
}

/// The mode of a Unix socket's file. Who may write to the file may connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum SocketMode {
    /// The server's account.
    #[serde(rename = "600")]
    Owner,
    /// Its group too.
    #[default]
    #[serde(rename = "660")]
    Group,
    /// Every account of the machine.
    #[serde(rename = "666")]
    All,
}

impl SocketMode {
    /// The bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
            Self::All => 0o666,
        }
    }
}

impl Listen {
    /// From `127.0.0.1:9901`, `[::1]:9901` or `unix:/run/djwto/guard.sock`. The mode is that of a Unix
    /// socket.
    ///
    /// # Errors
    ///
    /// A sentence: it is neither.
    pub fn parse(text: &str, mode: SocketMode) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            let what = "expected an absolute path behind \"unix:\"";
            return path.is_absolute().then_some(Self::Unix(path, mode)).ok_or(what);
        }
        let what = "expected \"127.0.0.1:9901\", \"[::1]:9901\" or \"unix:/run/djwto/guard.sock\"";
        text.parse().map(Self::Tcp).map_err(|_| what)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path, _) => write!(f, "unix:{}", path.display()),
        }
    }
}
