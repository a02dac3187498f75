//! The calls of the boundary by a caller that cannot await: a TLS library amid a handshake.
//!
//! Connections are blocking and carry one request at a time; as many are kept as threads ever
//! asked at once. One that broke meanwhile, as after a restart of the signer, is made again.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use signer_proto::{
    Call, Flags, HEADER, Header, MAX_DEADLINE_MS, Refusal, Rule, SignedHandshake, Wire,
};

use crate::error::{CallError, ProtocolError};

/// Connections that are kept while nobody uses them.
const KEPT: usize = 64;

/// Has handshakes signed, and waits for it.
#[derive(Debug)]
pub struct HandshakeSigner {
    socket: PathBuf,
    deadline: Duration,
    idle: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    sequence: u32,
}

/// What broke a connection.
enum Broken {
    /// It had ended before anything came: it may have been an old one.
    Ended(String),
    /// Anything else.
    Told(CallError),
}

impl HandshakeSigner {
    /// Names the socket, issue.sock, and how long a signature may take. Nothing is connected yet.
    #[must_use]
    pub fn new(socket: PathBuf, deadline: Duration) -> Self {
        Self { socket, deadline, idle: Mutex::default() }
    }

    /// Asks for a signature: SignHandshake for TLS 1.3, SignKeyExchange for TLS 1.2.
    ///
    /// # Errors
    /// [`CallError`]; within the deadline.
    pub fn sign(
        &self,
        call: &impl Call<Answer = SignedHandshake>,
    ) -> Result<SignedHandshake, CallError> {
        let end = Instant::now() + self.deadline;
        // Kept connections may all be of a signer that is gone.
        while let Some(connection) = self.take() {
            match self.ask(connection, call, end) {
                Err(Broken::Ended(_)) => {}
                Err(Broken::Told(error)) => return Err(error),
                Ok(answer) => return Ok(answer),
            }
        }
        let stream = UnixStream::connect(&self.socket)
            .map_err(|error| unavailable(&format!("{}: {error}", self.socket.display())))?;
        self.ask(Connection { stream, sequence: 0 }, call, end).map_err(|broken| match broken {
            Broken::Ended(why) => unavailable(&why),
            Broken::Told(error) => error,
        })
    }

    /// Asks on one connection, and keeps it if it is still good.
    fn ask(
        &self,
        mut connection: Connection,
        call: &impl Call<Answer = SignedHandshake>,
        end: Instant,
    ) -> Result<SignedHandshake, Broken> {
        let outcome = connection.call(call, end)?;
        self.keep(connection);
        match outcome {
            Ok(answer) => Ok(answer),
            Err(refusal) if refusal.rule == Rule::DeadlineExceeded => {
                Err(Broken::Told(CallError::DeadlineExceeded))
            }
            Err(refusal) => Err(Broken::Told(CallError::Refused(refusal))),
        }
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}

impl Connection {
    /// Sends a request and reads its answer or refusal; a broken connection is of no more use.
    fn call<C: Call>(
        &mut self,
        call: &C,
        end: Instant,
    ) -> Result<Result<C::Answer, Refusal>, Broken> {
        self.sequence = self.sequence.wrapping_add(1);
        let left = left(end)?;
        self.stream.set_write_timeout(Some(left)).map_err(|error| broken(&error))?;
        let frame = frame(call, self.sequence, left)?;
        self.stream.write_all(&frame).map_err(|error| broken(&error))?;
        let mut header = [0; HEADER];
        self.read(&mut header, end)?;
        let header =
            Header::decode_answer(header).map_err(|error| told(ProtocolError::Frame(error)))?;
        let mut body = vec![0; self.check(C::KIND, &header)?];
        self.read(&mut body, end)?;
        let decode = |why| told(ProtocolError::Answer { kind: C::KIND, why });
        if header.flags == Flags::REFUSED {
            return Refusal::from_wire(&body).map(Err).map_err(decode);
        }
        C::Answer::from_wire(&body).map(Ok).map_err(decode)
    }

    /// Holds the header of an answer against the request; gives the length of the body.
    fn check(&self, asked: signer_proto::Kind, header: &Header) -> Result<usize, Broken> {
        // The signer turns connections away with the sequence 0, of any kind.
        let turned_away = header.flags == Flags::REFUSED && header.sequence == 0;
        if turned_away {
            return Ok(header.length as usize);
        }
        if header.sequence != self.sequence {
            return Err(told(ProtocolError::UnknownSequence(header.sequence)));
        }
        if header.kind != asked {
            return Err(told(ProtocolError::KindMismatch { asked, answered: header.kind }));
        }
        // A signature fits one part.
        if header.flags == Flags::MORE {
            return Err(told(ProtocolError::AnswerTooLong(asked)));
        }
        Ok(header.length as usize)
    }

