//! Connections to targets: every address passes the fence, and that very address is connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::fence::{Closed, Fence};
use crate::names::Names;
use crate::{Config, Failure};

/// How long one address may take: behind it is the next one, of the other family perhaps.
const CONNECT: Duration = Duration::from_secs(3);

/// Whom to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// The ports, of which tests choose others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub http: u16,
    pub https: u16,
    pub tls_alpn: u16,
}

/// Connects.
#[derive(Clone)]
pub(crate) struct Dial {
    pub names: Names,
    pub ports: Ports,
    fence: Arc<Fence>,
}

impl Dial {
    pub(crate) fn new(names: Names, config: &Config) -> Self {
        Self { names, ports: config.ports, fence: Arc::new(config.fence.clone()) }
    }

    /// Decides about an identifier that is an address.
    pub(crate) fn check(&self, address: IpAddr, port: u16) -> Result<(), Failure> {
        let verdict = self.fence.check(SocketAddr::new(address, port));
        verdict.map_err(|closed| Failure::AddressRejected { address, closed })
    }

    /// Connects to a host, IPv6 before IPv4 (RFC 8555 §8.3 leaves it open).
    pub(crate) async fn connect(
        &self,
        host: &Host,
        port: u16,
        deadline: Deadline,
    ) -> Result<(TcpStream, SocketAddr), Failure> {
        let targets = match host {
            Host::Address(address) => {
                self.check(*address, port)?;
                vec![SocketAddr::new(*address, port)]
            }
            Host::Name(name) => {
                let looking = self.names.addresses(name);
                let found = deadline.looking_up(("A or AAAA", name), looking).await?;
                self.open(name, &found, port)?
            }
        };
        let mut last = None;
        for target in targets {
            match connect_one(target, deadline).await {
                Ok(stream) => return Ok((stream, target)),
                Err(failure) => last = Some(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::Identifier(format!("{host:?}"))))
    }

    /// Leaves the addresses that may be connected to.
    fn open(&self, name: &str, found: &[IpAddr], port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let mut open = Vec::new();
        let mut shut: Option<(IpAddr, Closed)> = None;
        for address in found {
            let target = SocketAddr::new(*address, port);
            match self.fence.check(target) {
                Ok(()) => open.push(target),
                Err(closed) => shut = Some((*address, closed)),
            }
        }
        match shut {
            Some((address, closed)) if open.is_empty() => {
                Err(Failure::AddressesClosed { name: name.to_owned(), address, closed })
            }
            _ => Ok(open),
        }
    }
}

async fn connect_one(target: SocketAddr, deadline: Deadline) -> Result<TcpStream, Failure> {
    let connecting = async {
        let connected = TcpStream::connect(target).await;
        connected.map_err(|error| Failure::Connect { address: target, why: error.to_string() })
    };
    let stream =
        deadline.at_most(CONNECT).within(|| format!("connecting to {target}"), connecting).await?;
    // A request is one small write.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
