//! Who may ask, and as which proxy.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::Listen;
use crate::problem::Problem;

/// The kind of a proxy: which headers it sends, and which replies it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proxy {
    /// nginx with `auth_request`: it takes 200, 401 and 403 alone.
    Nginx,
    /// Envoy with `ext_authz` over HTTP: it asks with the request's own method, host and path.
    Envoy,
    /// Traefik with `forwardAuth`.
    Traefik,
    /// Caddy with `forward_auth`.
    Caddy,
}

impl Proxy {
    /// The name in `djwto.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
        }
    }
}

/// One of `[[peers]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    address: String,
    proxy: Proxy,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address.
    Address(IpAddr),
    /// A Unix socket: who may connect is decided by the rights of its file.
    Unix,
}

/// The peers, with their kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// The narrowest network first.
    networks: Vec<(IpNet, Proxy)>,
    unix: Option<Proxy>,
}

impl Peers {
    /// Checks the entries of the file.
    pub(super) fn new(entries: &[Entry], listen: &[Listen]) -> Result<Self, Problem> {
        let mut peers = Self { networks: Vec::new(), unix: None };
        for (at, Entry { address, proxy }) in entries.iter().enumerate() {
            let problem = |what| Problem::new(format!("peers[{at}].address"), what);
            let is_new = if address == "unix" {
                peers.unix.replace(*proxy).is_none()
            } else {
                let what = "expected an address, a network such as \"10.0.0.0/8\", or \"unix\"";
                let network = network(address).ok_or_else(|| problem(what))?;
                let is_new = peers.networks.iter().all(|(known, _)| *known != network);
                peers.networks.push((network, *proxy));
                is_new
            };
            if !is_new {
                return Err(problem("expected each address once, found this one again"));
            }
        }
        peers.networks.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
        if entries.is_empty() {
            let what = "expected at least one: without a peer, every request is refused";
            return Err(Problem::new("peers", what));
        }
        let has_unix = listen.iter().any(|one| matches!(one, Listen::Unix(..)));
        if has_unix && peers.unix.is_none() {
            let what =
                "expected one with the address \"unix\", as the server listens on a Unix socket";
            return Err(Problem::new("peers", what));
        }
        Ok(peers)
    }

    /// The proxy at this end of a connection: that of the narrowest network.
    pub fn proxy(&self, peer: Peer) -> Option<Proxy> {
        match peer {
            Peer::Unix => self.unix,
            Peer::Address(address) => {
                let address = address.to_canonical();
                let mut fitting = self.networks.iter().filter(|(net, _)| net.contains(&address));
                fitting.next().map(|(_, proxy)| *proxy)
            }
        }
    }
}

/// A network, or an address as the network of itself.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    Some(network.trunc())
}
