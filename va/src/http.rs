//! One GET over a connection: HTTP/1.1, small headers, a small body.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::Failure;

/// The longest body that is read: a key authorization has at most 172 octets.
pub(crate) const MAX_BODY: usize = 4_096;
/// Octets of status line and headers.
const MAX_HEAD: usize = 16_384;
/// Names ourselves to whoever reads a log.
const USER_AGENT: &str = concat!("chancery-va/", env!("CARGO_PKG_VERSION"));

/// A connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for S {}

/// Where a GET goes to.
pub(crate) struct Target<'a> {
    /// For messages.
    pub url: &'a str,
    /// The Host field.
    pub host: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Who answers.
    pub address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: StatusCode,
    pub location: Option<String>,
    /// Seconds of its Retry-After (RFC 9110 §10.2.3).
    pub retry_after: Option<u32>,
    /// Of an answer with status 200 only.
    pub body: Vec<u8>,
}

/// Ends the task that drives a connection along with what waits for it.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks and reads the answer.
pub(crate) async fn get(stream: Box<dyn Stream>, target: &Target<'_>) -> Result<Response, Failure> {
    let not_http =
        |why: hyper::Error| Failure::NotHttp { address: target.address, why: why.to_string() };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(100)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(not_http)?;
    let _driver = Driver(tokio::spawn(async move {
        // Its fate shows in the answer.
        let _ = connection.await;
    }));
    let request = Request::get(target.path)
        .header(header::HOST, target.host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::NotHttp { address: target.address, why: error.to_string() })?;
    let response = sender.send_request(request).await.map_err(not_http)?;
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let (location, retry_after) = (text(header::LOCATION), text(header::RETRY_AFTER));
    let status = response.status();
    let body = match status {
        StatusCode::OK => read(response.into_body(), target).await?,
        _ => Vec::new(),
    };
    let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    Ok(Response { status, location, retry_after, body })
}

async fn read(mut body: Incoming, target: &Target<'_>) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::NotHttp {
            address: target.address,
            why: error.to_string(),
        })?;
        let Some(data) = frame.data_ref() else { continue };
        if octets.len() + data.len() > MAX_BODY {
            return Err(Failure::BodyTooLong(target.url.to_owned()));
        }
        octets.extend_from_slice(data);
    }
    Ok(octets)
}
