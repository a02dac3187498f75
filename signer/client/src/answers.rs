//! Frames of answers, cut from the stream and put together by sequence.

use std::collections::HashMap;

use signer_proto::{Flags, HEADER, Header, Kind};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use zeroize::Zeroize as _;

use crate::error::ProtocolError;

/// What comes back for one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole body of the answer.
    Answer(Vec<u8>),
    /// The body of a refusal.
    Refused(Vec<u8>),
    /// The connection ended first.
    Lost {
        /// Whether a part of the answer had come.
        partial: bool,
        /// What happened.
        why: String,
    },
    /// The signer broke the protocol on this connection.
    Broken(ProtocolError),
}

/// A request that waits for its answer.
pub(crate) struct Pending {
    kind: Kind,
    secret: bool,
    /// The parts so far.
    body: Vec<u8>,
    /// Whether a part came, be it an empty one.
    partial: bool,
    asker: oneshot::Sender<Outcome>,
    /// Counts against the connection's limit until the signer is done with it, even if nobody
    /// waits any more.
    _permit: OwnedSemaphorePermit,
}

impl Pending {
    pub(crate) fn new(
        kind: Kind,
        secret: bool,
        asker: oneshot::Sender<Outcome>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { kind, secret, body: Vec::new(), partial: false, asker, _permit: permit }
    }

    /// Says whether the answer holds a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.secret
    }

    /// Ends the wait; whoever gave up waiting does not hear of it.
    pub(crate) fn end(self, outcome: Outcome) {
        if let Err(Outcome::Answer(mut body)) = self.asker.send(outcome)
            && self.secret
        {
            body.zeroize();
        }
    }

    /// Ends the wait with the connection.
    pub(crate) fn lose(self, why: &str) {
        let outcome = Outcome::Lost { partial: self.partial, why: why.to_owned() };
        self.end(outcome);
    }
}

/// Everything that waits on one connection, by sequence.
pub(crate) type Waiting = HashMap<u32, Pending>;

/// Cuts the stream into frames. What is left between two reads is at most a header; bodies grow
/// in place.
#[derive(Default)]
pub(crate) struct AnswerReader {
    header: [u8; HEADER],
    /// Octets of `header` that are there; all of them while a body is read.
    filled: usize,
    current: Option<(Header, usize)>,
    /// The body of a refusal that answers no request.
    turned_away: Vec<u8>,
}

/// The answers that one read completed.
pub(crate) type Completed = Vec<(Pending, Outcome)>;

impl AnswerReader {
    /// Takes what one read gave and moves the answers that are whole to `completed`.
    ///
    /// # Errors
    /// [`ProtocolError`]: the connection is of no more use.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        waiting: &mut Waiting,
        completed: &mut Completed,
    ) -> Result<(), ProtocolError> {
        loop {
            bytes = match self.current {
                None => {
                    let (rest, header) = self.fill_header(bytes);
                    let Some(header) = header else {
                        return Ok(());
                    };
                    self.current = Some(Self::begin(header, waiting)?);
                    rest
                }
                Some((header, left)) => {
                    let (body, rest) = bytes.split_at(left.min(bytes.len()));
                    if turns_away(&header) {
                        self.turned_away.extend_from_slice(body);
                    } else if let Some(pending) = waiting.get_mut(&header.sequence)
                        && !pending.asker.is_closed()
                    {
                        pending.body.extend_from_slice(body);
                    }
                    let left = left - body.len();
                    if left > 0 {
                        self.current = Some((header, left));
                        return Ok(());
                    }
                    self.current = None;
                    self.filled = 0;
                    if turns_away(&header) {
                        let body = core::mem::take(&mut self.turned_away);
                        let all = waiting.drain();
                        completed.extend(
                            all.map(|(_, pending)| (pending, Outcome::Refused(body.clone()))),
                        );
                    } else {
                        complete(header, waiting, completed);
                    }
                    rest
                }
            };
        }
    }

    fn fill_header<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], Option<HeaderOctets>) {
        let (_, empty) = self.header.split_at_mut(self.filled);
        let (head, rest) = bytes.split_at(empty.len().min(bytes.len()));
        for (to, from) in empty.iter_mut().zip(head) {
            *to = *from;
        }
        self.filled += head.len();
        let whole = (self.filled == HEADER).then_some(self.header);
        (rest, whole)
    }

    /// Holds a header against what was asked.
    fn begin(
        header: HeaderOctets,
        waiting: &mut Waiting,
    ) -> Result<(Header, usize), ProtocolError> {
        let header = Header::decode_answer(header).map_err(ProtocolError::Frame)?;
        // decode_answer held it against MAX_ANSWER_PART.
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if turns_away(&header) {
            return Ok((header, length));
        }
        let pending = waiting
            .get_mut(&header.sequence)
            .ok_or(ProtocolError::UnknownSequence(header.sequence))?;
        if pending.kind != header.kind {
            return Err(ProtocolError::KindMismatch { asked: pending.kind, answered: header.kind });
        }
        if header.flags == Flags::REFUSED {
            // A refusal takes back the parts before it.
            pending.body.clear();
        }
        pending.partial = true;
        if pending.body.len().saturating_add(length) > header.kind.answer_limit() {
            return Err(ProtocolError::AnswerTooLong(header.kind));
        }
        if !pending.asker.is_closed() {
            pending.body.reserve(length);
        }
        Ok((header, length))
    }
}

