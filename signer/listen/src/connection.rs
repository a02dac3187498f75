//! One connection: reads frames, holds them against the permit table, sends them on their way.

use std::io;
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use signer_proto::{Flags, HEADER, Header, Kind, Refusal, Rule, Wire};

use super::answer::Answering;
use super::cork::{self, corked};
use super::intake::Intake;
use super::outbox::Outbox;
use super::pool::{Job, Lane};
use super::request::{Body, Peer, Request, holds_secret};
use super::roll::Place;
use super::serve::{Door, House};

/// An admitted peer's connection.
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) house: Arc<House>,
    pub(super) door: Arc<Door>,
    /// Requests that are not answered yet.
    pub(super) in_flight: AtomicUsize,
    outbox: Arc<Outbox>,
}

/// Frames and their senders are at fault: the connection ends.
type Step = ControlFlow<()>;

impl Connection {
    /// Takes up a stream whose peer was admitted.
    pub(super) fn new(
        stream: UnixStream,
        peer: Peer,
        place: Place,
        house: Arc<House>,
        door: Arc<Door>,
    ) -> io::Result<Arc<Self>> {
        stream.set_read_timeout(Some(house.limits.frame_timeout))?;
        stream.set_write_timeout(Some(house.limits.write_timeout))?;
        let number = place.number();
        let held = Arc::clone(&door.held);
        let limit = house.limits.out_queue_bytes;
        let outbox = Arc::new(Outbox::new(stream, limit, held, place));
        house.roll.note(number, &outbox);
        Ok(Arc::new(Self { peer, house, door, in_flight: AtomicUsize::new(0), outbox }))
    }

    /// Puts an answer and writes it, unless this thread is corked.
    pub(super) fn put(&self, kind: Kind, flags: Flags, sequence: u32, body: Vec<u8>) {
        self.outbox.put(kind, flags, sequence, body);
        cork::flush(&self.outbox);
    }

    /// Reads until the peer or the house has enough.
    pub(super) fn run(self: &Arc<Self>) {
        let mut intake = Intake::default();
        let mut begun = None;
        loop {
            match intake.read(self.outbox.stream()) {
                Ok(0) => break self.ended(&intake),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // The peer sent nothing for the whole frame timeout.
                    if intake.is_partial() && self.is_overdue(begun) {
                        break self.stop(&intake, "the frame did not arrive whole in time");
                    }
                    continue;
                }
                Err(_) => break,
            }
            let received = Instant::now();
            let (step, last) = corked(|| self.take_frames(&mut intake, received));
            if let Some(job) = last {
                self.house.pool.run_or_put(job);
            }
            if step.is_break() {
                break self.outbox.close_when_written();
            }
            if !intake.is_partial() {
                begun = None;
            } else if self.is_overdue(Some(*begun.get_or_insert(received))) {
                break self.stop(&intake, "the frame did not arrive whole in time");
            }
        }
    }

    /// Takes every frame that is there. All calls but the last are on their way when this returns.
    fn take_frames(
        self: &Arc<Self>,
        intake: &mut Intake,
        received: Instant,
    ) -> (Step, Option<Job>) {
        let mut last = None;
        while let Some(octets) = intake.header() {
            let header = match self.check(octets) {
                Ok(header) => header,
                Err(refusal) => {
                    self.refuse(Some(octets), &refusal);
                    return (Step::Break(()), last);
                }
            };
            let secret = holds_secret(header.kind);
            let Some(body) = intake.take(header.length as usize, secret) else {
                break;
            };
            let job = self.job(&header, Body::new(header.kind, body), received);
            match job {
                None => {}
                Some(job) if Lane::of(header.kind) == Lane::Here => {
                    job.run(&*self.house.dispatch);
                }
                Some(job) => {
                    if let Some(before) = last.replace(job) {
                        self.house.pool.put(before);
                    }
                }
            }
        }
        (Step::Continue(()), last)
    }

    /// Holds a header against the protocol and the permit table of the socket.
    fn check(&self, octets: [u8; HEADER]) -> Result<Header, Refusal> {
        let header = Header::decode_request(octets)
            .map_err(|e| Refusal::new(Rule::FrameMalformed, e.to_string()))?;
        if header.kind.permitted_on(self.peer.socket) {
            return Ok(header);
        }
        let detail = format!("{} is not spoken on {}.sock", header.kind, self.peer.socket);
        Err(Refusal::new(Rule::KindNotPermitted, detail))
    }

    /// Takes a request in flight, or refuses it for want of room; the connection goes on.
    fn job(self: &Arc<Self>, header: &Header, body: Body, received: Instant) -> Option<Job> {
        let Header { kind, sequence, .. } = *header;
        let deadline = received + Duration::from_millis(u64::from(header.deadline_ms));
        match Answering::start(self, kind, sequence, deadline, body.len()) {
            Ok(answering) => Some(Job {
                request: Request { peer: self.peer, kind, body, received, deadline },
                answering,
            }),
            Err(refusal) => {
                self.house.dispatch.refused(&self.peer, Some(kind), &refusal);
                self.put(kind, Flags::REFUSED, sequence, refusal.to_wire());
                None
            }
        }
    }

    /// Refuses a frame by what is known of its header, and has it journaled.
    fn refuse(&self, header: Option<[u8; HEADER]>, refusal: &Refusal) {
        let [_, code, _, _, _, _, _, _, s0, s1, s2, s3, ..] = header.unwrap_or_default();
        let kind = Kind::from_code(code);
        self.house.dispatch.refused(&self.peer, kind, refusal);
        let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
        let kind = kind.unwrap_or(Kind::Health);
        self.put(kind, Flags::REFUSED, sequence, refusal.to_wire());
    }

    /// Ends the connection over a frame that is not whole.
    fn stop(self: &Arc<Self>, intake: &Intake, why: &str) {
        let refusal = Refusal::new(Rule::FrameMalformed, why);
        self.refuse(intake.header(), &refusal);
        self.outbox.close_when_written();
    }

    /// The peer sends nothing more. What it asked for before is still answered.
    fn ended(self: &Arc<Self>, intake: &Intake) {
        if intake.is_partial() && !self.house.closing.load(Ordering::Acquire) {
            self.stop(intake, "the connection ended inside a frame");
        }
    }

    fn is_overdue(&self, begun: Option<Instant>) -> bool {
        begun.is_some_and(|begun| begun.elapsed() >= self.house.limits.frame_timeout)
    }
}
