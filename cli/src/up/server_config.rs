//! The server's configuration, as `up` writes it at every start.

use serde::Serialize;

/// server.toml. The server reads it with unknown fields refused.
#[derive(Debug, Serialize)]
pub struct ServerConfig {
    /// Always 1.
    pub version: u32,
    /// Where it listens.
    pub listen: Listen,
    /// Its database.
    pub database: Database,
    /// Its way to the signer.
    pub signer: Signer,
    /// What stands in certificates.
    pub public: Public,
    /// Its own certificate.
    pub tls: Tls,
    /// The first token.
    pub bootstrap: Bootstrap,
    /// What it keeps itself out of; only with one user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
}

/// Where the server listens.
#[derive(Debug, Serialize)]
pub struct Listen {
    /// API and status, with TLS.
    pub https: String,
    /// Status alone, without TLS.
    pub http: String,
}

/// The inventory.
#[derive(Debug, Serialize)]
pub struct Database {
    /// `sqlite:///path` or `postgres://...`.
    pub url: String,
}

/// The way to the signer.
#[derive(Debug, Serialize)]
pub struct Signer {
    /// The directory of the sockets.
    pub run: String,
}

/// What stands in certificates.
#[derive(Debug, Serialize)]
pub struct Public {
    /// The base of CRL, OCSP and CA URLs.
    pub url: String,
}

/// The server's own certificate.
#[derive(Debug, Serialize)]
pub struct Tls {
    /// Where key and certificate lie.
    pub directory: String,
    /// Its names and addresses.
    pub names: Vec<String>,
}

/// The first token.
#[derive(Debug, Serialize)]
pub struct Bootstrap {
    /// SHA-256 of the token, in hex: the token itself never reaches the server's disk.
    pub admin_token_sha256: String,
}

/// What the server keeps itself out of.
#[derive(Debug, Serialize)]
pub struct Boundary {
    /// Directories and files.
    pub keep_out: Vec<String>,
}
