//! The API as a careful client sees it: TLS 1.3, the root and nothing else trusted.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the content as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the content as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}", self.text()))
    }

    /// Returns the rule that a problem names (RFC 9457).
    #[must_use]
    pub fn rule(&self) -> String {
        let rule = self.json().get("rule").and_then(Value::as_str).map(ToOwned::to_owned);
        rule.unwrap_or_default()
    }
}

/// A client of the API with a token. Connections are kept and made again.
pub struct Api {
    port: u16,
    config: Arc<ClientConfig>,
    token: String,
    kept: Option<Stream>,
}

impl Api {
    /// Takes the port of 127.0.0.1, the root (PEM) and the token.
    ///
    /// # Panics
    /// If the root is no certificate.
    #[must_use]
    pub fn new(port: u16, root: &str, token: &str) -> Self {
        let der = x509::pem::decode_one(root, "CERTIFICATE").expect("the root's PEM");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(der)).expect("the root is taken");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { port, config: Arc::new(config), token: token.to_owned(), kept: None }
    }

    /// Speaks with another token, or with none.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            port: self.port,
            config: Arc::clone(&self.config),
            token: token.to_owned(),
            kept: None,
        }
    }

    fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(40)))?;
        stream.set_write_timeout(Some(Duration::from_secs(40)))?;
        let name = ServerName::try_from("localhost").expect("a host name");
        let connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(BufReader::new(StreamOwned::new(connection, stream)))
    }

    /// Asks once.
    ///
    /// # Errors
    /// If the connection fails before the whole answer is there: what became of the request is
    /// then not known.
    pub fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Response> {
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("host: localhost\r\n");
        }
        if !self.token.is_empty() {
            head.push_str(&format!("authorization: Bearer {}\r\n", self.token));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let request = [head.as_bytes(), body.unwrap_or_default()].concat();
        stream.get_mut().write_all(&request)?;
        stream.get_mut().flush()?;
        let response = read_response(&mut stream)?;
        if response.header("connection") != Some("close") {
            self.kept = Some(stream);
        }
        Ok(response)
    }

    /// Asks, once more on a new connection if a kept one turns out to be closed.
    ///
    /// # Panics
    /// If the server does not answer.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Response {
        let was_kept = self.kept.is_some();
        match self.try_ask(method, path, headers, body) {
            Ok(response) => response,
            Err(_) if was_kept => self
                .try_ask(method, path, headers, body)
                .unwrap_or_else(|error| panic!("{method} {path}: {error}")),
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// Gets.
    pub fn get(&mut self, path: &str) -> Response {
        self.ask("GET", path, &[], None)
    }

    /// Posts JSON.
    pub fn post(&mut self, path: &str, body: &Value) -> Response {
        self.post_with(path, body, &[])
    }

    /// Posts JSON with more headers.
    pub fn post_with(&mut self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Response {
        let headers = [&[("content-type", "application/json")], headers].concat();
        let body = body.to_string();
        self.ask("POST", path, &headers, Some(body.as_bytes()))
    }

    /// Asks for a certificate.
    pub fn order(&mut self, profile: &str, csr: &str) -> Response {
        let order = serde_json::json!({ "profile": profile, "csr": csr });
        self.post("/api/v1/certificates", &order)
    }

    /// Lists everything of a collection, page by page.
    ///
    /// # Panics
    /// If a page is not answered with 200.
    pub fn list(&mut self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let more = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{more}limit=1000{cursor}"));
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// Reads one response of HTTP/1.1, by Content-Length or in chunks.
pub(super) fn read_response(stream: &mut impl BufRead) -> io::Result<Response> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    let mut next = |stream: &mut dyn BufRead| -> io::Result<String> {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    };
    let first = next(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
    let mut headers = Vec::new();
    loop {
        let header = next(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        loop {
            let length = usize::from_str_radix(&next(stream)?, 16).map_err(|_| bad())?;
            let mut chunk = vec![0; length];
            stream.read_exact(&mut chunk)?;
            body.extend(chunk);
            next(stream)?;
            if length == 0 {
                break;
            }
        }
    } else if let Some(length) = header("content-length") {
        body = vec![0; length.parse().map_err(|_| bad())?];
        stream.read_exact(&mut body)?;
    }
    Ok(Response { status, headers, body })
}
