//! Plain HTTP, as whoever checks a certificate's status.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::api::{Response, read_response};

/// Gets a URL without TLS.
///
/// # Panics
/// If the server does not answer.
#[must_use]
pub fn http_get(url: &str, headers: &[(&str, &str)]) -> Response {
    let rest = url.strip_prefix("http://").expect("a plain URL");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let stream = TcpStream::connect(host).unwrap_or_else(|error| panic!("{url}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    let mut head = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(head.as_bytes()).expect("the request is sent");
    read_response(&mut stream).unwrap_or_else(|error| panic!("{url}: {error}"))
}