type HeaderOctets = [u8; HEADER];

/// Says whether a frame answers no request: the signer does not admit this peer, or has no room.
fn turns_away(header: &Header) -> bool {
    header.sequence == 0 && header.flags == Flags::REFUSED
}

fn complete(header: Header, waiting: &mut Waiting, completed: &mut Completed) {
    if header.flags == Flags::MORE {
        return;
    }
    if let Some(mut pending) = waiting.remove(&header.sequence) {
        let body = core::mem::take(&mut pending.body);
        let outcome = if header.flags == Flags::REFUSED {
            Outcome::Refused(body)
        } else {
            Outcome::Answer(body)
        };
        completed.push((pending, outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn waiting(sequences: &[u32]) -> (Waiting, Vec<oneshot::Receiver<Outcome>>) {
        let places = Arc::new(Semaphore::new(sequences.len()));
        let mut waiting = Waiting::new();
        let mut answers = Vec::new();
        for sequence in sequences {
            let (asker, answer) = oneshot::channel();
            let permit = places.clone().try_acquire_owned().unwrap();
            waiting.insert(*sequence, Pending::new(Kind::Health, false, asker, permit));
            answers.push(answer);
        }
        (waiting, answers)
    }

    fn frame(flags: Flags, sequence: u32, body: &[u8]) -> Vec<u8> {
        let header = Header {
            kind: Kind::Health,
            flags,
            length: u32::try_from(body.len()).unwrap(),
            sequence,
            deadline_ms: 0,
        };
        [&header.encode()[..], body].concat()
    }

    #[test]
    fn the_stream_may_be_cut_anywhere() {
        let stream = [
            frame(Flags::MORE, 1, b"one, "),
            frame(Flags::ANSWER, 2, b"two"),
            frame(Flags::MORE, 1, b""),
            frame(Flags::MORE, 3, b"forget this"),
            frame(Flags::ANSWER, 1, b"one again"),
            frame(Flags::REFUSED, 3, b"no"),
        ]
        .concat();
        for piece in 1..=stream.len() {
            let (mut waiting, mut answers) = waiting(&[1, 2, 3]);
            let mut reader = AnswerReader::default();
            for bytes in stream.chunks(piece) {
                let mut completed = Completed::new();
                reader.take(bytes, &mut waiting, &mut completed).unwrap();
                for (pending, outcome) in completed {
                    pending.end(outcome);
                }
            }
            assert!(waiting.is_empty());
            let mut got = answers.iter_mut().map(|answer| answer.try_recv().unwrap());
            assert_eq!(got.next(), Some(Outcome::Answer(b"one, one again".to_vec())));
            assert_eq!(got.next(), Some(Outcome::Answer(b"two".to_vec())));
            assert_eq!(got.next(), Some(Outcome::Refused(b"no".to_vec())));
        }
    }

    #[test]
    fn a_connection_that_is_turned_away_tells_all_who_wait_why() {
        let stream = frame(Flags::REFUSED, 0, b"not you");
        for piece in 1..=stream.len() {
            let (mut waiting, mut answers) = waiting(&[1, 2]);
            let mut reader = AnswerReader::default();
            for bytes in stream.chunks(piece) {
                let mut completed = Completed::new();
                reader.take(bytes, &mut waiting, &mut completed).unwrap();
                for (pending, outcome) in completed {
                    pending.end(outcome);
                }
            }
            assert!(waiting.is_empty());
            for answer in &mut answers {
                let told = answer.try_recv().unwrap();
                assert_eq!(told, Outcome::Refused(b"not you".to_vec()));
            }
        }
        let (mut waiting, _answers) = waiting(&[1]);
        let mut reader = AnswerReader::default();
        let unasked = frame(Flags::ANSWER, 0, b"");
        assert_eq!(
            reader.take(&unasked, &mut waiting, &mut Completed::new()),
            Err(ProtocolError::UnknownSequence(0))
        );
    }

    #[test]
    fn nothing_is_kept_for_an_asker_who_left() {
        let (mut waiting, answers) = waiting(&[1]);
        drop(answers);
        let mut reader = AnswerReader::default();
        let mut completed = Completed::new();
        let part = frame(Flags::MORE, 1, &[0; 1000]);
        reader.take(&part, &mut waiting, &mut completed).unwrap();
        assert_eq!(waiting[&1].body.capacity(), 0);
        let last = frame(Flags::ANSWER, 1, &[0; 1000]);
        reader.take(&last, &mut waiting, &mut completed).unwrap();
        assert!(waiting.is_empty());
    }
}
