//! The configuration: one TOML file, every fault of it told at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use daemon::{Faults, Section, absolute, parse, read};
use ipnet::IpNet;
use x509::check_dns_name;

use crate::dial::Ports;
use crate::fence::{Endpoint, Fence};
use crate::names::servers_of;

pub use daemon::{ConfigError, Log};

/// The only version of the file that there is.
const VERSION: u32 = 1;
/// Where the DNS servers of the machine stand.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Validations under way, unless the file says otherwise.
const IN_FLIGHT: u16 = 256;
/// Redirects of one http-01, unless the file says otherwise.
const REDIRECTS: usize = 10;

/// What the process is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server asks.
    pub socket: PathBuf,
    /// Who may ask.
    pub server_uids: Vec<u32>,
    /// The socket's group; none: the process's own.
    pub server_gid: Option<u32>,
    /// The folder with the first ring's va.sock.
    pub signer_run: PathBuf,
    /// Those of other rings, by the names that the server has for them.
    pub rings: BTreeMap<String, PathBuf>,
    /// Whom to ask for names.
    pub dns: Dns,
    /// CAA.
    pub caa: Caa,
    /// Which addresses are connected to.
    pub fence: Fence,
    /// Validations under way at once.
    pub in_flight: u16,
    /// Redirects that one http-01 follows.
    pub redirects: usize,
    /// The log.
    pub log: Log,
    /// Whether it does not serve while an item of the self-check fails.
    pub strict: bool,
    pub(crate) ports: Ports,
}

/// Whom to ask for names.
#[derive(Debug, Clone)]
pub struct Dns {
    /// The servers.
    pub servers: Vec<SocketAddr>,
    /// The file they are from, if they are.
    pub resolv_conf: Option<PathBuf>,
    /// Whether /etc/hosts is asked for addresses first.
    pub hosts: bool,
}

/// What is asked of CAA records.
#[derive(Debug, Clone, Default)]
pub struct Caa {
    /// The names that mean this CA, whatever the server says; none: what the server says.
    pub issuers: Option<Vec<String>>,
    /// Zones above which nobody is asked.
    pub tops: Vec<String>,
}

