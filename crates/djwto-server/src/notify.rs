//! Messages to the service manager, such as systemd: the server is ready, reads files again, or stops.
//!
//! They are datagrams to the socket that `NOTIFY_SOCKET` names
//! (<https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>).

use std::env;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The socket of a service manager. Without one, nothing is sent.
#[derive(Debug)]
pub struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// The socket that the environment names.
    pub fn from_env() -> Self {
        let address = env::var("NOTIFY_SOCKET").ok().and_then(|name| address(&name));
        let socket = || UnixDatagram::unbound().ok();
        Self(address.and_then(|address| Some((socket()?, address))))
    }

    /// The server answers, and knows the ended sessions.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// Files are read again, until the next [`Notifier::ready`].
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The server ends once the requests under way are answered.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!("cannot tell the service manager {message:?}: {error}");
        }
    }
}

/// A path, or a name behind `@` that no file has.
fn address(name: &str) -> Option<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name).ok();
    }
    name.starts_with('/').then(|| SocketAddr::from_pathname(name).ok()).flatten()
}
