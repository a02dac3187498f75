//! Opens the sockets, and closes them.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
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

/// Sockets that peers can connect to and that nobody answers yet: all descriptors that listening
/// needs are made, so that the process can forbid itself to make another. Dropping this removes
/// the sockets' files.
pub struct Bound {
    paths: SocketPaths,
    limits: Limits,
    /// Gone when they are served.
    doors: Option<Doors>,
}

struct Doors {
    listeners: Vec<(Socket, UnixListener)>,
    wake: UnixStream,
    woken: UnixStream,
}

/// Makes all four sockets of a ring, and has room made for their connections.
pub fn bind_all(paths: SocketPaths, limits: Limits) -> Result<Bound, ListenError> {
    let limits = limits.fit_descriptors();
    let (wake, woken) = UnixStream::pair().map_err(ListenError::Thread)?;
    let mut doors = Doors { listeners: Vec::new(), wake, woken };
    let mut bound = Bound { paths, limits, doors: None };
    for socket in Socket::ALL {
        match bind(&bound.paths, *socket) {
            Ok(listener) => doors.listeners.push((*socket, listener)),
            Err(e) => {
                bound.doors = Some(doors);
                return Err(e);
            }
        }
    }
    bound.doors = Some(doors);
    Ok(bound)
}

/// Listens on all four sockets of a ring.
pub fn serve(
    paths: SocketPaths,
    rules: PeerRules,
    limits: Limits,
    dispatch: Arc<dyn Dispatch>,
) -> Result<Listening, ListenError> {
    bind_all(paths, limits)?.serve(rules, dispatch)
}

impl Bound {
    /// Answers whoever connects.
    ///
    /// # Errors
    /// [`ListenError::Thread`].
    pub fn serve(
        mut self,
        rules: PeerRules,
        dispatch: Arc<dyn Dispatch>,
    ) -> Result<Listening, ListenError> {
        let limits = self.limits;
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
        let gone = || ListenError::Thread(std::io::ErrorKind::NotConnected.into());
        let Doors { listeners, wake, woken } = self.doors.take().ok_or_else(gone)?;
        let mut running = Running { wake, accepting: Vec::new(), workers };
        for (socket, listener) in listeners {
            match open(socket, listener, &woken, &house) {
                Ok(thread) => running.accepting.push(thread),
                Err(e) => {
                    remove_files(&self.paths);
                    running.end(&house);
                    return Err(e);
                }
            }
        }
        let paths = self.paths.clone();
        Ok(Listening { paths, house, running: Mutex::new(Some(running)) })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.doors.is_some() {
            remove_files(&self.paths);
        }
    }
}

fn remove_files(paths: &SocketPaths) {
    for socket in Socket::ALL {
        // Another one may have removed it already.
        let _gone = fs::remove_file(paths.path(*socket));
    }
}

fn open(
    socket: Socket,
    listener: UnixListener,
    woken: &UnixStream,
    house: &Arc<House>,
) -> Result<JoinHandle<()>, ListenError> {
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
            remove_files(&self.paths);
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
