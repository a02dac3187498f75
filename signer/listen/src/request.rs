//! What listening hands to the calls, and what it takes back.

use std::ops::Deref;
use std::time::Instant;

use signer_proto::{Kind, Refusal, Socket};
use zeroize::Zeroize;

/// Who is at the other end, as the kernel says (SO_PEERCRED).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user id when it connected.
    pub uid: u32,
    /// The group id when it connected.
    pub gid: u32,
    /// The process id when it connected, zero outside our PID namespace; for people only.
    pub pid: i32,
    /// The socket, which is the role.
    pub socket: Socket,
}

/// The body of a request. One that holds a secret is wiped when it is dropped.
pub struct Body {
    octets: Vec<u8>,
    secret: bool,
}

impl Body {
    /// Takes the body of a request of this kind.
    #[must_use]
    pub fn new(kind: Kind, octets: Vec<u8>) -> Self {
        let secret = holds_secret(kind);
        Self { octets, secret }
    }
}

/// Returns whether the body of a request of this kind holds a secret.
pub(super) fn holds_secret(kind: Kind) -> bool {
    matches!(kind, Kind::Unlock | Kind::UnlockShare | Kind::Seal | Kind::AdoptKey)
}

impl Deref for Body {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.octets
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.secret {
            self.octets.zeroize();
        }
    }
}

impl core::fmt::Debug for Body {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Body({} octets)", self.octets.len())
    }
}

/// A request whose frame is in order and whose kind its socket permits.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub peer: Peer,
    /// What for.
    pub kind: Kind,
    /// The call, encoded; nobody looked at it yet.
    pub body: Body,
    /// When the frame was read.
    pub received: Instant,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

/// Takes the encoded answer, however long, or the refusal.
///
/// It may be called on any thread and never blocks. Dropped uncalled it refuses with
/// `shutting-down`.
pub type Reply = Box<dyn FnOnce(Result<Vec<u8>, Refusal>) + Send>;

/// What stands behind the sockets.
pub trait Dispatch: Send + Sync + 'static {
    /// Makes the call. `reply` may be called later and from another thread.
    fn dispatch(&self, request: Request, reply: Reply);
    /// Takes note of a refusal that listening made itself: a frame, a peer, too much at once, too
    /// late. `kind` is none if no header was read.
    fn refused(&self, peer: &Peer, kind: Option<Kind>, refusal: &Refusal);
}
