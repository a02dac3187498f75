//! The server's configuration, as `up` writes it at every start.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use toml::Value;

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
    /// Rings beside that one: kept as somebody wrote them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ring: Vec<toml::Table>,
    /// What stands in certificates.
    pub public: Public,
    /// Its own certificate.
    pub tls: Tls,
    /// The first token.
    pub bootstrap: Bootstrap,
    /// Its way to the validation authority, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub va: Option<Va>,
    /// Settings of the ACME server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme: Option<toml::Table>,
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
    /// Enrolment alone, with TLS from 1.2 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment_tls12: Option<String>,
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
    /// What the server calls this ring; `default` if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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

/// The way to the validation authority.
#[derive(Debug, Serialize)]
pub struct Va {
    /// Its socket.
    pub socket: String,
}

/// What the server keeps itself out of.
#[derive(Debug, Serialize)]
pub struct Boundary {
    /// Directories and files.
    pub keep_out: Vec<String>,
}

/// Reads one text of the server's configuration; none if the server was never started, or if the
/// text is not there.
pub fn setting(file: &Path, section: &str, field: &str) -> anyhow::Result<Option<String>> {
    let value = value(file, section, field)?;
    Ok(value.as_ref().and_then(Value::as_str).map(str::to_owned))
}

/// Reads a list of texts of the server's configuration; empty if the server was never started, or
/// if the list is not there.
pub fn settings(file: &Path, section: &str, field: &str) -> anyhow::Result<Vec<String>> {
    let value = value(file, section, field)?;
    let list = value.as_ref().and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    Ok(texts.map(str::to_owned).collect())
}

fn value(file: &Path, section: &str, field: &str) -> anyhow::Result<Option<Value>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("read {}", file.display())),
    };
    let config: toml::Table = text.parse().with_context(|| format!("read {}", file.display()))?;
    let value = config.get(section).and_then(|section| section.get(field));
    Ok(value.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_or_is_not_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("server.toml");
        let read = |field| setting(&file, "database", field).map_err(|error| error.to_string());
        assert_eq!(read("url"), Ok(None));
        std::fs::write(&file, "[database]\nurl = \"sqlite:///x\"\n").expect("written");
        assert_eq!(read("url"), Ok(Some("sqlite:///x".into())));
        assert_eq!(read("url_file"), Ok(None));
        std::fs::write(&file, "[tls]\nnames = [\"a\", \"b\"]\n").expect("written");
        let names = settings(&file, "tls", "names").expect("readable");
        assert_eq!(names, ["a", "b"]);
        assert_eq!(settings(&file, "tls", "x").expect("readable").len(), 0);
        std::fs::write(&file, "[database").expect("written");
        assert!(read("url").is_err());
    }
}