impl Config {
    /// Reads a file, and /etc/resolv.conf where it names no DNS servers.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read(path)?, Path::new(RESOLV_CONF))
    }

    /// Reads a text, and DNS servers from this resolv.conf where it names none.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn parse(text: &str, resolv_conf: &Path) -> Result<Self, ConfigError> {
        parse(text, |root, faults| take(root, resolv_conf, faults))
    }

    /// Lists the ports of targets that are connected to by TCP, for Landlock.
    #[must_use]
    pub fn tcp_ports(&self) -> Vec<u16> {
        let Ports { http, https, tls_alpn } = self.ports;
        let mut ports = vec![http, https, tls_alpn];
        ports.extend(self.dns.servers.iter().map(SocketAddr::port));
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

fn take(mut root: Section, resolv_conf: &Path, faults: &mut Faults) -> Option<Config> {
    if root.number("version", faults, (VERSION, VERSION)).is_none() && faults.is_empty() {
        faults.add("version", format_args!("is missing: it is {VERSION}"));
    }
    let mut listen = root.section("listen", faults);
    let socket = listen.required("socket", faults, absolute);
    let server_uids = listen.ids("server_uids", faults).unwrap_or_default();
    if server_uids.is_empty() {
        faults.add("listen.server_uids", "names the server's user: at least one numeric id");
    }
    let server_gid = listen.number("server_gid", faults, (0, u32::MAX - 1));
    listen.end(faults);
    let mut signer = root.section("signer", faults);
    let signer_run = signer.required("run", faults, absolute);
    signer.end(faults);
    let rings = take_rings(root.section("rings", faults), faults);
    let dns = take_dns(&mut root, resolv_conf, faults);
    let caa = take_caa(root.section("caa", faults), faults);
    let fence = take_fence(&mut root, faults);
    let mut limits = root.section("limits", faults);
    let in_flight = limits.number("in_flight", faults, (1, 4_096));
    let redirects = limits.number("redirects", faults, (0, 20));
    limits.end(faults);
    let ports = take_ports(&mut root, faults);
    let strict = root.boolean("strict", faults).unwrap_or_default();
    let log = Log::take(root.section("log", faults), faults);
    root.end(faults);
    Some(Config {
        socket: socket?,
        server_uids,
        server_gid,
        signer_run: signer_run?,
        rings,
        dns: dns?,
        caa,
        fence,
        in_flight: in_flight.and_then(|n| u16::try_from(n).ok()).unwrap_or(IN_FLIGHT),
        redirects: redirects.and_then(|n| usize::try_from(n).ok()).unwrap_or(REDIRECTS),
        log,
        strict,
        ports,
    })
}

fn take_rings(mut section: Section, faults: &mut Faults) -> BTreeMap<String, PathBuf> {
    let names = section.names();
    let mut ring = |name: String| {
        let run = section.required(&name, faults, absolute)?;
        Some((name, run))
    };
    names.into_iter().filter_map(&mut ring).collect()
}

fn take_dns(root: &mut Section, resolv_conf: &Path, faults: &mut Faults) -> Option<Dns> {
    let dangerous = root.parsed("dangerous_resolver", faults, |text| {
        text.parse::<SocketAddr>().map_err(|_| format!("`{text}` is no address with a port"))
    });
    let mut section = root.section("dns", faults);
    let address = |text: &str| {
        let address = text.parse::<IpAddr>();
        address.map(|ip| SocketAddr::new(ip, 53)).map_err(|_| format!("`{text}` is no address"))
    };
    let named = section.list("servers", faults, address);
    let hosts = section.boolean("hosts", faults).unwrap_or(true);
    section.end(faults);
    let (servers, from) = match (dangerous, named) {
        (Some(server), _) => (vec![server], None),
        (None, Some(servers)) => (servers, None),
        (None, None) => match std::fs::read_to_string(resolv_conf) {
            Ok(text) => (servers_of(&text), Some(resolv_conf.to_owned())),
            Err(error) => {
                faults.add("dns.servers", format_args!("{}: {error}", resolv_conf.display()));
                return None;
            }
        },
    };
    if servers.is_empty() {
        faults.add("dns.servers", "there is none, neither here nor in resolv.conf");
    }
    Some(Dns { servers, resolv_conf: from, hosts })
}

fn take_caa(mut section: Section, faults: &mut Faults) -> Caa {
    let name = |text: &str| {
        let lower = text.to_ascii_lowercase();
        check_dns_name(text, false).map(|()| lower).map_err(|error| format!("`{text}`: {error}"))
    };
    let issuers = section.list("issuers", faults, name);
    let tops = section.list("tops", faults, name).unwrap_or_default();
    section.end(faults);
    Caa { issuers, tops }
}

fn take_fence(root: &mut Section, faults: &mut Faults) -> Fence {
    let network = |text: &str| {
        let network = text.parse::<IpNet>();
        network.map(|n| n.trunc()).map_err(|_| format!("`{text}` is no network, as in 127.0.0.0/8"))
    };
    let opened = root.list("dangerous_allow", faults, network).unwrap_or_default();
    let mut connect = root.section("connect", faults);
    let closed = connect.list("refuse", faults, str::parse::<Endpoint>).unwrap_or_default();
    connect.end(faults);
    Fence { closed, opened }
}

fn take_ports(root: &mut Section, faults: &mut Faults) -> Ports {
    let mut port = |name: &str, usual: u16| {
        let port = root.number(name, faults, (1, 65_535));
        port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual)
    };
    Ports {
        http: port("dangerous_http_port", 80),
        https: port("dangerous_https_port", 443),
        tls_alpn: port("dangerous_tls_alpn_port", 443),
    }
}

#[cfg(test)]
mod tests {
    use daemon::LogFormat;

    use super::*;

    const LEAST: &str = r#"
        version = 1
        listen = { socket = "/run/va/va-work.sock", server_uids = [64802] }
        signer.run = "/run/chancery"
    "#;

