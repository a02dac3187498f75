//! Opens the sockets, and closes them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signer_proto::Socket;

use super::accept;
use super::held::Held;
use super::limits::Limits;
use super::peers::PeerRules;
use super::pool::Pool;
use super::request::Dispatch;
use super::roll::Roll;
use super::sockets::{ListenError, SocketPaths, bind};

/// How often the shutdown looks whether all is answered.
const LOOK: Duration = Duration::from_millis(2);
/// Octets of the stack of a thread that only accepts.
const ACCEPT_STACK: usize = 128 * 1024;

/// What all connections share.
pub(super) struct House {
    pub(super) dispatch: Arc<dyn Dispatch>,
    pub(super) rules: PeerRules,
    pub(super) limits: Limits,
    pub(super) pool: Arc<Pool>,
    pub(super) roll: Arc<Roll>,
    pub(super) closing: AtomicBool,
    /// Requests that are not answered yet.
    pub(super) in_flight: AtomicUsize,
}

/// What the connections of one socket share.
pub(super) struct Door {
    pub(super) socket: Socket,
    /// Octets of requests that are not answered yet.
    pub(super) in_flight: AtomicUsize,
    /// What its connections hold for peers that do not read.
    pub(super) held: Arc<Held>,
}

/// Open sockets. Dropping this closes them.
pub struct Listening {
    paths: SocketPaths,
    house: Arc<House>,
    /// What runs, until it is shut down.
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Closing it wakes all that accept.
    wake: UnixStream,
    accepting: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
}

/// Listens on all four sockets of a ring.
pub fn serve(
    paths: SocketPaths,
    rules: PeerRules,
    limits: Limits,
    dispatch: Arc<dyn Dispatch>,
) -> Result<Listening, ListenError> {
    let limits = limits.fit_descriptors();
    let (pool, workers) =
        Pool::start(&limits, Arc::clone(&dispatch)).map_err(ListenError::Thread)?;
    let house = Arc::new(House {
        dispatch,
        rules,
        limits,
        pool,
        roll: Arc::default(),
        closing: AtomicBool::new(false),
        in_flight: AtomicUsize::new(0),
    });
    let (wake, woken) = UnixStream::pair().map_err(ListenError::Thread)?;
    let mut running = Running { wake, accepting: Vec::new(), workers };
    for socket in Socket::ALL {
        match open(&paths, *socket, &woken, &house) {
            Ok(thread) => running.accepting.push(thread),
            Err(e) => {
                running.end(&house);
                return Err(e);
            }
        }
    }
    Ok(Listening { paths, house, running: Mutex::new(Some(running)) })
}

fn open(
    paths: &SocketPaths,
    socket: Socket,
    woken: &UnixStream,
    house: &Arc<House>,
) -> Result<JoinHandle<()>, ListenError> {
    let listener = bind(paths, socket)?;
    let woken = woken.try_clone().map_err(ListenError::Thread)?;
    let house = Arc::clone(house);
    let door = Arc::new(Door {
        socket,
        in_flight: AtomicUsize::new(0),
        held: Arc::new(Held::new(&house.limits)),
    });
    thread::Builder::new()
        .name(format!("accept {socket}"))
        .stack_size(ACCEPT_STACK)
        .spawn(move || accept::run(&listener, &woken, &house, &door))
        .map_err(ListenError::Thread)
}

impl Listening {
    /// Returns where the sockets are.
    #[must_use]
    pub fn paths(&self) -> &SocketPaths {
        &self.paths
    }

    /// Takes no new connection and no new request, waits for the answers of those in flight as
    /// long as the limits say, and closes all connections.
    ///
    /// Whatever answers (the journal) is closed after this, not before.
    pub fn shutdown(&self) {
        let running = self.running.lock();
        let running = running.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            for socket in Socket::ALL {
                // Another one may have removed it already.
                let _gone = fs::remove_file(self.paths.path(*socket));
            }
            running.end(&self.house);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Running {
    fn end(self, house: &House) {
        house.closing.store(true, Ordering::Release);
        drop(self.wake);
        for thread in self.accepting {
            let _panicked = thread.join();
        }
        for connection in house.roll.open() {
            let _closed_before = connection.stream().shutdown(std::net::Shutdown::Read);
        }
        let start = Instant::now();
        let is_over = || start.elapsed() >= house.limits.grace;
        while house.in_flight.load(Ordering::Acquire) > 0 && !is_over() {
            thread::sleep(LOOK);
        }
        house.pool.close();
        for connection in house.roll.open() {
            connection.close_when_written();
        }
        while !house.roll.open().is_empty() && !is_over() {
            thread::sleep(LOOK);
        }
        for connection in house.roll.open() {
            connection.drop_connection();
        }
        // A call that hangs (in a driver) is not waited for: it ends with the process.
        while self.workers.iter().any(|t| !t.is_finished()) && !is_over() {
            thread::sleep(LOOK);
        }
    }
}
