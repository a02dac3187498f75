//! Takes connections: who it is, whether there is room, and a thread for each.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SendFlags, send};
use signer_proto::{Flags, Header, Kind, Refusal, Rule, Wire};

use super::connection::Connection;
use super::peers::identify;
use super::pool::STACK;
use super::request::Peer;
use super::serve::{Door, House};

/// How long to wait when the process has no descriptor left.
const BREATH: Duration = Duration::from_millis(50);

/// Takes connections until the other end of `wake` is closed.
pub(super) fn run(
    listener: &UnixListener,
    wake: &UnixStream,
    house: &Arc<House>,
    door: &Arc<Door>,
) {
    loop {
        let mut ready = [PollFd::new(listener, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        if poll(&mut ready, None).is_err() {
            continue;
        }
        let [_, woken] = &ready;
        if !woken.revents().is_empty() {
            return;
        }
        match listener.accept() {
            Ok((stream, _)) => welcome(stream, house, door),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            // EMFILE and the like: the connections that are there go on.
            Err(_) => thread::sleep(BREATH),
        }
    }
}

/// Starts a connection, or says why not and closes.
fn welcome(stream: UnixStream, house: &Arc<House>, door: &Arc<Door>) {
    // A peer that the kernel cannot name is nobody.
    let Ok(peer) = identify(&stream, door.socket) else {
        return;
    };
    if let Err(refusal) = start(&stream, peer, house, door) {
        house.dispatch.refused(&peer, None, &refusal);
        turn_away(&stream, &refusal);
    }
}

fn start(
    stream: &UnixStream,
    peer: Peer,
    house: &Arc<House>,
    door: &Arc<Door>,
) -> Result<(), Refusal> {
    house.rules.admit(&peer)?;
    let place = house.roll.enter(&peer, &house.limits)?;
    let overloaded = |e: io::Error| Refusal::new(Rule::Overloaded, e.to_string());
    let own = stream.try_clone().map_err(overloaded)?;
    let house = Arc::clone(house);
    let connection = Connection::new(own, peer, place, house, Arc::clone(door));
    let connection = connection.map_err(overloaded)?;
    thread::Builder::new()
        .name(format!("{}.sock", door.socket))
        .stack_size(STACK)
        .spawn(move || connection.run())
        .map_err(overloaded)?;
    Ok(())
}

/// Sends a refusal that answers no request, without waiting for the peer.
fn turn_away(stream: &UnixStream, refusal: &Refusal) {
    let body = refusal.to_wire();
    let header = Header {
        kind: Kind::Health,
        flags: Flags::REFUSED,
        length: u32::try_from(body.len()).unwrap_or(0),
        sequence: 0,
        deadline_ms: 0,
    };
    let frame = [header.encode().as_slice(), &body].concat();
    // The peer is turned away whether it listens or not.
    let _sent = send(stream, &frame, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}
