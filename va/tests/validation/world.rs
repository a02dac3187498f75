//! A network of its own for each test: addresses in 127.0.0.0/8, a DNS server, free ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_va::{Config, Failure, Seen, Validator};
use va_wire::{Identifier, Method, ProblemKind, Thumbprint, Validate};

use crate::dns::Zone;

pub const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
pub const WELL_KNOWN: &str =
    "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
pub const THUMBPRINT: Thumbprint = Thumbprint([7; 32]);
pub const ACCOUNT: &str = "https://ca.corp.example/acme/account/1";
/// The name in most tests.
pub const NAME: &str = "www.corp.example";

/// What the applicant shows.
pub fn key_authorization() -> String {
    format!("{TOKEN}.{THUMBPRINT}")
}

/// What its TXT record says.
pub fn digest_text() -> String {
    URL_SAFE_NO_PAD.encode(x509::sha256(key_authorization().as_bytes()))
}

/// A network of one test.
pub struct World {
    pub zone: Zone,
    pub http: u16,
    pub https: u16,
    pub tls_alpn: u16,
    /// More lines for the top of the configuration.
    pub top: String,
    /// More tables.
    pub tables: String,
    /// The first two octets behind 127 of its addresses.
    block: (u8, u8),
}

impl World {
    pub async fn new() -> Self {
        let zone = Zone::start().await;
        // The ports of one test are nobody else's: its addresses are its own.
        let random = x509::sha256(format!("{}", zone.address).as_bytes());
        let port = || {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            free.local_addr().unwrap().port()
        };
        let (http, https, tls_alpn) = (port(), port(), port());
        Self {
            zone,
            http,
            https,
            tls_alpn,
            top: "dangerous_allow = [\"127.0.0.0/8\", \"::1/128\"]".into(),
            tables: String::new(),
            block: (random[0].max(1), random[1]),
        }
    }

    /// An address of this test's own.
    pub fn address(&self, number: u8) -> IpAddr {
        Ipv4Addr::new(127, self.block.0, self.block.1, number).into()
    }

    pub fn config(&self) -> Config {
        let Self { http, https, tls_alpn, top, tables, zone, .. } = self;
        let resolver = zone.address;
        let text = format!(
            "version = 1\n{top}\ndangerous_resolver = \"{resolver}\"\ndangerous_http_port = {http}\n\
             dangerous_https_port = {https}\ndangerous_tls_alpn_port = {tls_alpn}\n\
             listen = {{ socket = \"/nowhere/va-work.sock\", server_uids = [0] }}\n\
             signer.run = \"/nowhere\"\ndns.hosts = false\n{tables}"
        );
        Config::parse(&text, Path::new("/nowhere")).unwrap()
    }

    pub fn validator(&self) -> Validator {
        Validator::new(&self.config()).unwrap()
    }

    pub async fn validate(&self, work: &Validate) -> Result<Seen, Failure> {
        self.validator().validate(work).await
    }

    /// Validates and expects a failure of this type whose words have these in them.
    pub async fn refuses(&self, work: &Validate, kind: ProblemKind, words: &str) -> Failure {
        let failure = self.validate(work).await.unwrap_err();
        assert_eq!(failure.kind(), kind, "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
        failure
    }

    /// Where targets of this test listen for http-01.
    pub fn at_http(&self, number: u8) -> SocketAddr {
        SocketAddr::new(self.address(number), self.http)
    }
}

/// One validation of [`NAME`].
pub fn work(method: Method) -> Validate {
    Validate {
        identifier: Identifier::Dns(NAME.into()),
        wildcard: false,
        method,
        token: TOKEN.into(),
        thumbprint: THUMBPRINT,
        account_uri: ACCOUNT.into(),
        caa_issuers: None,
        ring: None,
        attempt: 1,
        deadline_ms: 5_000,
    }
}

/// One validation of an address.
pub fn work_ip(method: Method, address: IpAddr) -> Validate {
    Validate { identifier: Identifier::Ip(address), ..work(method) }
}
