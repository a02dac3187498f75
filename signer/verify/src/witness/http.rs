//! As much of HTTP as a witness needs: one request a connection, by HTTP/1.0, so that the answer
//! is never in chunks.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use thiserror::Error;

const TIMEOUT: Duration = Duration::from_secs(20);
/// The most octets before the body of an answer.
const MAX_HEAD: usize = 16 * 1024;

/// Why there is no answer. Unavailable, but for [`HttpError::Roots`].
#[derive(Debug, Error)]
pub enum HttpError {
    /// The connection.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// TLS.
    #[error("TLS failed")]
    Tls(#[from] rustls::Error),
    /// The name of the host cannot be verified.
    #[error("{0} is no name of a host")]
    Host(String),
    /// The file of roots.
    #[error("the roots cannot be used: {0}")]
    Roots(String),
    /// Another status than 200.
    #[error("the server answers {0}")]
    Status(u16),
    /// No answer of HTTP, or one that is too long or cut.
    #[error("the answer is none: {0}")]
    Malformed(&'static str),
}

/// Whom to ask.
pub struct Client {
    host: String,
    port: u16,
    /// The path of the log, without a slash at its end.
    base: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Client {
    /// Reads an address; none if it is no http or https one.
    pub(super) fn new(address: &str, roots: Option<&Path>) -> Result<Option<Self>, HttpError> {
        let (is_tls, rest) = match (address.strip_prefix("https://"), address) {
            (Some(rest), _) => (true, rest),
            (None, address) => match address.strip_prefix("http://") {
                Some(rest) => (false, rest),
                None => return Ok(None),
            },
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let given = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let (host, port) = match given.map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, port),
            Some((_, Err(_))) => return Ok(None),
            None => (authority, if is_tls { 443 } else { 80 }),
        };
        let tls = if is_tls { Some(tls(host, roots)?) } else { None };
        let base = format!("/{}", path.trim_end_matches('/'));
        let base = base.trim_end_matches('/').to_owned();
        Ok(Some(Self { host: host.to_owned(), port, base, tls }))
    }

    /// Gets the body at a path, of at most so many octets.
    pub(super) fn get(&self, path: &str, most: u64) -> Result<Vec<u8>, HttpError> {
        self.exchange(&self.head("GET", path, ""), &[], most)
    }

    /// Sends a body to a path.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, HttpError> {
        let more = format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", body.len());
        self.exchange(&self.head("POST", path, &more), body, 64 * 1024)
    }

    fn head(&self, method: &str, path: &str, more: &str) -> String {
        let Self { host, port, base, .. } = self;
        format!("{method} {base}/{path} HTTP/1.0\r\nHost: {host}:{port}\r\n{more}\r\n")
    }

    fn exchange(&self, head: &str, body: &[u8], most: u64) -> Result<Vec<u8>, HttpError> {
        let host = self.host.trim_matches(['[', ']']);
        let mut addresses = (host, self.port).to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| HttpError::Host(self.host.clone()))?;
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let request = [head.as_bytes(), body].concat();
        match &self.tls {
            None => ask(stream, &request, most),
            Some((config, name)) => {
                let connection = ClientConnection::new(Arc::clone(config), name.clone())?;
                ask(StreamOwned::new(connection, stream), &request, most)
            }
        }
    }
}

fn tls(
    host: &str,
    roots: Option<&Path>,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), HttpError> {
    let wrong = HttpError::Roots;
    let path = roots.ok_or_else(|| wrong("https needs --root FILE".to_owned()))?;
    let pem = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let blocks = x509::pem::decode(&pem).map_err(|error| wrong(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for (_, der) in blocks.into_iter().filter(|(label, _)| label == x509::pem::CERTIFICATE) {
        store.add(CertificateDer::from(der)).map_err(|error| wrong(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    let name = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|_| HttpError::Host(host.to_owned()))?;
    Ok((Arc::new(config), name))
}

fn ask(mut stream: impl Read + Write, request: &[u8], most: u64) -> Result<Vec<u8>, HttpError> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    // A server that ends TLS without saying so is found out by the length of the body.
    let read = stream.take(most + MAX_HEAD as u64).read_to_end(&mut answer);
    match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
        _ => body(answer, most),
    }
}

/// Takes the body of an answer with the status 200.
fn body(mut answer: Vec<u8>, most: u64) -> Result<Vec<u8>, HttpError> {
    let bad = HttpError::Malformed;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or(bad("it has no end of its head"))?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).map_err(|_| bad("its head is no text"))?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|status| status.parse().ok());
    let status = status.filter(|_| version.starts_with("HTTP/1."));
    match status.ok_or(bad("it has no status"))? {
        200..=299 => {}
        other => return Err(HttpError::Status(other)),
    }
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") && value.trim() != body.len().to_string() {
            return Err(bad("its body is cut"));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(bad("it is in chunks, which HTTP/1.0 does not have"));
        }
    }
    if body.len() as u64 > most { Err(bad("it is too long")) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_apart() {
        let client = |address| Client::new(address, None).unwrap();
        let one = client("http://pki.example/.well-known/pki/log/").unwrap();
        assert_eq!((one.host.as_str(), one.port), ("pki.example", 80));
        assert_eq!(one.base, "/.well-known/pki/log");
        let one = client("http://[::1]:8080").unwrap();
        assert_eq!((one.host.as_str(), one.port, one.base.as_str()), ("[::1]", 8080, ""));
        assert!(client("ftp://pki.example/").is_none());
        assert!(client("http://pki.example:many/").is_none());
        assert!(matches!(Client::new("https://a/", None), Err(HttpError::Roots(_))));
    }

    #[test]
    fn refuses_answers_that_are_cut_or_none() {
        let answer = |text: &str| body(text.as_bytes().to_vec(), 8);
        assert_eq!(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap(), b"hi");
        assert_eq!(answer("HTTP/1.0 200 OK\r\n\r\nhi").unwrap(), b"hi");
        for (bad, why) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", "its body is cut"),
            ("HTTP/1.1 200 OK\r\n\r\n123456789", "it is too long"),
            ("SSH-2.0-x\r\n\r\n", "it has no status"),
            ("HTTP/1.1 200 OK\r\n", "it has no end of its head"),
        ] {
            assert!(matches!(answer(bad), Err(HttpError::Malformed(found)) if found == why));
        }
        assert!(matches!(answer("HTTP/1.1 404 No\r\n\r\n"), Err(HttpError::Status(404))));
    }
}
