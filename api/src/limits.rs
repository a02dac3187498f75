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
/// From the signal to end to the last answer.
pub const GRACE: Duration = Duration::from_secs(7);
