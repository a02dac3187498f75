//! Just enough of HTTP/1.1 (RFC 9112) to keep a connection busy and to cost little itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509::pem;

/// The largest head that is read.
const HEAD: usize = 16 * 1024;

/// What came back.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The entity tag, if there is one.
    pub etag: Option<String>,
    /// Where something new is.
    pub location: Option<String>,
    /// The nonce of ACME.
    pub nonce: Option<String>,
    /// The content.
    pub body: Vec<u8>,
}

/// A connection that is kept alive.
pub struct Connection<S> {
    stream: S,
    host: String,
    token: Option<String>,
    buffer: Vec<u8>,
}

impl Connection<TcpStream> {
    /// Connects in the clear.
    pub async fn plain(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: address.to_string(), token: None, buffer: Vec::new() })
    }
}

impl Connection<TlsStream<TcpStream>> {
    /// Connects by TLS 1.3 and authenticates every request by the token, if there is one.
    pub async fn tls(address: SocketAddr, tls: &Tls) -> anyhow::Result<Self> {
        Ok(Self {
            stream: tls.handshake(address).await?,
            host: address.to_string(),
            token: tls.token.clone(),
            buffer: Vec::new(),
        })
    }
}

/// What every TLS connection needs.
pub struct Tls {
    config: Arc<ClientConfig>,
    token: Option<String>,
    /// Whom to expect instead of the address.
    name: Option<ServerName<'static>>,
}

impl Tls {
    /// Trusts one root and carries one token.
    pub fn new(root: &Path, token: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root).context("read the root certificate")?;
        let config = config(CertificateDer::from(pem::decode_one(&text, pem::CERTIFICATE)?))?;
        let token = std::fs::read_to_string(token).context("read the token")?;
        Ok(Self { config: Arc::new(config), token: Some(token.trim().to_owned()), name: None })
    }

    /// Trusts one certificate, whoever has it, under a name.
    pub fn trusting(certificate: CertificateDer<'static>, name: &str) -> anyhow::Result<Self> {
        let name = Some(ServerName::try_from(name.to_owned())?);
        Ok(Self { config: Arc::new(config(certificate)?), token: None, name })
    }

    /// Returns the same without the token.
    pub fn anonymous(&self) -> Self {
        Self { config: Arc::clone(&self.config), token: None, name: self.name.clone() }
    }

    /// Returns the same without the means to resume a session.
    pub fn without_resumption(&self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = rustls::client::Resumption::disabled();
        Self { config: Arc::new(config), token: self.token.clone(), name: self.name.clone() }
    }

    /// Connects and shakes hands.
    pub async fn handshake(&self, address: SocketAddr) -> anyhow::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = self.name.clone();
        let name = name.unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        Ok(TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await?)
    }
}

fn config(root: CertificateDer<'static>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Gets a resource, if it is not the one with this tag.
    pub async fn get(&mut self, path: &str, unless: Option<&str>) -> anyhow::Result<Response> {
        let condition = unless.map_or(String::new(), |tag| format!("If-None-Match: {tag}\r\n"));
        self.exchange("GET", path, &condition, &[]).await
    }

    /// Posts JSON.
    pub async fn post(&mut self, path: &str, json: &[u8]) -> anyhow::Result<Response> {
        self.post_as(path, "application/json", json).await
    }

    /// Posts something of a media type.
    pub async fn post_as(
        &mut self,
        path: &str,
        media: &str,
        body: &[u8],
    ) -> anyhow::Result<Response> {
        let fields = format!("Content-Type: {media}\r\nContent-Length: {}\r\n", body.len());
        self.exchange("POST", path, &fields, body).await
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        fields: &str,
        body: &[u8],
    ) -> anyhow::Result<Response> {
        let mut message = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{fields}", self.host);
        if let Some(token) = &self.token {
            message.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        message.push_str("\r\n");
        let mut message = message.into_bytes();
        message.extend(body);
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            anyhow::ensure!(self.buffer.len() <= HEAD, "the head is too long");
            self.read().await?;
        };
        let end = head.length + head.content;
        while self.buffer.len() < end {
            self.read().await?;
        }
        let rest = self.buffer.split_off(end);
        let body = std::mem::replace(&mut self.buffer, rest).split_off(head.length);
        let Head { status, etag, location, nonce, .. } = head;
        Ok(Response { status, etag, location, nonce, body })
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.buffer.reserve(64 * 1024);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    nonce: Option<String>,
    length: usize,
    content: usize,
}

impl Head {
    /// Returns none if it is not all there yet.
    fn parse(octets: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&octets[..end]).context("the head is no text")?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .context("no status line")?;
        let field = |name: &str| {
            lines.clone().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        anyhow::ensure!(field("transfer-encoding").is_none(), "a transfer coding is not read");
        // RFC 9110 §15.4.5: a 304 has no content, whatever its Content-Length says.
        let content = match field("content-length") {
            Some(length) if status != 304 && status != 204 => {
                length.parse().context("Content-Length")?
            }
            _ => 0,
        };
        let [etag, location, nonce] = ["etag", "location", "replay-nonce"].map(field);
        Ok(Some(Self { status, etag, location, nonce, length: end + 4, content }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads() {
        let head = |status, etag: Option<&str>, length, content| Head {
            status,
            etag: etag.map(str::to_owned),
            location: None,
            nonce: None,
            length,
            content,
        };
        for (text, expected) in [
            ("HTTP/1.1 201 Created\r\ncontent-length: 5\r\n", None),
            ("HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhel", Some(head(201, None, 43, 5))),
            (
                "HTTP/1.1 304 Not Modified\r\nETag: \"a:b\"\r\nContent-Length: 9\r\n\r\n",
                Some(head(304, Some("\"a:b\""), 61, 0)),
            ),
        ] {
            assert_eq!(Head::parse(text.as_bytes()).expect("a head"), expected, "{text}");
        }
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(Head::parse(chunked).is_err());
    }

    #[tokio::test]
    async fn keeps_a_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut seen = Vec::new();
            for answer in
                ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 204 No\r\n\r\n"]
            {
                stream.read_buf(&mut seen).await.expect("a request");
                stream.write_all(answer.as_bytes()).await.expect("an answer");
            }
            String::from_utf8(seen).expect("text")
        });
        let mut connection = Connection::plain(address).await.expect("it connects");
        let first = connection.get("/a", Some("\"tag\"")).await.expect("an answer");
        assert_eq!((first.status, &first.body[..]), (200, &b"hi"[..]));
        let second = connection.post("/b", b"{}").await.expect("an answer");
        assert_eq!((second.status, second.body.len()), (204, 0));
        let seen = server.await.expect("the server");
        assert!(seen.starts_with("GET /a HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("If-None-Match: \"tag\"\r\n"), "{seen}");
        assert!(seen.contains("POST /b HTTP/1.1\r\n"), "{seen}");
    }
}
