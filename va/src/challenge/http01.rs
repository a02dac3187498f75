//! http-01 (RFC 8555 §8.3), for addresses too (RFC 8738 §4).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::StatusCode;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::Failure;
use crate::deadline::Deadline;
use crate::dial::{Dial, Host};
use crate::http::{Response, Stream, Target, get};
use crate::key_authorization::KeyAuthorization;

/// The longest URL of a redirect.
const MAX_URL: usize = 2_000;

/// What http-01 needs.
#[derive(Clone)]
pub(crate) struct Http {
    pub dial: Dial,
    /// For redirects to https: RFC 8555 §8.3 leaves certificates unchecked.
    pub tls: Arc<ClientConfig>,
    pub redirects: usize,
}

/// Fetches the key authorization from port 80, and from where redirects lead.
pub(crate) async fn http01(
    http: &Http,
    host: &Host,
    key: &KeyAuthorization,
    deadline: Deadline,
) -> Result<SocketAddr, Failure> {
    let shown = match host {
        Host::Name(name) => name.clone(),
        Host::Address(IpAddr::V4(address)) => address.to_string(),
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
    };
    let first = format!("http://{shown}/.well-known/acme-challenge/{}", key.token());
    let mut url = Url::parse(&first).map_err(|_| Failure::Identifier(shown))?;
    for _ in 0..=http.redirects {
        let (response, address) = http.fetch(&url, deadline).await?;
        match response.status {
            StatusCode::OK if key.is(&response.body) => return Ok(address),
            StatusCode::OK => return Err(Failure::Body(url.into())),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                url = http.follow(&url, response.location.as_deref())?;
            }
            status => {
                let Response { retry_after, .. } = response;
                let (url, status) = (url.into(), status.as_u16());
                return Err(Failure::Status { url, status, retry_after });
            }
        }
    }
    Err(Failure::Redirect { url: url.into(), why: "there are too many" })
}

impl Http {
    async fn fetch(
        &self,
        url: &Url,
        deadline: Deadline,
    ) -> Result<(Response, SocketAddr), Failure> {
        let host = match url.host() {
            Some(url::Host::Domain(name)) => Host::Name(name.to_owned()),
            Some(url::Host::Ipv4(address)) => Host::Address(address.into()),
            Some(url::Host::Ipv6(address)) => Host::Address(address.into()),
            None => return Err(Failure::Identifier(url.to_string())),
        };
        let is_secure = url.scheme() == "https";
        let port = if is_secure { self.dial.ports.https } else { self.dial.ports.http };
        let (stream, address) = self.dial.connect(&host, port, deadline).await?;
        let stream: Box<dyn Stream> = match is_secure {
            true => Box::new(self.handshake(stream, &host, address, deadline).await?),
            false => Box::new(stream),
        };
        let path = url.query().map(|query| format!("{}?{query}", url.path()));
        let target = Target {
            url: url.as_str(),
            host: url.host_str().unwrap_or_default(),
            path: path.as_deref().unwrap_or(url.path()),
            address,
        };
        let waiting = || format!("waiting for {url} from {address}");
        Ok((deadline.within(waiting, get(stream, &target)).await?, address))
    }

    async fn handshake(
        &self,
        stream: tokio::net::TcpStream,
        host: &Host,
        address: SocketAddr,
        deadline: Deadline,
    ) -> Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>, Failure> {
        let failed = |why: String| Failure::Handshake { address, why };
        let name = match host {
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|error| failed(error.to_string()))?
            }
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let handshake = async {
            let shaken = TlsConnector::from(self.tls.clone()).connect(name, stream).await;
            shaken.map_err(|error| failed(error.to_string()))
        };
        deadline.within(|| format!("shaking hands with {address}"), handshake).await
    }

    /// Says where a redirect leads, if it may be followed.
    fn follow(&self, from: &Url, location: Option<&str>) -> Result<Url, Failure> {
        let refuse = |why| Err(Failure::Redirect { url: from.to_string(), why });
        let Some(location) = location else {
            return refuse("it has no Location that is text");
        };
        if location.len() > MAX_URL {
            return refuse("its Location is too long");
        }
        let Ok(mut to) = from.join(location) else {
            return refuse("its Location is no URL");
        };
        // RFC 8555 §8.3: a redirect to another port could be made by who has no say over 80.
        let (usual, ours) = match to.scheme() {
            "http" => (80, self.dial.ports.http),
            "https" => (443, self.dial.ports.https),
            _ => return refuse("only http and https are followed"),
        };
        if to.port().is_some_and(|port| port != usual && port != ours) {
            return refuse("only the ports 80 for http and 443 for https are followed");
        }
        if !to.username().is_empty() || to.password().is_some() {
            return refuse("it has a user's name");
        }
        to.set_fragment(None);
        Ok(to)
    }
}
