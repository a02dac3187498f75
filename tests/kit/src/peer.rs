//! The other end of a socket: writes any octets, reads frames, or asks as it should.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::verdict;
use signer_proto::{Call, Flags, HEADER, Header, Kind, Refusal, Wire};

/// How long a peer waits for the signer.
const PATIENCE: Duration = Duration::from_secs(20);

/// One frame that the signer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its body.
    pub body: Vec<u8>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The whole answer, its parts put together.
    Answer(Vec<u8>),
    /// A refusal.
    Refused(Refusal),
    /// The signer closed the connection without a word.
    Closed,
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was refused.
    Refused(Refusal),
    /// The connection ended.
    Closed,
}

impl Failure {
    /// Returns the refusal.
    ///
    /// # Panics
    /// If the connection ended instead.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Closed => panic!("the connection ended"),
        }
    }
}

/// Makes an honest frame around any body.
#[must_use]
pub fn frame(kind: Kind, sequence: u32, body: &[u8]) -> Vec<u8> {
    let header = Header {
        kind,
        flags: Flags::REQUEST,
        length: u32::try_from(body.len()).expect("a body fits"),
        sequence,
        deadline_ms: 20_000,
    };
    [&header.encode()[..], body].concat()
}

/// A connection to a socket of the signer.
pub struct RawPeer {
    stream: UnixStream,
    next: u32,
}

impl RawPeer {
    /// Connects.
    ///
    /// # Errors
    /// As the system says.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, next: 1 })
    }

    /// Gives the bare stream.
    pub fn stream(&mut self) -> &mut UnixStream {
        &mut self.stream
    }

    /// Writes octets as they are.
    ///
    /// # Errors
    /// As the system says: the signer may have closed already.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// Says that nothing more will be written.
    pub fn end_writing(&mut self) {
        // It may be closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Takes the next sequence number.
    pub fn sequence(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Reads one frame; none if the signer closed.
    ///
    /// # Panics
    /// If nothing comes in time, or octets that are no frame.
    pub fn read_frame(&mut self) -> Option<Frame> {
        let mut header = [0; HEADER];
        if !self.fill(&mut header) {
            return None;
        }
        let header = Header::decode_answer(header).expect("the header of an answer");
        let mut body = vec![0; header.length as usize];
        assert!(self.fill(&mut body), "the signer closed within a frame");
        Some(Frame { header, body })
    }

    /// Reads until the buffer is full; false if the other end closed before the first octet.
    fn fill(&mut self, buffer: &mut [u8]) -> bool {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if closed(&error) => break,
                Err(error) => panic!("the signer neither answers nor closes: {error}"),
            }
        }
        assert!(filled == 0 || filled == buffer.len(), "the signer closed within a frame");
        filled == buffer.len()
    }

    /// Reads the answer to one request, when no other is under way.
    ///
    /// # Panics
    /// If what comes belongs to another request.
    pub fn read_answer(&mut self, kind: Kind, sequence: u32) -> Answered {
        let mut answer = Vec::new();
        loop {
            let Some(Frame { header, body }) = self.read_frame() else {
                assert!(answer.is_empty(), "the signer closed within an answer");
                return Answered::Closed;
            };
            assert_eq!((header.kind, header.sequence), (kind, sequence), "another's answer");
            match header.flags {
                Flags::MORE => answer.extend(body),
                Flags::ANSWER => {
                    answer.extend(body);
                    return Answered::Answer(answer);
                }
                _ => {
                    let refusal = Refusal::from_wire(&body).expect("a canonical refusal");
                    verdict::refused(refusal.rule);
                    return Answered::Refused(refusal);
                }
            }
        }
    }

    /// Asks with any body.
    pub fn ask(&mut self, kind: Kind, body: &[u8]) -> Answered {
        let sequence = self.sequence();
        match self.write(&frame(kind, sequence, body)) {
            Ok(()) => self.read_answer(kind, sequence),
            Err(error) if closed(&error) => Answered::Closed,
            Err(error) => panic!("the signer does not read: {error}"),
        }
    }

    /// Asks as one should.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn call<C: Call>(&mut self, call: &C) -> Result<C::Answer, Failure> {
        match self.ask(C::KIND, &call.to_wire()) {
            Answered::Answer(body) => Ok(C::Answer::from_wire(&body).expect("a canonical answer")),
            Answered::Refused(refusal) => Err(Failure::Refused(refusal)),
            Answered::Closed => Err(Failure::Closed),
        }
    }

    /// Returns whether the signer closed this connection.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        matches!(self.call(&signer_proto::Health), Err(Failure::Closed))
    }
}

fn closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
    )
}
