//! Which addresses may be connected to.
//!
//! Applicants choose where this process connects. Private networks are open, since a private CA
//! lives in them; what a machine keeps for itself or its cloud is closed: loopback, link-local,
//! metadata, and whatever is no unicast address, also in the clothes of IPv6 (RFC 6890, RFC 6052).
//! The decision is about the very address that is connected to, after every name was resolved, so
//! no answer of the DNS can change in between.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

use ipnet::IpNet;

/// Why an address is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// `0.0.0.0/8`, `::`.
    #[error("an unspecified address")]
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    #[error("a loopback address")]
    Loopback,
    /// `169.254.0.0/16`, `fe80::/10`, and the deprecated `fec0::/10`.
    #[error("a link-local address")]
    LinkLocal,
    /// Where clouds tell machines their secrets.
    #[error("an address of a cloud's metadata")]
    Metadata,
    /// `224.0.0.0/4`, `ff00::/8`.
    #[error("a multicast address")]
    Multicast,
    /// `240.0.0.0/4` with the broadcast address, `192.0.0.0/24`, `100::/64`.
    #[error("a reserved address")]
    Reserved,
    /// An IPv6 form that leads to IPv4 addresses that it does not show.
    #[error("a transition address of IPv6")]
    Transition,
    /// The configuration closes it: our own listeners, the database.
    #[error("closed by the configuration")]
    Configured,
}

/// A network, or an address and port, that the configuration closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A network on all ports.
    Network(IpNet),
    /// One port; of an unspecified address: on every address of this machine.
    Port(SocketAddr),
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(endpoint) = text.parse::<SocketAddr>() {
            return Ok(Self::Port(endpoint));
        }
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network
            .map(|network| Self::Network(network.trunc()))
            .ok_or_else(|| format!("`{text}` is no network, address, or address with a port"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Port(endpoint) => endpoint.fmt(f),
        }
    }
}

impl Endpoint {
    fn covers(&self, target: SocketAddr) -> bool {
        match self {
            Self::Network(network) => network.contains(&target.ip()),
            Self::Port(own) if own.port() != target.port() => false,
            Self::Port(own) if own.ip().is_unspecified() => is_of_this_machine(target.ip()),
            Self::Port(own) => own.ip() == target.ip(),
        }
    }
}

/// Asks the routes without sending anything: from an address of its own a machine reaches that
/// address by itself.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    address.is_loopback() || from().is_ok_and(|from| from == address)
}

/// Decides about addresses.
#[derive(Debug, Clone, Default)]
pub struct Fence {
    /// What the configuration closes; before all else.
    pub closed: Vec<Endpoint>,
    /// What `dangerous_allow` opens of what is closed by nature.
    pub opened: Vec<IpNet>,
}

impl Fence {
    /// Decides about a target.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn check(&self, target: SocketAddr) -> Result<(), Closed> {
        let ip = plain(target.ip());
        let target = SocketAddr::new(ip, target.port());
        if self.closed.iter().any(|endpoint| endpoint.covers(target)) {
            return Err(Closed::Configured);
        }
        if self.opened.iter().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        match ip {
            IpAddr::V4(v4) => check_v4(v4),
            IpAddr::V6(v6) => self.check_v6(v6, target.port()),
        }
    }

    fn check_v6(&self, ip: Ipv6Addr, port: u16) -> Result<(), Closed> {
        check_v6(ip)?;
        match embedded(ip) {
            Embedded::Nothing => Ok(()),
            Embedded::Hidden => Err(Closed::Transition),
            // The gateway connects to that address in our place.
            Embedded::Address(v4) => self.check(SocketAddr::new(v4.into(), port)),
        }
    }
}

/// The address that the system connects to: mapped addresses are IPv4 (RFC 4291 §2.5.5.2).
fn plain(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Metadata of clouds outside link-local: Alibaba, Azure's wire server, and on IPv6 AWS, Google,
/// Oracle.
const METADATA_V4: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

fn check_v4(ip: Ipv4Addr) -> Result<(), Closed> {
    match ip.octets() {
        [0, ..] => Err(Closed::Unspecified),
        [127, ..] => Err(Closed::Loopback),
        // Where most clouds have their metadata; told apart for the reader of the message.
        [169, 254, 169, 254] | [169, 254, 170, 2 | 23] => Err(Closed::Metadata),
        [169, 254, ..] => Err(Closed::LinkLocal),
        [192, 0, 0, _] => Err(Closed::Reserved),
        [224..=239, ..] => Err(Closed::Multicast),
        [240..=255, ..] => Err(Closed::Reserved),
        _ if METADATA_V4.contains(&ip) => Err(Closed::Metadata),
        _ => Ok(()),
    }
}

fn check_v6(ip: Ipv6Addr) -> Result<(), Closed> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Err(Closed::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Err(Closed::Loopback),
        // fe80::/10 and fec0::/10
        [0xfe80..=0xfeff, ..] => Err(Closed::LinkLocal),
        [0xff00..=0xffff, ..] => Err(Closed::Multicast),
        // RFC 6666: discarded; RFC 9780: dummy prefix
        [0x0100, 0, 0, 0 | 1, ..] => Err(Closed::Reserved),
        _ if METADATA_V6.contains(&ip) => Err(Closed::Metadata),
        _ => Ok(()),
    }
}

/// An IPv4 address that a gateway takes out of an IPv6 address.
enum Embedded {
    Nothing,
    Address(Ipv4Addr),
    /// There is one, and where depends on the network's configuration.
    Hidden,
}

