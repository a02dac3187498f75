//! Leaves a process its own directories, with Landlock, and no capability.

use crate::report::{Item, Role};
use crate::seccomp::{self, SocketReach};
use crate::{capabilities, threads};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, make_bitflags,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Ipv4Addr, SocketAddrV4, SocketFlags, SocketType};
use std::path::Path;

/// The newest rights that are asked for; an older kernel enforces those that it knows.
const ASKED: ABI = ABI::V10;
/// What must be there for the item to be good: TCP is closed since ABI 4 (Linux 6.7).
const ENOUGH: i32 = 4;

/// What a process may do in one of its directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Make, read, write, rename and remove files and directories. Never execute.
    Own,
    /// Remove what lies there: sockets, at the end.
    Remove,
    /// Read files and list them.
    Read,
    /// Speak to a daemon by its socket.
    Connect,
}

/// What there is to allow of something that is no directory.
const OF_A_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | WriteFile | Truncate | ResolveUnix
});

impl Reach {
    fn rights(self) -> BitFlags<AccessFs> {
        match self {
            Self::Own => make_bitflags!(AccessFs::{
                ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir
            }),
            Self::Remove => make_bitflags!(AccessFs::{RemoveFile}),
            Self::Read => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
            Self::Connect => make_bitflags!(AccessFs::{ReadFile | WriteFile | ResolveUnix}),
        }
    }
}

/// Drops all capabilities, and closes every path but these, all TCP, other processes' signals and
/// abstract sockets; for good, for the calling thread and all that it starts.
///
/// Call it before the first thread, and after everything outside was opened: descriptors stay.
#[must_use]
pub fn confine(role: Role, places: &[(&Path, Reach)]) -> Vec<Item> {
    confine_to(role, places, &[])
}

/// Does as [`confine`]; a signer whose keys are in a cloud service, and who validates, may still
/// connect to these TCP ports, and to no other.
#[must_use]
pub fn confine_to(role: Role, places: &[(&Path, Reach)], ports: &[u16]) -> Vec<Item> {
    let connects = matches!(role, Role::SignerKms | Role::Validator);
    let ports = if connects { ports } else { &[] };
    let later = seccomp::deny_later(role);
    let items =
        [capabilities::drop_all(), landlock(role, places, ports), outside(), network(ports)];
    later.into_iter().chain(items).collect()
}

/// Leaves a PKCS#11 module the paths and TCP ports of its configuration, no capability, and of
/// sockets what `reach` says. As for [`confine`]: before the first thread, and before the module is
/// loaded.
#[must_use]
pub fn confine_module(places: &[(&Path, Reach)], ports: &[u16], reach: SocketReach) -> Vec<Item> {
    vec![
        capabilities::drop_all(),
        landlock(Role::Module, places, ports),
        seccomp::deny_sockets(reach),
        network(&[]),
    ]
}

fn landlock(role: Role, places: &[(&Path, Reach)], ports: &[u16]) -> Item {
    const NAME: &str = "landlock";
    match threads::count() {
        Ok(1) => {}
        Ok(count) => return Item::bad(NAME, format!("{count} threads run already")),
        Err(error) => return Item::bad(NAME, format!("/proc/self/task: {error}")),
    }
    let status = match enforce(role, places, ports) {
        Ok(status) => status,
        Err(error) => return Item::bad(NAME, error.to_string()),
    };
    match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => Item::bad(NAME, "this kernel has none"),
        (_, LandlockStatus::Available { effective_abi, kernel_abi }) => {
            let abi = kernel_abi.unwrap_or(effective_abi as i32);
            let found = format!("ABI {abi}, {} directories", places.len());
            if abi >= ENOUGH {
                Item::good(NAME, found)
            } else {
                Item::bad(NAME, format!("{found}; TCP is closed since ABI {ENOUGH}"))
            }
        }
        (_, other) => Item::bad(NAME, format!("{other:?}")),
    }
}

fn enforce(
    role: Role,
    places: &[(&Path, Reach)],
    ports: &[u16],
) -> Result<RestrictionStatus, String> {
    let mut rules = ruleset(role).map_err(|error| error.to_string())?;
    for (path, reach) in places {
        let place = PathFd::new(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let rights = if path.is_dir() { reach.rights() } else { reach.rights() & OF_A_FILE };
        let rule = PathBeneath::new(place, rights);
        rules = rules.add_rule(rule).map_err(|error| error.to_string())?;
    }
    for port in ports {
        let rule = NetPort::new(*port, AccessNet::ConnectTcp);
        rules = rules.add_rule(rule).map_err(|error| error.to_string())?;
    }
    rules.restrict_self().map_err(|error| error.to_string())
}

fn ruleset(role: Role) -> Result<RulesetCreated, RulesetError> {
    let net = match role {
        // Names are looked up by UDP, which the newest rights would close.
        Role::SignerKms | Role::Validator => AccessNet::from_all(ABI::V4),
        _ => AccessNet::from_all(ASKED),
    };
    Ruleset::default()
        .handle_access(AccessFs::from_all(ASKED))?
        .handle_access(net)?
        .scope(Scope::from_all(ASKED))?
        .create()
}

/// Opens what must not open.
fn outside() -> Item {
    const NAME: &str = "paths outside";
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened: Vec<_> = ["/", "/etc/passwd", "/proc/self/maps", "/dev/null"]
        .into_iter()
        .filter(|path| {
            let tried = rustix::fs::open(*path, flags, Mode::empty());
            !matches!(tried, Err(Errno::ACCESS | Errno::PERM | Errno::NOENT))
        })
        .collect();
    if opened.is_empty() {
        Item::good(NAME, "none opens")
    } else {
        Item::bad(NAME, format!("these open: {opened:?}"))
    }
}

/// Tries to listen on TCP.
fn network(ports: &[u16]) -> Item {
    const NAME: &str = "network";
    let tried = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = match tried {
        Err(error) => return Item::good(NAME, format!("no TCP: {error}")),
        Ok(socket) => socket,
    };
    match rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)) {
        Err(Errno::ACCESS) if ports.is_empty() => {
            Item::good(NAME, "TCP sockets can be made and not be used")
        }
        Err(Errno::ACCESS) => Item::good(NAME, format!("no listening; TCP to ports {ports:?}")),
        other => Item::bad(NAME, format!("TCP is not closed: {other:?}")),
    }
}
