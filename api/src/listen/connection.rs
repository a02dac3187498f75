//! One connection: HTTP/1.1 or HTTP/2 with limits, ended gracefully.

use std::net::SocketAddr;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tower::ServiceExt as _;

use super::Shutdown;
use crate::limits;

/// Is the other end of a connection, as an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The version of HTTP that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// RFC 9112.
    Http1,
    /// RFC 9113, by TLS' application protocol alone: there is no upgrade.
    Http2,
}

impl Version {
    /// Takes what the handshake agreed upon.
    pub(super) fn of(protocol: Option<&[u8]>) -> Self {
        if protocol == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}

/// Serves a connection until it ends or the server does.
pub(super) async fn serve<S>(
    stream: S,
    peer: Peer,
    (router, version): (Router, Version),
    mut shutdown: Shutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let stream = TokioIo::new(stream);
    let outcome = match version {
        Version::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::REQUEST_HEADERS)
                .max_buf_size(limits::HEADERS)
                .max_headers(limits::HEADER_FIELDS)
                .pipeline_flush(true)
                .serve_connection(stream, service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = shutdown.asked() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
        Version::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits::STREAMS)
                .max_header_list_size(limits::HEADER_LIST)
                .keep_alive_interval(limits::PING)
                .keep_alive_timeout(limits::PONG)
                .serve_connection(stream, service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                outcome = connection.as_mut() => outcome,
                // RFC 9113 §6.8: there is no header time-out here, so an idle client is told to
                // come again after a while, and so is everybody when the server ends.
                () = either(shutdown.asked(), sleep(limits::OLD)) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = outcome {
        // The client's doing: it went away, was too slow, or spoke something else.
        tracing::debug!(peer = %peer.0, %error, "a connection broke");
    }
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}
