//! The DNS, by hickory's resolver: nothing is cached, since a validation is about now.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::CAA;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::Failure;

/// How long one try at one server may take.
const TRY: Duration = Duration::from_secs(2);
/// How many tries a query has.
const TRIES: usize = 2;
/// More addresses of one family are not tried.
const ADDRESSES: usize = 4;

/// Asks the DNS.
#[derive(Clone)]
pub(crate) struct Names(Arc<RwLock<TokioResolver>>);

impl Names {
    /// Asks these servers, and /etc/hosts for addresses first if it is to.
    ///
    /// # Errors
    /// The resolver's, where /etc/hosts cannot be read.
    pub(crate) fn asking(servers: &[SocketAddr], hosts: bool) -> Result<Self, NetError> {
        Ok(Self(Arc::new(RwLock::new(resolver(servers, hosts)?))))
    }

    /// Asks others from now on.
    ///
    /// # Errors
    /// As [`Names::asking`]; the old ones are asked then.
    pub(crate) fn ask_others(&self, servers: &[SocketAddr], hosts: bool) -> Result<(), NetError> {
        let resolver = resolver(servers, hosts)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = resolver;
        Ok(())
    }

    /// Looks the addresses of a name up: IPv6 before IPv4.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let (six, four) =
            tokio::join!(self.look_up(name, RecordType::AAAA), self.look_up(name, RecordType::A));
        let address = |data: &RData| match data {
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        };
        let mut found = Vec::new();
        let mut failure = None;
        for family in [six, four] {
            match family {
                Ok(records) => found.extend(records.iter().filter_map(address).take(ADDRESSES)),
                Err(other) => failure = Some(worse(failure, other)),
            }
        }
        match failure {
            // One family that answers is enough.
            _ if !found.is_empty() => Ok(found),
            Some(Failure::NoRecords { name, .. }) => {
                Err(Failure::NoRecords { name, kind: "A or AAAA" })
            }
            Some(failure) => Err(failure),
            None => Err(Failure::NoRecords { name: name.to_owned(), kind: "A or AAAA" }),
        }
    }

    /// Looks all TXT records of a name up, each with its strings put together.
    pub(crate) async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let text = |data: &RData| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        let found: Vec<_> =
            self.look_up(name, RecordType::TXT).await?.iter().filter_map(text).collect();
        if found.is_empty() {
            return Err(Failure::NoRecords { name: name.to_owned(), kind: "TXT" });
        }
        Ok(found)
    }

    /// Looks the CAA records of a name up; a name without any has an empty list.
    pub(crate) async fn caa(&self, name: &str) -> Result<Vec<CAA>, Failure> {
        let record = |data: &RData| match data {
            RData::CAA(record) => Some(record.clone()),
            _ => None,
        };
        match self.look_up(name, RecordType::CAA).await {
            Ok(records) => Ok(records.iter().filter_map(record).collect()),
            Err(Failure::NoSuchName(_) | Failure::NoRecords { .. }) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    async fn look_up(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Failure> {
        let failed =
            |why: String| Failure::Lookup { name: name.to_owned(), kind: kind.into(), why };
        let mut absolute = Name::from_ascii(name).map_err(|error| failed(error.to_string()))?;
        // Never completed by the search list of this machine.
        absolute.set_fqdn(true);
        let resolver = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match resolver.lookup(absolute.clone(), kind).await {
            Ok(lookup) => Ok(of_kind(&lookup, kind)),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                ends_there(&resolver, &absolute, &none).await.map_err(failed)?;
                Err(absence(name, kind, &none))
            }
            Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(failed(code.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// Fails where the resolver gave a chain of CNAMEs up, which it reports as a name without records:
/// for CAA that would be a permission.
async fn ends_there(
    resolver: &TokioResolver,
    asked: &Name,
    none: &NoRecords,
) -> Result<(), String> {
    let end = none.query.name();
    if end == asked || end.is_root() {
        return Ok(());
    }
    match resolver.lookup(end.clone(), RecordType::CNAME).await {
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(()),
        Ok(_) => Err("too long a chain of CNAME records, or one without an end".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn absence(name: &str, kind: RecordType, none: &NoRecords) -> Failure {
    match none.response_code {
        ResponseCode::NXDomain => Failure::NoSuchName(name.to_owned()),
        _ => Failure::NoRecords { name: name.to_owned(), kind: kind.into() },
    }
}

/// The one that says more: a failed query more than an absence.
fn worse(one: Option<Failure>, other: Failure) -> Failure {
    match one {
        Some(failure @ Failure::Lookup { .. }) => failure,
        _ => other,
    }
}

fn of_kind(lookup: &Lookup, kind: RecordType) -> Vec<RData> {
    let records = lookup.answers().iter().filter(|record| record.record_type() == kind);
    records.map(|record| record.data.clone()).collect()
}

fn resolver(servers: &[SocketAddr], hosts: bool) -> Result<TokioResolver, NetError> {
    let server = |address: &SocketAddr| {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for connection in &mut connections {
            connection.port = address.port();
        }
        NameServerConfig::new(address.ip(), true, connections)
    };
    let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = TRY;
    options.attempts = TRIES;
    options.cache_size = 0;
    options.positive_max_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(Duration::ZERO);
    options.max_active_requests = 256;
    options.use_hosts_file = if hosts { ResolveHosts::Always } else { ResolveHosts::Never };
    builder.build()
}

/// Reads the name servers of a resolv.conf(5); an address with a scope is passed over.
pub(crate) fn servers_of(resolv_conf: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address: IpAddr = match (words.next(), words.next()) {
            (Some("nameserver"), Some(address)) => address.parse().ok()?,
            _ => return None,
        };
        Some(SocketAddr::new(address, 53))
    };
    resolv_conf.lines().filter_map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_the_c_library_reads_them() {
        let text = "# nameserver 10.0.0.1\nsearch corp.example\nnameserver 10.0.0.53\nnameserver\tfd00::53 # second\nnameserver fe80::1%eth0\nnameserver\noptions edns0\n";
        let expected: Vec<SocketAddr> =
            ["10.0.0.53:53", "[fd00::53]:53"].map(|text| text.parse().unwrap()).into();
        assert_eq!(servers_of(text), expected);
        assert!(servers_of("").is_empty());
    }
}
