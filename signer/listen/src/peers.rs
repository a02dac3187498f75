//! Who may connect to which socket.

use std::io;
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use signer_proto::{Refusal, Rule, Socket};

use super::request::Peer;

/// The uid that the kernel shows for users who have none in our user namespace.
const OVERFLOW_UID: u32 = 65_534;

/// Who is admitted to a socket, besides what the mode of its file allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A peer with one of these uids or one of these (primary) gids.
    Listed {
        /// User ids.
        uids: Vec<u32>,
        /// Group ids.
        gids: Vec<u32>,
    },
    /// Whoever the mode and group of the socket's file let connect: the kernel shows a peer's
    /// primary group only, so membership in the admin group is held by the file.
    WhoeverReaches,
}

/// Who is admitted to which socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRules {
    /// To issue.sock.
    pub issue: Who,
    /// To status.sock.
    pub status: Who,
    /// To va.sock.
    pub va: Who,
    /// To admin.sock.
    pub admin: Who,
}

impl PeerRules {
    /// Holds a peer against the rules of its socket.
    pub(super) fn admit(&self, peer: &Peer) -> Result<(), Refusal> {
        let who = match peer.socket {
            Socket::Issue => &self.issue,
            Socket::Status => &self.status,
            Socket::Va => &self.va,
            Socket::Admin => &self.admin,
        };
        // Nobody knows who the overflow uid is: never admitted, even where it is listed.
        let admitted = peer.uid != OVERFLOW_UID
            && peer.uid != u32::MAX
            && match who {
                Who::Listed { uids, gids } => uids.contains(&peer.uid) || gids.contains(&peer.gid),
                Who::WhoeverReaches => true,
            };
        if admitted {
            Ok(())
        } else {
            let Peer { uid, socket, .. } = peer;
            let detail = format!("uid {uid} is not admitted to {socket}.sock");
            Err(Refusal::new(Rule::PeerNotAdmitted, detail))
        }
    }
}

/// Asks the kernel who connected. The process id is zero for a peer outside our PID namespace
/// (pid_namespaces(7)), as between containers; rustix's type for it has no zero.
pub(super) fn identify(stream: &UnixStream, socket: Socket) -> io::Result<Peer> {
    let credentials = getsockopt(stream, PeerCredentials)?;
    Ok(Peer { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid(), socket })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> PeerRules {
        let listed =
            |uids: &[u32], gids: &[u32]| Who::Listed { uids: uids.to_vec(), gids: gids.to_vec() };
        PeerRules {
            issue: listed(&[100, OVERFLOW_UID, u32::MAX], &[]),
            status: listed(&[100, 101], &[]),
            va: listed(&[], &[]),
            admin: Who::WhoeverReaches,
        }
    }

    #[test]
    fn refuses_every_uid_that_a_socket_does_not_list() {
        for (socket, uid, gid, admitted) in [
            (Socket::Issue, 100, 1, true),
            (Socket::Issue, 101, 1, false),
            (Socket::Issue, 0, 0, false),
            (Socket::Issue, OVERFLOW_UID, 1, false),
            (Socket::Issue, u32::MAX, 1, false),
            (Socket::Status, 101, 1, true),
            (Socket::Va, 100, 100, false),
            (Socket::Admin, 5, 5, true),
            (Socket::Admin, OVERFLOW_UID, 5, false),
        ] {
            let pid = 1;
            let peer = Peer { uid, gid, pid, socket };
            let found = rules().admit(&peer);
            let expected = if admitted { Ok(()) } else { Err(Rule::PeerNotAdmitted) };
            assert_eq!(found.map_err(|refusal| refusal.rule), expected, "{peer:?}");
        }
    }

    #[test]
    fn admits_by_group() {
        let mut rules = rules();
        rules.va = Who::Listed { uids: Vec::new(), gids: vec![7] };
        let peer = |gid| Peer { uid: 1, gid, pid: 1, socket: Socket::Va };
        assert_eq!(rules.admit(&peer(7)), Ok(()));
        assert!(rules.admit(&peer(8)).is_err());
    }
}
