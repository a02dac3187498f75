//! The API's client: TLS 1.3 to the server, its certificate checked against our root.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::exit::{Failure, Outcome};
use crate::options::Global;
use crate::output;

/// The longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read: a page of a thousand certificates fits.
const LARGEST: usize = 64 * 1024 * 1024;

/// Speaks to one server.
pub struct Api {
    host: String,
    port: u16,
    token: SecretString,
    tls: TlsConnector,
}

/// An answer that was no error.
pub struct Answer {
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Reads the body as JSON; an empty one is null.
    pub fn json(&self) -> Outcome<Value> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&self.body).context("the server's answer is no JSON")?)
    }
}

impl Api {
    /// Reads root and token; connects at the first request.
    pub fn open(global: &Global) -> Outcome<Self> {
        let token = global.token()?;
        let (host, port) = split(&global.url()?)?;
        let path = global.ca_file()?;
        let pem = crate::options::read_bytes(&path, "the root certificate (--ca-file, --data)")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
            roots
                .add(certificate)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        }
        if roots.is_empty() {
            return Err(Failure::Usage(format!(
                "--ca-file: there is no certificate (PEM) in {}",
                path.display()
            )));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .context("set TLS up")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { host, port, token, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Asks without a body.
    pub async fn get(&self, path: &str) -> Outcome<Answer> {
        self.ask(Method::GET, path, None).await
    }

    /// Asks how the server is. The answer reads the same whether it is ready or not.
    pub async fn readiness(&self) -> Outcome<Value> {
        let (status, body) = self.exchange(Method::GET, "/readyz", None).await?;
        match serde_json::from_slice(&body) {
            Ok(answer @ Value::Object(_)) if status.is_success() || status.as_u16() == 503 => {
                Ok(answer)
            }
            _ => Err(problem(status, &body)),
        }
    }

    /// Asks with a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Outcome<Answer> {
        self.ask(method, path, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Outcome<Answer> {
        let (status, body) = self.exchange(method, path, body).await?;
        if status.is_success() { Ok(Answer { body }) } else { Err(problem(status, &body)) }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<(StatusCode, Bytes)> {
        let request = self.request(method, path, body)?;
        match tokio::time::timeout(PATIENCE, self.round_trip(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Unavailable(format!(
                "{}:{} did not answer within {} s",
                self.host,
                self.port,
                PATIENCE.as_secs()
            ))),
        }
    }

    async fn round_trip(&self, request: Request<Full<Bytes>>) -> Outcome<(StatusCode, Bytes)> {
        let at = format!("{}:{}", self.host, self.port);
        let bare = self.host.trim_matches(['[', ']']);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| Failure::Usage(format!("--url: `{bare}` is no host name")))?;
        let tcp = TcpStream::connect((bare, self.port)).await.map_err(|error| {
            Failure::Unavailable(format!(
                "{at} cannot be reached: {error}; is `chancery up` running, is --url right?"
            ))
        })?;
        tcp.set_nodelay(true)?;
        let tls = self.tls.connect(name, tcp).await;
        let tls = tls.map_err(|error| self.no_tls(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .map_err(|error| Failure::Unavailable(format!("{at}: {error}")))?;
        let driver = tokio::spawn(connection);
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| Failure::Unavailable(format!("{at}: {error}")))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST)
            .collect()
            .await
            .map_err(|error| anyhow!("{at}: the answer broke off: {error}"))?
            .to_bytes();
        drop(sender);
        driver.abort();
        Ok((status, body))
    }

    /// Says why there is no TLS. A certificate that is not trusted is nothing that time mends.
    fn no_tls(&self, error: &std::io::Error) -> Failure {
        let at = format!("{}:{}", self.host, self.port);
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        match cause {
            Some(rustls::Error::InvalidCertificate(why)) => Failure::Other(anyhow!(
                "{at} has a certificate that is not trusted ({why}): is --ca-file its root, is the \
                 host in --url one of the server's names?"
            )),
            Some(rustls::Error::AlertReceived(AlertDescription::AccessDenied)) => {
                Failure::Unavailable(format!(
                    "{at} has no certificate of its own yet: the server's log says why; if the \
                     signer's policy refuses its names, `chancery policy names` lets them in"
                ))
            }
            _ => Failure::Unavailable(format!("{at} does not speak TLS 1.3 with us: {error}")),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Outcome<Request<Full<Bytes>>> {
        let bytes = match body {
            Some(value) => serde_json::to_vec(value).context("encode the request")?,
            None => Vec::new(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose_secret()));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(Bytes::from(bytes))).context("make the request")?)
    }
}

/// Turns a problem document (RFC 9457) into a failure with its exit code.
fn problem(status: StatusCode, body: &[u8]) -> Failure {
    let document: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |field: &str| document.get(field).and_then(Value::as_str);
    let sentence = text("detail")
        .or_else(|| text("title"))
        .map_or_else(|| String::from_utf8_lossy(body).trim().to_owned(), str::to_owned);
    let rule = text("rule").map(|rule| format!(" [{rule}]")).unwrap_or_default();
    let faults = document["errors"].as_array().into_iter().flatten();
    let faults: String = faults
        .filter_map(Value::as_str)
        .filter(|fault| !sentence.contains(fault))
        .map(|fault| format!("\n  {fault}"))
        .collect();
    let message = output::printable(&format!("{} {sentence}{rule}{faults}", status.as_u16()));
    match status {
        StatusCode::NOT_FOUND => Failure::NotFound(message),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            Failure::Unavailable(message)
        }
        _ if status.is_client_error() => Failure::Refused(message),
        _ => Failure::Other(anyhow!(message)),
    }
}

/// Takes host and port out of the URL.
fn split(url: &str) -> Outcome<(String, u16)> {
    let bad = || Failure::Usage(format!("--url: `{url}` is not of the form https://HOST:PORT"));
    let rest = url.strip_prefix("https://").ok_or_else(bad)?;
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.contains('/') {
        return Err(bad());
    }
    match rest.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.ends_with(':') => {
            Ok((host.to_owned(), port.parse().map_err(|_| bad())?))
        }
        _ => Ok((rest.to_owned(), 443)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, expected) in [
            ("https://127.0.0.1:8443", Some(("127.0.0.1", 8443))),
            ("https://pki.corp.example/", Some(("pki.corp.example", 443))),
            ("https://[::1]:8443", Some(("[::1]", 8443))),
            ("http://x", None),
            ("https://", None),
            ("https://x/y", None),
            ("https://x:y", None),
        ] {
            let found = split(url).ok();
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{url}");
        }
    }

    #[test]
    fn problems_keep_their_rule_and_decide_the_exit_code() {
        let body = br#"{"title":"refused","detail":"no such name","rule":"san-not-admitted"}"#;
        let failure = problem(StatusCode::BAD_REQUEST, body);
        assert_eq!(failure.code(), 3);
        assert_eq!(failure.to_string(), "400 no such name [san-not-admitted]");
        let body =
            br#"{"detail":"not usable","rule":"profile-malformed","errors":["a: b","c\u001b[0m"]}"#;
        assert_eq!(
            problem(StatusCode::BAD_REQUEST, body).to_string(),
            "400 not usable [profile-malformed]\n  a: b\n  c\u{fffd}[0m"
        );
        assert_eq!(problem(StatusCode::SERVICE_UNAVAILABLE, b"").code(), 4);
        assert_eq!(problem(StatusCode::NOT_FOUND, b"").code(), 5);
        assert_eq!(problem(StatusCode::INTERNAL_SERVER_ERROR, b"x").code(), 1);
    }
}
