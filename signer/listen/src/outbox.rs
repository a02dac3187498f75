//! What a connection is owed: answers that wait to be written.
//!
//! Whoever has an answer puts it here and writes what is here, unless somebody is writing already.
//! A write never blocks; what the peer does not take at once goes to a thread of its own, which
//! waits for the peer and for nobody else.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use signer_proto::{Flags, HEADER, Header, Kind, MAX_ANSWER_PART};
use zeroize::Zeroize;

use super::held::Held;
use super::roll::Place;

/// Octets of the stack of a thread that waits for a peer to read.
const STACK: usize = 64 * 1024;
/// After so many writes in a row a writer leaves the rest to a thread: it has its own work.
const TURNS: usize = 8;
/// A buffer up to this is kept for the next answers.
const KEPT: usize = 64 * 1024;

/// The stream of a connection, and what is to be written to it.
pub(super) struct Outbox {
    stream: UnixStream,
    limit: usize,
    /// What all connections of the socket hold.
    held: Arc<Held>,
    state: Mutex<State>,
    /// A place is taken as long as anything still goes out.
    _place: Place,
}

#[derive(Default)]
struct State {
    /// Whole frames.
    short: Vec<u8>,
    /// Answers of more than one part. Parts go out between short answers.
    long: VecDeque<LongAnswer>,
    /// Octets that wait or are being written.
    queued: usize,
    /// Octets of memory that all this takes: a long answer counts until its last part is out.
    held: usize,
    /// Somebody is writing.
    writing: bool,
    /// Nothing goes out any more.
    closed: bool,
    /// Close once everything is out.
    closing: bool,
    /// A secret is among the short ones.
    secret: bool,
}

struct LongAnswer {
    kind: Kind,
    sequence: u32,
    body: Vec<u8>,
    written: usize,
}

/// What came of a write.
enum Written {
    All,
    /// The peer took so many octets.
    Part(usize),
    Gone,
}

impl Outbox {
    /// Owes nothing yet; `limit` octets may wait.
    pub(super) fn new(stream: UnixStream, limit: usize, held: Arc<Held>, place: Place) -> Self {
        Self { stream, limit, held, state: Mutex::default(), _place: place }
    }

    /// Returns the stream, to read from.
    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Puts a whole answer or refusal. [`Outbox::flush`] writes it.
    ///
    /// A peer that left more than the limit unread loses its connection, and so does one that
    /// would hold more than its part while all peers of its socket hold too much.
    pub(super) fn put(&self, kind: Kind, flags: Flags, sequence: u32, body: Vec<u8>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let octets = body.len() + HEADER;
        if state.queued > self.limit || !self.held.admits(state.held, octets) {
            self.close(&mut state);
            return;
        }
        state.queued += octets;
        self.hold(&mut state, octets);
        if body.len() > MAX_ANSWER_PART {
            state.long.push_back(LongAnswer { kind, sequence, body, written: 0 });
            return;
        }
        put_frame(&mut state.short, (kind, flags, sequence), &body);
        if kind == Kind::Unseal {
            state.secret = true;
            let mut body = body;
            body.zeroize();
        }
    }

    /// Writes what waits, without blocking.
    pub(super) fn flush(self: &Arc<Self>) {
        if !self.start_writing() {
            return;
        }
        for _ in 0..TURNS {
            let Some((chunk, secret)) = self.next_chunk() else {
                return;
            };
            match self.write(&chunk, SendFlags::DONTWAIT) {
                Written::All => self.written(chunk, secret),
                Written::Part(written) => {
                    return self.leave_to_thread(Some((chunk, written, secret)));
                }
                Written::Gone => return self.drop_connection(),
            }
        }
        self.leave_to_thread(None);
    }

    /// Closes the connection once all that waits is written.
    pub(super) fn close_when_written(self: &Arc<Self>) {
        self.lock().closing = true;
        self.flush();
    }

