//! Sockets with a test behind them, and a peer that sends whatever it likes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use signer_proto::{
    Flags, HEADER, Header, Kind, MintSerials, Refusal, Rule, Socket, Wire, WireError,
};

use super::{
    Dispatch, Limits, Listening, Peer, PeerRules, Reply, Request, SocketPaths, Who, serve,
};

/// Calls that do what the test needs:
/// Health answers `healthy`; Describe echoes its kind; MintSerials is decoded strictly and
/// echoed; Revoke waits for [`Desk::release`]; Hold takes 100 ms; Release drops its reply;
/// ReadJournal answers so many octets; BuildCrl takes a second; Seal and Unseal echo.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) calls: AtomicUsize,
    pub(super) refused: Mutex<Vec<(Peer, Option<Kind>, Refusal)>>,
    waiting: Mutex<Vec<(Vec<u8>, Reply)>>,
}

impl Desk {
    /// Answers all Revokes that wait, the last one first.
    pub(super) fn release(&self) -> usize {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap());
        let count = waiting.len();
        for (body, reply) in waiting.into_iter().rev() {
            reply(Ok(body));
        }
        count
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }

    /// Returns kinds and rules of what was refused, and forgets them.
    pub(super) fn take_refused(&self) -> Vec<(Option<Kind>, Rule)> {
        let refused = std::mem::take(&mut *self.refused.lock().unwrap());
        let shown = refused.into_iter();
        shown.map(|(_, kind, refusal)| (kind, refusal.rule)).collect()
    }
}

fn decode(body: &[u8]) -> Result<MintSerials, Refusal> {
    MintSerials::from_wire(body)
        .map_err(|e: WireError| Refusal::new(Rule::BodyMalformed, e.to_string()))
}

impl Dispatch for Desk {
    fn dispatch(&self, request: Request, reply: Reply) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let body = request.body.to_vec();
        match request.kind {
            Kind::Health => reply(Ok(b"healthy".to_vec())),
            Kind::Describe => reply(Ok(vec![Kind::Describe.code()])),
            Kind::MintSerials => reply(decode(&body).map(|call| call.to_wire())),
            Kind::Revoke => self.waiting.lock().unwrap().push((body, reply)),
            Kind::Hold => {
                thread::sleep(Duration::from_millis(100));
                reply(Ok(body));
            }
            Kind::Release => drop(reply),
            Kind::ReadJournal => {
                let size = u32::from_wire(&body).unwrap() as usize;
                reply(Ok((0..size).map(|n| (n % 251) as u8).collect()));
            }
            Kind::BuildCrl => {
                thread::sleep(Duration::from_secs(1));
                reply(Ok(body));
            }
            _ => reply(Ok(body)),
        }
    }

    fn refused(&self, peer: &Peer, kind: Option<Kind>, refusal: &Refusal) {
        let entry = (*peer, kind, refusal.clone());
        self.refused.lock().unwrap().push(entry);
    }
}

pub(super) struct Stage {
    pub(super) desk: Arc<Desk>,
    pub(super) listening: Listening,
    pub(super) dir: tempfile::TempDir,
}

pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub(super) fn only(uid: u32) -> PeerRules {
    let who = Who::Listed { uids: vec![uid], gids: Vec::new() };
    PeerRules { issue: who.clone(), status: who.clone(), va: who, admin: Who::WhoeverReaches }
}

/// Waits until `what` holds, five seconds at most.
pub(super) fn until(mut what: impl FnMut() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(5), "did not come about");
        thread::sleep(Duration::from_millis(1));
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), only(own_uid()))
    }

    pub(super) fn with(limits: Limits, rules: PeerRules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let desk = Arc::new(Desk::default());
        let paths = SocketPaths::new(dir.path());
        let listening = serve(paths, rules, limits, desk.clone()).unwrap();
        Self { desk, listening, dir }
    }

    pub(super) fn connect(&self, socket: Socket) -> Client {
        let stream = UnixStream::connect(self.listening.paths().path(socket)).unwrap();
        Client::new(stream)
    }

    /// Asserts that an honest peer is served, as after every attack.
    pub(super) fn serves(&self) {
        for socket in Socket::ALL {
            let mut client = self.connect(*socket);
            assert_eq!(client.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
        }
    }
}

pub(super) struct Client {
    pub(super) stream: UnixStream,
    sequence: u32,
}

pub(super) fn request(kind: Kind, sequence: u32, body: &[u8]) -> Vec<u8> {
    let header = Header {
        kind,
        flags: Flags::REQUEST,
        length: u32::try_from(body.len()).unwrap(),
        sequence,
        deadline_ms: 30_000,
    };
    [header.encode().as_slice(), body].concat()
}

impl Client {
    pub(super) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self { stream, sequence: 0 }
    }

    pub(super) fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).unwrap();
    }

    /// Sends a request and returns its sequence number.
    pub(super) fn ask(&mut self, kind: Kind, body: &[u8]) -> u32 {
        self.sequence += 1;
        let sequence = self.sequence;
        self.send(&request(kind, sequence, body));
        sequence
    }

    /// Receives one frame.
    pub(super) fn receive(&mut self) -> io::Result<(Header, Vec<u8>)> {
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header)?;
        let header = Header::decode_answer(header).unwrap();
        let mut body = vec![0; header.length as usize];
        self.stream.read_exact(&mut body)?;
        Ok((header, body))
    }

    /// Receives a refusal and returns its sequence number and rule.
    pub(super) fn refusal(&mut self) -> (u32, Rule) {
        let (header, body) = self.receive().unwrap();
        assert_eq!(header.flags, Flags::REFUSED);
        (header.sequence, Refusal::from_wire(&body).unwrap().rule)
    }

    /// Asserts that nothing more comes.
    pub(super) fn is_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::ConnectionReset, "{e}"),
        }
        assert_eq!(rest, b"");
    }

    /// Makes a call and waits for its answer.
    pub(super) fn call(&mut self, kind: Kind, body: &[u8]) -> Result<Vec<u8>, Rule> {
        let sequence = self.ask(kind, body);
        let (header, body) = self.receive().unwrap();
        assert_eq!((header.sequence, header.kind), (sequence, kind));
        match header.flags {
            Flags::ANSWER => Ok(body),
            Flags::REFUSED => Err(Refusal::from_wire(&body).unwrap().rule),
            other => panic!("{other:?}"),
        }
    }

    /// Asks without minding that the signer may have closed.
    pub(super) fn ask_quietly(&mut self, kind: Kind) {
        let _closed = self.stream.write_all(&request(kind, 1, b""));
    }

    /// Makes a call while other answers are still due.
    pub(super) fn call_beside(&mut self, kind: Kind) -> Vec<u8> {
        let sequence = self.ask(kind, b"");
        let (header, body) = self.receive().unwrap();
        assert_eq!(header.sequence, sequence);
        body
    }
}
