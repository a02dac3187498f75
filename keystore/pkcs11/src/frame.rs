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
    read(stream, None)
}

/// Reads a message that is there by then; `until` is asked whenever it is late, and may have moved.
/// The stream's own time for one read is `each`, and is so again afterwards.
///
/// # Errors
/// As [`receive`]; `TimedOut`.
pub(crate) fn receive_until<T: Wire>(
    stream: &UnixStream,
    each: Duration,
    until: &dyn Fn() -> Instant,
) -> io::Result<T> {
    let mut patience = Patience { each, until, is_lent: false };
    let message = read(stream, Some(&mut patience))?;
    if patience.is_lent {
        stream.set_read_timeout(Some(each))?;
    }
    Ok(message)
}

/// How long a message may take.
struct Patience<'a> {
    each: Duration,
    until: &'a dyn Fn() -> Instant,
    /// The stream's own time for one read is another one now.
    is_lent: bool,
}

impl Patience<'_> {
    /// Lets the stream wait for what is left.
    fn lend(&mut self, stream: &UnixStream) -> io::Result<()> {
        let left = (self.until)().saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.is_lent = true;
        stream.set_read_timeout(Some(left.min(self.each)))
    }
}

fn read<T: Wire>(stream: &UnixStream, mut patience: Option<&mut Patience<'_>>) -> io::Result<T> {
    let mut length = [0; 4];
    fill(stream, &mut length, patience.as_deref_mut())?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MOST {
        return Err(invalid("the message is too long"));
    }
    let mut octets = Vec::new();
    while octets.len() < length {
        let begin = octets.len();
        octets.resize(length.min(begin + STEP.max(begin)), 0);
        fill(stream, octets.get_mut(begin..).unwrap_or_default(), patience.as_deref_mut())?;
    }
    T::from_wire(&octets).map_err(|error| invalid(&error.to_string()))
}

fn fill(
    mut stream: &UnixStream,
    octets: &mut [u8],
    mut patience: Option<&mut Patience<'_>>,
) -> io::Result<()> {
    let mut rest = octets;
    while !rest.is_empty() {
        match stream.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match &mut patience {
                Some(patience) => patience.lend(stream)?,
                None => return Err(io::ErrorKind::TimedOut.into()),
            },
            Err(error) => return Err(error),
        }
        // Who sends an octet at a time is not waited for either.
        if !rest.is_empty()
            && let Some(patience) = &mut patience
        {
            patience.lend(stream)?;
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
        let deadline = begun + Duration::from_millis(50);
        let each = Duration::from_millis(50);
        let error = receive_until::<u64>(&two, each, &|| deadline).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_deadline_that_moved_is_waited_for() {
        let (one, two) = UnixStream::pair().unwrap();
        let each = Duration::from_millis(20);
        limit(&two, each).unwrap();
        let begun = Instant::now();
        // The first time that it is asked the request before is not answered yet.
        let asked = std::cell::Cell::new(0);
        let until = || {
            asked.set(asked.get() + 1);
            if asked.get() == 2 {
                send(&one, &7_u64).unwrap();
            }
            begun + Duration::from_secs(60)
        };
        assert_eq!(receive_until::<u64>(&two, each, &until).unwrap(), 7);
        assert_eq!(asked.get(), 2);
        assert_eq!(two.read_timeout().unwrap(), Some(each));
    }
}