    fn read(&mut self, mut into: &mut [u8], end: Instant) -> Result<(), Broken> {
        while !into.is_empty() {
            let left = left(end)?;
            self.stream.set_read_timeout(Some(left)).map_err(|error| broken(&error))?;
            match self.stream.read(into) {
                Ok(0) => return Err(Broken::Ended("the signer closed the connection".to_owned())),
                Ok(count) => into = into.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        Ok(())
    }
}

/// Encodes a request.
fn frame<C: Call>(call: &C, sequence: u32, left: Duration) -> Result<Vec<u8>, Broken> {
    let body = call.to_wire();
    let too_long = || told(ProtocolError::RequestTooLong { kind: C::KIND, length: body.len() });
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    if length > C::KIND.request_limit() {
        return Err(too_long());
    }
    let deadline_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).clamp(1, MAX_DEADLINE_MS);
    let header = Header { kind: C::KIND, flags: Flags::REQUEST, length, sequence, deadline_ms };
    Ok([&header.encode()[..], &body].concat())
}

/// Returns what is left of the time: never zero, which the system takes for no limit.
fn left(end: Instant) -> Result<Duration, Broken> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Broken::Told(CallError::DeadlineExceeded)) } else { Ok(left) }
}

fn unavailable(why: &str) -> CallError {
    CallError::Unavailable { why: why.to_owned() }
}

fn told(error: ProtocolError) -> Broken {
    Broken::Told(CallError::Protocol(error))
}

fn broken(error: &io::Error) -> Broken {
    match error.kind() {
        // What a read or write says when its time is over.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Broken::Told(CallError::DeadlineExceeded)
        }
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            Broken::Ended(error.to_string())
        }
        _ => Broken::Told(unavailable(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::{Act, StandIn};
    use signer_proto::{KeyLabel, SignHandshake, Transcript};
    use std::sync::Arc;
    use x509::{Signature, SignatureScheme};

    const TIME: Duration = Duration::from_millis(500);

    fn call() -> SignHandshake {
        SignHandshake {
            key: KeyLabel::new("tls").unwrap(),
            scheme: SignatureScheme::EcdsaP256Sha256,
            transcript: Transcript(vec![7; 32]),
        }
    }

    fn signed() -> SignedHandshake {
        SignedHandshake { signature: Signature::from_vec(vec![1, 2, 3]) }
    }

    async fn sign(signer: &Arc<HandshakeSigner>) -> Result<SignedHandshake, CallError> {
        let signer = Arc::clone(signer);
        tokio::task::spawn_blocking(move || signer.sign(&call())).await.unwrap()
    }

    fn signer(stand_in: &StandIn, time: Duration) -> Arc<HandshakeSigner> {
        Arc::new(HandshakeSigner::new(stand_in.folder().join("issue.sock"), time))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_connection_serves_call_after_call() {
        let stand_in = StandIn::answer(|asked| {
            assert_eq!(asked.call::<SignHandshake>(), call());
            assert!((1..=500).contains(&asked.header.deadline_ms));
            asked.answer(&signed())
        });
        let signer = signer(&stand_in, TIME);
        for _ in 0..3 {
            assert_eq!(sign(&signer).await, Ok(signed()));
        }
        let asked = stand_in.asked.lock().unwrap();
        assert!(asked.iter().all(|asked| asked.connection == 1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_that_ended_meanwhile_is_made_again() {
        let stand_in = StandIn::listen(|batch| {
            Act::Close(batch.iter().flat_map(|asked| asked.answer(&signed())).collect())
        });
        let signer = signer(&stand_in, TIME);
        for _ in 0..3 {
            assert_eq!(sign(&signer).await, Ok(signed()));
        }
        assert_eq!(stand_in.count(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_is_told_and_the_connection_stays() {
        let stand_in = StandIn::answer(|asked| asked.refuse(Rule::Locked));
        let signer = signer(&stand_in, TIME);
        for _ in 0..2 {
            let refused = sign(&signer).await;
            assert_eq!(refused, Err(CallError::Refused(Refusal::new(Rule::Locked, "no"))));
        }
        assert_eq!(stand_in.asked.lock().unwrap()[1].connection, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signer_that_does_not_answer_costs_the_deadline_and_no_more() {
        let stand_in = StandIn::listen(|_| Act::Write(Vec::new()));
        let signer = signer(&stand_in, Duration::from_millis(50));
        let begun = Instant::now();
        assert_eq!(sign(&signer).await, Err(CallError::DeadlineExceeded));
        assert!(begun.elapsed() < Duration::from_secs(2));
        // The answer may still come: another call must not take it for its own.
        assert!(signer.take().is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signer_that_is_not_there_is_unavailable() {
        let stand_in = StandIn::absent();
        let outcome = sign(&signer(&stand_in, TIME)).await;
        assert!(matches!(outcome, Err(CallError::Unavailable { .. })), "{outcome:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refuses_an_answer_to_something_else() {
        let stand_in = StandIn::answer(|asked| {
            let mut other = asked.clone();
            other.header.sequence += 1;
            other.answer(&signed())
        });
        let outcome = sign(&signer(&stand_in, TIME)).await;
        assert_eq!(outcome, Err(CallError::Protocol(ProtocolError::UnknownSequence(2))));
    }
}
