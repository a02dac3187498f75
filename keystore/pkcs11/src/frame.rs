//! Messages on a socket pair: a length of four octets, and as many more.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use signer_proto::Wire;

/// The longest message: the largest CRL that is signed whole, and room for what is around it.
const MOST: usize = 513 * 1024 * 1024;
/// How much is allocated before it has come.
const STEP: usize = 64 * 1024;

/// Writes a message.
///
/// # Errors
/// The system's; `InvalidInput` for one that is too long.
pub(crate) fn send(stream: &UnixStream, message: &impl Wire) -> io::Result<()> {
    // The length is put before what follows it, so that both leave in one call.
    let mut octets = vec![0; 4];
    octets.extend_from_slice(&message.to_wire());
    let length = octets.len() - 4;
    let length = u32::try_from(length).ok().filter(|_| length <= MOST);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    for (to, from) in octets.iter_mut().zip(length.to_be_bytes()) {
        *to = from;
    }
    let mut to = stream;
    to.write_all(&octets)
}

/// Reads a message, however long it takes to come.
///
/// # Errors
/// The system's; `UnexpectedEof` if the other side is gone, `InvalidData` for what is no message.
pub(crate) fn receive<T: Wire>(stream: &UnixStream) -> io::Result<T> {
    receive_until(stream, None)
}

/// Reads a message that is there by then. The stream's own time for one read must be set besides:
/// this bounds the sum of several.
///
/// # Errors
/// As [`receive`]; `TimedOut`.
pub(crate) fn receive_until<T: Wire>(
    stream: &UnixStream,
    deadline: Option<Instant>,
) -> io::Result<T> {
    let mut length = [0; 4];
    fill(stream, &mut length, deadline)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MOST {
        return Err(invalid("the message is too long"));
    }
    let mut octets = Vec::new();
    while octets.len() < length {
        let begin = octets.len();
        octets.resize(length.min(begin + STEP.max(begin)), 0);
        fill(stream, octets.get_mut(begin..).unwrap_or_default(), deadline)?;
    }
    T::from_wire(&octets).map_err(|error| invalid(&error.to_string()))
}

fn fill(mut stream: &UnixStream, octets: &mut [u8], deadline: Option<Instant>) -> io::Result<()> {
    let mut rest = octets;
    while !rest.is_empty() {
        match stream.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
        if !rest.is_empty() && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// Sets how long reads and writes of this stream may take.
pub(crate) fn limit(stream: &UnixStream, limit: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_as_it_was_sent() {
        let (one, two) = UnixStream::pair().unwrap();
        send(&one, &7_u64).unwrap();
        assert_eq!(receive::<u64>(&two).unwrap(), 7);
        drop(one);
        let gone = receive::<u64>(&two).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for octets in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x01\x07", b"\0\0\0\x09\0\0\0\0\0\0\0\0\0"]
        {
            let (mut one, two) = UnixStream::pair().unwrap();
            one.write_all(octets).unwrap();
            let error = receive::<u64>(&two).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{octets:?}");
        }
    }

    #[test]
    fn a_peer_that_sends_too_slowly_is_not_waited_for() {
        let (mut one, two) = UnixStream::pair().unwrap();
        limit(&two, Duration::from_millis(50)).unwrap();
        one.write_all(b"\0\0\0").unwrap();
        let begun = Instant::now();
        let deadline = Some(begun + Duration::from_millis(50));
        let error = receive_until::<u64>(&two, deadline).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}