    /// Closes the connection now; what waits is lost.
    pub(super) fn drop_connection(&self) {
        self.close(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, state: &mut State) {
        let closing = State { closed: true, ..State::default() };
        let mut old = std::mem::replace(state, closing);
        self.held.less(old.held);
        if old.secret {
            old.short.zeroize();
        }
        // Wakes the reader and whoever waits for the peer; an error means that it is closed.
        let _closed_before = self.stream.shutdown(Shutdown::Both);
    }

    fn hold(&self, state: &mut State, octets: usize) {
        state.held += octets;
        self.held.more(octets);
    }

    fn let_go(&self, state: &mut State, octets: usize) {
        // Nothing is held any more once the connection is closed.
        let octets = octets.min(state.held);
        state.held -= octets;
        self.held.less(octets);
    }

    /// Becomes the writer, unless there is one.
    fn start_writing(&self) -> bool {
        let mut state = self.lock();
        let free = !state.writing && !state.closed;
        state.writing |= free;
        free
    }

    /// Takes what is to be written next: all short answers, else a part of a long one. With
    /// nothing left the writer is no writer any more.
    fn next_chunk(&self) -> Option<(Vec<u8>, bool)> {
        let mut state = self.lock();
        if !state.short.is_empty() {
            let secret = std::mem::take(&mut state.secret);
            return Some((std::mem::take(&mut state.short), secret));
        }
        if let Some(long) = state.long.front_mut() {
            let (frame, is_last) = long.next_part();
            self.hold(&mut state, frame.len());
            if is_last {
                let done = state.long.pop_front();
                let octets = done.map_or(0, |long| long.body.len() + HEADER);
                self.let_go(&mut state, octets);
            } else {
                // The header of this part was not counted when the answer came.
                state.queued += HEADER;
            }
            return Some((frame, false));
        }
        state.writing = false;
        if state.closing {
            self.close(&mut state);
        }
        None
    }

    fn write(&self, bytes: &[u8], flags: SendFlags) -> Written {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match send(&self.stream, rest, flags | SendFlags::NOSIGNAL) {
                Ok(n) => written += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Written::Part(written),
                Err(_) => return Written::Gone,
            }
        }
        Written::All
    }

    fn written(&self, mut chunk: Vec<u8>, secret: bool) {
        if secret {
            let length = chunk.len();
            chunk.zeroize();
            chunk.resize(length, 0);
        }
        let mut state = self.lock();
        state.queued = state.queued.saturating_sub(chunk.len());
        self.let_go(&mut state, chunk.len());
        if state.short.capacity() == 0 && chunk.capacity() <= KEPT {
            chunk.clear();
            state.short = chunk;
        }
    }

    /// Waits for the peer on a thread of its own, which is the writer then.
    fn leave_to_thread(self: &Arc<Self>, begun: Option<(Vec<u8>, usize, bool)>) {
        let outbox = Arc::clone(self);
        let started = thread::Builder::new()
            .name("answers".to_owned())
            .stack_size(STACK)
            .spawn(move || outbox.write_waiting(begun));
        if started.is_err() {
            self.drop_connection();
        }
    }

    /// Writes until nothing is left. A peer that takes nothing for the stream's write timeout
    /// loses its connection.
    fn write_waiting(&self, mut begun: Option<(Vec<u8>, usize, bool)>) {
        loop {
            let next = begun.take();
            let next = next.or_else(|| self.next_chunk().map(|(chunk, secret)| (chunk, 0, secret)));
            let Some((chunk, start, secret)) = next else {
                return;
            };
            let mut start = start;
            loop {
                let rest = chunk.get(start..).unwrap_or_default();
                match self.write(rest, SendFlags::empty()) {
                    Written::All => break,
                    Written::Part(more) if more > 0 => start += more,
                    Written::Part(_) | Written::Gone => return self.drop_connection(),
                }
            }
            self.written(chunk, secret);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let octets = self.lock().held;
        self.held.less(octets);
    }
}

impl LongAnswer {
    /// Returns the frame of the next part, and whether it is the last.
    fn next_part(&mut self) -> (Vec<u8>, bool) {
        let rest = self.body.get(self.written..).unwrap_or_default();
        let (part, more) = rest.split_at(rest.len().min(MAX_ANSWER_PART));
        let is_last = more.is_empty();
        let flags = if is_last { Flags::ANSWER } else { Flags::MORE };
        let mut frame = Vec::with_capacity(HEADER + part.len());
        put_frame(&mut frame, (self.kind, flags, self.sequence), part);
        self.written += part.len();
        (frame, is_last)
    }
}

/// Appends a frame. The body fits a part: [`MAX_ANSWER_PART`].
fn put_frame(out: &mut Vec<u8>, (kind, flags, sequence): (Kind, Flags, u32), body: &[u8]) {
    let header = Header {
        kind,
        flags,
        length: u32::try_from(body.len()).unwrap_or(u32::MAX),
        sequence,
        deadline_ms: 0,
    };
    out.reserve(HEADER + body.len());
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(body);
}
