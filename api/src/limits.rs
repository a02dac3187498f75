//! How much a client may send and how long it may take.

use std::time::Duration;

/// Octets of a request's body.
pub const BODY: usize = 256 * 1024;
/// Octets of a request's line and headers.
pub const HEADERS: usize = 32 * 1024;
/// Header fields of a request.
pub const HEADER_FIELDS: usize = 64;
/// From the first octet of a connection to the end of the TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// From the end of one request to the end of the next one's headers.
pub const REQUEST_HEADERS: Duration = Duration::from_secs(60);
/// From a request's headers to its answer.
pub const REQUEST: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer.
pub const STALL: Duration = Duration::from_secs(30);
/// Connections of a listener at a time; more wait to be accepted.
pub const CONNECTIONS: usize = 4096;
/// Requests at a time on one connection of HTTP/2.
pub const STREAMS: u32 = 64;
/// Octets of a request's headers in HTTP/2.
pub const HEADER_LIST: u32 = 32 * 1024;
/// How often a connection of HTTP/2 is asked whether its client is still there.
pub const PING: Duration = Duration::from_secs(30);
/// How long that client may take to say so.
pub const PONG: Duration = Duration::from_secs(20);
/// How long a connection of HTTP/2 takes requests; a client that goes on gets another.
pub const OLD: Duration = Duration::from_secs(600);
/// From the signal to end to the last answer.
pub const GRACE: Duration = Duration::from_secs(7);