    fn resolv_conf(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_least_file_is_enough_where_the_machine_has_a_resolver() {
        let file = resolv_conf("nameserver 10.0.0.53\n");
        let config = Config::parse(LEAST, file.path()).unwrap();
        assert_eq!(config.dns.servers, ["10.0.0.53:53".parse().unwrap()]);
        assert_eq!(config.dns.resolv_conf.as_deref(), Some(file.path()));
        assert_eq!(config.tcp_ports(), [53, 80, 443]);
        assert_eq!((config.in_flight, config.redirects, config.dns.hosts), (256, 10, true));
        assert!(config.fence.opened.is_empty() && config.fence.closed.is_empty());
        assert!(config.caa.issuers.is_none() && config.server_gid.is_none());
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = r#"
            version = 1
            dangerous_allow = ["127.0.0.1/8", "::1/128"]
            dangerous_http_port = 5002
            dangerous_https_port = 5443
            dangerous_tls_alpn_port = 5444
            dangerous_resolver = "127.0.0.1:5353"
            [listen]
            socket = "/run/va/va-work.sock"
            server_uids = [64802, 0]
            server_gid = 64802
            [signer]
            run = "/run/chancery"
            [rings]
            tokens = "/run/chancery-tokens"
            [dns]
            servers = ["10.0.0.53", "fd00::53"]
            hosts = false
            [caa]
            issuers = ["CA.corp.example"]
            tops = ["corp.example"]
            [connect]
            refuse = ["10.0.0.9", "10.0.0.8:5432"]
            [limits]
            in_flight = 8
            redirects = 0
            [log]
            format = "json"
            filter = "warn"
        "#;
        let config = Config::parse(text, Path::new("/nowhere")).unwrap();
        assert_eq!(config.dns.servers, ["127.0.0.1:5353".parse().unwrap()]);
        assert_eq!(config.caa.issuers, Some(vec!["ca.corp.example".to_owned()]));
        assert_eq!(config.caa.tops, ["corp.example"]);
        assert_eq!(config.fence.opened[0].to_string(), "127.0.0.0/8");
        assert_eq!(config.fence.closed.len(), 2);
        assert_eq!(config.tcp_ports(), [5002, 5353, 5443, 5444]);
        assert_eq!(config.rings["tokens"], Path::new("/run/chancery-tokens"));
        assert_eq!((config.in_flight, config.redirects), (8, 0));
        assert_eq!(config.log, Log { format: LogFormat::Json, filter: "warn".into() });
    }

    #[test]
    fn tells_every_fault_at_once_with_its_path() {
        let text = r#"
            version = 2
            surprise = 1
            dangerous_allow = ["127.0.0.1"]
            dangerous_http_port = 0
            dangerous_resolver = "localhost"
            [listen]
            socket = "va.sock"
            server_uids = ["chancery"]
            [signer]
            walk = 1
            [rings]
            one = "here"
            [dns]
            servers = ["ns.corp.example"]
            hosts = "yes"
            [caa]
            issuers = ["a b"]
            [connect]
            refuse = ["db.corp.example"]
            [limits]
            in_flight = 0
            redirects = 21
            [log]
            format = "xml"
        "#;
        let Err(ConfigError::Fields(faults)) = Config::parse(text, Path::new("/nowhere")) else {
            panic!("a bad file was read");
        };
        let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        let expected = [
            "version",
            "listen.socket",
            "listen.server_uids",
            "listen.server_uids",
            "signer.run",
            "signer.walk",
            "rings.one",
            "dangerous_resolver",
            "dns.servers",
            "dns.hosts",
            "dns.servers",
            "caa.issuers",
            "dangerous_allow",
            "connect.refuse",
            "limits.in_flight",
            "limits.redirects",
            "dangerous_http_port",
            "log.format",
            "surprise",
        ];
        assert_eq!(paths, expected, "{faults:#?}");
    }

    #[test]
    fn refuses_a_machine_without_a_resolver_and_what_is_no_toml() {
        let file = resolv_conf("search corp.example\n");
        for path in [file.path(), Path::new("/nowhere")] {
            let Err(ConfigError::Fields(faults)) = Config::parse(LEAST, path) else {
                panic!("a machine without a resolver was taken");
            };
            assert!(faults[0].starts_with("dns.servers"), "{faults:?}");
        }
        let syntax = Config::parse("version", file.path());
        assert!(matches!(syntax, Err(ConfigError::Syntax(_))));
        let missing = Config::load(Path::new("/nowhere"));
        assert!(matches!(missing, Err(ConfigError::Read { .. })));
    }
}
