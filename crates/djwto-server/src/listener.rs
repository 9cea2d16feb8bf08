//! Listeners, and the connections that they accept.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::answer::answer;
use crate::config::{Limits, Listen, Peer};
use crate::problem::Problem;
use crate::server::Server;

/// A listener that is bound.
#[derive(Debug)]
pub struct Listener {
    /// Removes the file of a Unix socket at the end. It goes before the socket: a new server may bind as
    /// soon as no one listens, and its file stays.
    _file: Option<SocketFile>,
    socket: Socket,
    /// The address as it is bound, with the port that the system has chosen.
    address: Listen,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of a Unix socket: it is removed at the end.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    ///
    /// [`Problem`]: the address is taken, or not this machine's.
    pub async fn bind(listen: &Listen) -> Result<Self, Problem> {
        let problem = |error: io::Error| Problem::new(format!("listen {listen}"), error);
        match listen {
            Listen::Tcp(address) => {
                let socket = TcpListener::bind(address).await.map_err(problem)?;
                let address = Listen::Tcp(socket.local_addr().map_err(problem)?);
                Ok(Self { socket: Socket::Tcp(socket), _file: None, address })
            }
            Listen::Unix(path, mode) => {
                remove_stale(path).map_err(problem)?;
                let socket = bind_private(path).map_err(problem)?;
                let file = Some(SocketFile(path.clone()));
                let mode = fs::Permissions::from_mode(mode.bits());
                fs::set_permissions(path, mode).map_err(problem)?;
                Ok(Self { socket: Socket::Unix(socket), _file: file, address: listen.clone() })
            }
        }
    }

    /// The address as it is bound.
    pub fn address(&self) -> &Listen {
        &self.address
    }

    /// Accepts connections until the future is dropped.
    pub async fn accept(self, server: Arc<Server>, watcher: impl Fn() -> Watcher) {
        let mut said = None;
        loop {
            let accepted = match &self.socket {
                Socket::Tcp(socket) => socket.accept().await.map(|(stream, from)| {
                    // A decision is one small packet; waiting for more would delay it.
                    let _ = stream.set_nodelay(true);
                    let peer = Peer::Address(from.ip());
                    let server = Arc::clone(&server);
                    let watcher = watcher();
                    tokio::spawn(async move {
                        let Some(config) = server.guard().tls().cloned() else {
                            return serve(stream, server, peer, watcher).await;
                        };
                        let handshake = TlsAcceptor::from(config).accept(stream);
                        let waited = tokio::time::timeout(server.limits().request, handshake).await;
                        if let Ok(Ok(stream)) = waited {
                            serve(stream, server, peer, watcher).await;
                        }
                    });
                }),
                Socket::Unix(socket) => socket.accept().await.map(|(stream, _)| {
                    let server = Arc::clone(&server);
                    tokio::spawn(serve(stream, server, Peer::Unix, watcher()));
                }),
            };
            if let Err(error) = accepted {
                // Most often there are too many open files, and a pause lets some be closed.
                if said.is_none_or(|said: Instant| said.elapsed() > SAY_AGAIN) {
                    tracing::warn!("cannot accept a connection: {error}");
                    said = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Binds a Unix socket to which other accounts cannot connect yet.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    // The mode of the file follows from the mask. No other thread creates files at the start.
    let before = umask(Mode::RWXG | Mode::RWXO);
    let bound = UnixListener::bind(path);
    umask(before);
    bound
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Answers the requests of one connection.
async fn serve<S>(stream: S, server: Arc<Server>, peer: Peer, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let _connected = server.metrics().connected();
    let is_listed = server.guard().peers().proxy(peer).is_some();
    let builder = builder(server.limits(), is_listed);
    let service = service_fn(move |request| answer(Arc::clone(&server), peer, request));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!("a connection ended: {error}");
    }
}

/// How long a peer that is not listed may take for a request.
const STRANGER: Duration = Duration::from_secs(5);

fn builder(limits: &Limits, is_listed: bool) -> http1::Builder {
    let idle = if is_listed { limits.idle } else { limits.idle.min(STRANGER) };
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes);
    builder
}

/// Removes the file of a socket on which no server listens any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file is no socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}