fn embedded(ip: Ipv6Addr) -> Embedded {
    let v4 = |high: u16, low: u16| {
        Embedded::Address(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
    };
    match ip.segments() {
        // RFC 6052 §2.1: the well-known prefix of NAT64
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // RFC 8215: NAT64 with prefixes of one's own
        [0x64, 0xff9b, 1, ..] => Embedded::Hidden,
        // RFC 3056: 6to4
        [0x2002, high, low, ..] => v4(high, low),
        // RFC 4380: Teredo
        [0x2001, 0, ..] => Embedded::Hidden,
        // RFC 4291 §2.5.5.1: IPv4-compatible, and RFC 2765 §2.1: IPv4-translated
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Embedded::Hidden,
        // RFC 5214 §6.1: ISATAP
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => v4(high, low),
        _ => Embedded::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(fence: &Fence, address: &str) -> Result<(), Closed> {
        fence.check(SocketAddr::new(address.parse().unwrap(), 80))
    }

    fn assert_all(cases: &[&str], expected: Result<(), Closed>) {
        for address in cases {
            assert_eq!(verdict(&Fence::default(), address), expected, "{address}");
        }
    }

    #[test]
    fn private_and_public_networks_are_open() {
        let open = [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "1.1.1.1",
            "203.0.113.7",
            "223.255.255.255",
            "fd00::1",
            "fc00::1",
            "fdff:ffff::1",
            "2606:4700::1111",
            "2001:db8::1",
            "2003::1",
        ];
        assert_all(&open, Ok(()));
    }

    #[test]
    fn refuses_unspecified_addresses() {
        assert_all(&["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"], Err(Closed::Unspecified));
    }

    #[test]
    fn refuses_loopback() {
        let closed = ["127.0.0.1", "127.255.255.255", "127.1.2.3", "::1", "::ffff:127.0.0.1"];
        assert_all(&closed, Err(Closed::Loopback));
    }

    #[test]
    fn refuses_link_local() {
        let closed = [
            "169.254.0.1",
            "169.254.255.255",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "::ffff:169.254.1.1",
        ];
        assert_all(&closed, Err(Closed::LinkLocal));
    }

    #[test]
    fn refuses_the_metadata_of_clouds() {
        let closed = [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd20:ce::254",
            "fd00:c1::a9fe:a9fe",
            "::ffff:169.254.169.254",
        ];
        assert_all(&closed, Err(Closed::Metadata));
    }

    #[test]
    fn refuses_multicast() {
        assert_all(&["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"], Err(Closed::Multicast));
    }

    #[test]
    fn refuses_reserved_and_broadcast() {
        let closed =
            ["255.255.255.255", "240.0.0.1", "192.0.0.192", "192.0.0.8", "100::1", "100:0:0:1::"];
        assert_all(&closed, Err(Closed::Reserved));
    }

    #[test]
    fn refuses_what_nat64_6to4_and_isatap_lead_to() {
        for (address, expected) in [
            ("64:ff9b::127.0.0.1", Err(Closed::Loopback)),
            ("64:ff9b::169.254.169.254", Err(Closed::Metadata)),
            ("64:ff9b::0.0.0.0", Err(Closed::Unspecified)),
            ("64:ff9b::255.255.255.255", Err(Closed::Reserved)),
            ("64:ff9b::10.0.0.1", Ok(())),
            ("64:ff9b:1::10.0.0.1", Err(Closed::Transition)),
            ("2002:7f00:1::1", Err(Closed::Loopback)),
            ("2002:a9fe:a9fe::1", Err(Closed::Metadata)),
            ("2002:e000:1::1", Err(Closed::Multicast)),
            ("2002:a00:1::1", Ok(())),
            ("2001::1", Err(Closed::Transition)),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", Err(Closed::Transition)),
            ("::127.0.0.1", Err(Closed::Transition)),
            ("::10.0.0.1", Err(Closed::Transition)),
            ("::ffff:0:127.0.0.1", Err(Closed::Transition)),
            ("fd00::5efe:127.0.0.1", Err(Closed::Loopback)),
            ("fd00::200:5efe:169.254.169.254", Err(Closed::Metadata)),
            ("fd00::5efe:10.0.0.1", Ok(())),
            ("fe80::5efe:10.0.0.1", Err(Closed::LinkLocal)),
        ] {
            assert_eq!(verdict(&Fence::default(), address), expected, "{address}");
        }
    }

    #[test]
    fn the_configuration_closes_before_it_opens() {
        let fence = Fence {
            closed: ["10.0.0.9", "10.1.0.0/16", "127.0.0.1:8443", "0.0.0.0:8080", "fd00:1::/32"]
                .map(|text| text.parse().unwrap())
                .into(),
            opened: vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
        };
        let at = |target: &str| fence.check(target.parse().unwrap());
        for target in
            ["127.0.0.1:80", "127.0.0.2:8443", "10.0.0.8:80", "10.2.0.1:80", "10.9.9.9:8080"]
        {
            assert_eq!(at(target), Ok(()), "{target}");
        }
        for target in [
            "10.0.0.9:80",
            "10.1.255.1:443",
            "127.0.0.1:8443",
            "[::ffff:127.0.0.1]:8443",
            "127.0.0.1:8080",
            "127.9.9.9:8080",
            "[fd00:1::5]:80",
            // Also by a gateway.
            "[64:ff9b::10.0.0.9]:80",
            "[2002:a00:9::]:80",
        ] {
            assert_eq!(at(target), Err(Closed::Configured), "{target}");
        }
        assert_eq!(at("[::1]:80"), Err(Closed::Loopback));
    }

    #[test]
    fn endpoints_are_networks_addresses_or_ports() {
        for text in ["10.0.0.0/8", "10.0.0.9:80", "[::]:443", "fd00::/8"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("10.0.0.9".parse::<Endpoint>().unwrap().to_string(), "10.0.0.9/32");
        for text in ["", "db.corp.example", "10.0.0.0/33", "10.0.0.9:99999", ":80"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
