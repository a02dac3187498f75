//! What signers need besides whose keys are not their own files, and what their processes do not.

use super::table::{Row, is, row};

/// Of signer-pkcs11: it takes over the lines to module processes that its forker starts.
pub const ALLOWED_PKCS11: &[Row] =
    &[row!(SYS_recvmsg, "takes the line to a new module process from the forker")];

/// What signer-pkcs11 and its forker are not denied at first: the one starts the other, and that
/// one the processes that have modules.
pub const EXECUTION: &[Row] = &[
    row!(SYS_execve, "starts another program: the forker is made before"),
    row!(SYS_execveat, "starts another program: the forker is made before"),
];

/// Of p11-module: nobody connects to it.
pub const DENIED_MODULE: &[Row] = &[
    row!(SYS_listen, "it is asked over the lines that it was started with"),
    row!(SYS_accept, "it is asked over the lines that it was started with"),
    row!(SYS_accept4, "it is asked over the lines that it was started with"),
];

/// Of p11-module, for modules that connect to nothing: they work on files, or on a device.
pub const DENIED_WITHOUT_SOCKETS: &[Row] = &[
    row!(SYS_socket, "the module's configuration names no port and no socket"),
    row!(SYS_connect, "the module's configuration names no port and no socket"),
    row!(SYS_bind, "the module's configuration names no port and no socket"),
];

/// Of signer-kms: connections to the service, the runtime that waits for them, and the C library's
/// resolver, which looks up the service's name.
pub const ALLOWED_KMS: &[Row] = &[
    row!(SYS_socket, "connects to the service, and asks for its address").when(&[
        &[is(0, libc::AF_INET, "`domain` is AF_INET")],
        &[is(0, libc::AF_INET6, "AF_INET6")],
        &[is(0, libc::AF_NETLINK, "AF_NETLINK: which addresses this machine has")],
        &[is(0, libc::AF_UNIX, "AF_UNIX: the name service cache, if there is one")],
    ]),
    row!(SYS_connect, "connects to the service, and to name servers; Landlock decides the ports"),
    row!(SYS_bind, "asks NETLINK which addresses this machine has")
        .when(&[&[is(2, NETLINK_ADDRESS, "`addrlen` is that of NETLINK's addresses alone")]])
        .kept(SORTING),
    row!(SYS_epoll_ctl, "waits for several connections"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_epoll_wait, "waits for several connections"),
    #[cfg(not(target_arch = "x86_64"))]
    row!(SYS_epoll_pwait, "waits for several connections"),
    row!(SYS_writev, "sends a request"),
    row!(SYS_getsockopt, "asks whether a connection was made").when(&[&[
        is(1, libc::SOL_SOCKET, "`level` is SOL_SOCKET"),
        is(2, libc::SO_ERROR, "`optname` is SO_ERROR"),
    ]]),
    row!(SYS_setsockopt, "has requests sent at once, and lost connections noticed").when(&[
        &[is(1, libc::IPPROTO_TCP, "`level` is IPPROTO_TCP")],
        &[
            is(1, libc::SOL_SOCKET, "`level` is SOL_SOCKET"),
            is(2, libc::SO_KEEPALIVE, "`optname` is SO_KEEPALIVE"),
        ],
        &[is(1, libc::IPPROTO_IP, "`level` is IPPROTO_IP, by the resolver")],
        &[is(1, libc::IPPROTO_IPV6, "`level` is IPPROTO_IPV6, by the resolver")],
    ]),
    row!(SYS_getsockname, "sorts the addresses of the service"),
    row!(SYS_getpeername, "asks who is at the other end"),
    row!(SYS_ioctl, "has connections not wait, and asks how much has come")
        .when(&[&[is(1, FIONBIO, "`op` is FIONBIO")], &[is(1, FIONREAD, "FIONREAD")]]),
    row!(SYS_sendmmsg, "asks name servers for both kinds of addresses"),
    row!(SYS_recvmsg, "hears from NETLINK").kept(SORTING),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_poll, "waits for name servers"),
    row!(SYS_newfstatat, "looks whether the resolver's files changed"),
    row!(SYS_fstat, "looks at the resolver's files").kept(OTHER_LIBC),
    row!(SYS_lseek, "reads the resolver's files"),
    row!(SYS_getdents64, "lists the certificates of CAs").kept(OTHER_STORE),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_readlink, "finds the certificates of CAs").kept(OTHER_STORE),
    row!(SYS_readlinkat, "finds the certificates of CAs").kept(OTHER_STORE),
    row!(SYS_uname, "asks for this machine's own domain").kept(OTHER_LIBC),
    row!(SYS_sched_yield, "lets another thread of the runtime go first").kept(RACE),
    row!(SYS_fcntl, "has a connection not wait")
        .when(&[&[is(1, libc::F_GETFL, "`cmd` is F_GETFL")], &[is(1, libc::F_SETFL, "F_SETFL")]]),
];

/// `sizeof(struct sockaddr_nl)`; no IPv4, IPv6 or local address can be listened on with it.
const NETLINK_ADDRESS: i32 = 12;
const FIONBIO: i32 = 0x5421;
const FIONREAD: i32 = 0x541b;
const OTHER_LIBC: &str = "another release of the C library does it another way";
const OTHER_STORE: &str = "where certificates are linked one by one, or renewed while it serves";
const SORTING: &str = "only for a name with several addresses, which are then sorted";
const RACE: &str = "only when two threads are in each other's way";
