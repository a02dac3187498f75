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
