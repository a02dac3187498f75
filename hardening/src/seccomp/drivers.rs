//! What signers need besides whose keys are not their own files.

use super::table::{Row, is, row};

/// Of signer-pkcs11: it starts the process that has the module again, and hands it a socket.
pub const ALLOWED_PKCS11: &[Row] = &[
    row!(SYS_socketpair, "makes the line to a new module process").when(&[&[is(
        0,
        libc::AF_UNIX,
        "`domain` is AF_UNIX",
    )]]),
    row!(SYS_sendmsg, "hands the line to the forker"),
    row!(SYS_recvmsg, "hears from the forker"),
];

/// Of signer-kms: connections to the service, and the runtime that waits for them.
pub const ALLOWED_KMS: &[Row] = &[
    row!(SYS_socket, "connects to the service, and asks for its address").when(&[
        &[is(0, libc::AF_INET, "`domain` is AF_INET")],
        &[is(0, libc::AF_INET6, "AF_INET6")],
    ]),
    row!(SYS_connect, "connects to the service"),
    row!(SYS_epoll_ctl, "waits for several connections"),
    row!(SYS_epoll_wait, "waits for several connections"),
    row!(SYS_writev, "sends a request"),
];
