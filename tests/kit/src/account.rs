//! Other users, for a thread: whoever connects or starts a program in it does so as them.

use std::thread;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use signer_proto::Socket;

/// The group that may reach issue.sock, status.sock and va.sock.
pub(crate) const SERVER_GROUP: u32 = 48_621;

/// A user that nobody else on this machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user id; the primary group has the same number.
    pub uid: u32,
    groups: &'static [u32],
}

impl Account {
    /// Keeps the ring.
    pub const SIGNER: Self = Self { uid: 48_620, groups: &[SERVER_GROUP] };
    /// The attacker: issue.sock and status.sock.
    pub const SERVER: Self = Self { uid: 48_621, groups: &[] };
    /// Validates: va.sock.
    pub const VA: Self = Self { uid: 48_622, groups: &[SERVER_GROUP] };
    /// Makes authority: admin.sock, which has the signer's own group.
    pub const ADMIN: Self = Self { uid: 48_623, groups: &[Self::SIGNER.uid] };

    /// Returns who speaks on a socket.
    #[must_use]
    pub fn on(socket: Socket) -> Self {
        match socket {
            Socket::Issue | Socket::Status => Self::SERVER,
            Socket::Va => Self::VA,
            Socket::Admin => Self::ADMIN,
        }
    }

    /// Does something as this user, in a thread of its own: the kernel keeps credentials by
    /// thread, connections are made with those of the thread, and children inherit them.
    ///
    /// # Panics
    /// If this process is not root's, or the thread panics.
    pub fn act<T: Send>(self, act: impl FnOnce() -> T + Send) -> T {
        let taken = || {
            let gid = Gid::from_raw(self.uid);
            let uid = Uid::from_raw(self.uid);
            let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
            set_thread_groups(&groups).expect("root sets groups");
            set_thread_res_gid(gid, gid, gid).expect("root sets the group");
            set_thread_res_uid(uid, uid, uid).expect("root sets the user");
            act()
        };
        thread::scope(|scope| scope.spawn(taken).join().expect("no panic as another user"))
    }
}
