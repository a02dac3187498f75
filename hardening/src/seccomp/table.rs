//! The tables: a call, under which condition, and why.
//!
//! `signer/file/tests/sandbox` drives a signer through all that it does under strace and fails on a
//! row of [`ALLOWED`] that was not used and carries no reason to be kept.

use core::fmt::Write as _;

/// A system call and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The constant's name.
    symbol: &'static str,
    /// The call's number on this processor.
    pub number: i64,
    /// Alternatives, each a list of tests that must all hold; empty: always.
    pub when: &'static [&'static [Test]],
    /// Why it stands here.
    pub why: &'static str,
    /// Why it is allowed although no test drives it.
    pub kept: Option<&'static str>,
}

/// A test of one argument.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// Which argument, from 0.
    pub argument: u8,
    /// Whether all 64 bits of it count, or the lower 32 as for an `int`.
    pub wide: bool,
    /// What it is held against.
    pub compare: Compare,
    /// The test in the words of the manual page.
    pub words: &'static str,
}

/// What an argument is held against.
#[derive(Debug, Clone, Copy)]
pub enum Compare {
    /// It is this.
    Is(u64),
    /// It is anything else.
    IsNot(u64),
    /// The bits of the mask are these.
    Masked {
        /// Which bits count.
        mask: u64,
        /// What they are.
        value: u64,
    },
}

impl Row {
    /// Returns the call's name as the manual has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.symbol.strip_prefix("SYS_").unwrap_or(self.symbol)
    }

    /// Returns the condition in words.
    #[must_use]
    pub fn condition(&self) -> String {
        let mut text = String::new();
        for (place, tests) in self.when.iter().enumerate() {
            let words: Vec<_> = tests.iter().map(|test| test.words).collect();
            // Writing to a String cannot fail.
            let _ =
                write!(text, "{}{}", if place == 0 { "" } else { "; or " }, words.join(" and "));
        }
        text
    }

    pub(super) const fn new(symbol: &'static str, number: i64, why: &'static str) -> Self {
        Self { symbol, number, when: &[], why, kept: None }
    }

    pub(super) const fn when(self, when: &'static [&'static [Test]]) -> Self {
        Self { when, ..self }
    }

    pub(super) const fn kept(self, why: &'static str) -> Self {
        Self { kept: Some(why), ..self }
    }
}

macro_rules! row {
    ($symbol:ident, $why:expr) => {
        Row::new(stringify!($symbol), libc::$symbol, $why)
    };
}
pub(super) use row;

pub(super) const fn is(argument: u8, value: i32, words: &'static str) -> Test {
    Test { argument, wide: false, compare: Compare::Is(value as u32 as u64), words }
}

const fn is_not(argument: u8, value: i32, words: &'static str) -> Test {
    Test { argument, wide: false, compare: Compare::IsNot(value as u32 as u64), words }
}

const fn masked(argument: u8, mask: i32, value: i32, words: &'static str) -> Test {
    let (mask, value) = (mask as u32 as u64, value as u32 as u64);
    Test { argument, wide: true, compare: Compare::Masked { mask, value }, words }
}

const NOT_EXECUTABLE: &[Test] = &[masked(2, libc::PROT_EXEC, 0, "no PROT_EXEC in `prot`")];
const THREAD: i32 = libc::CLONE_VM | libc::CLONE_THREAD;

/// What a signer that serves needs, and nothing else: whatever is not here kills it.
pub const ALLOWED: &[Row] = &[
    // Connections that are there.
    row!(SYS_accept4, "takes a connection to one of the four sockets"),
    row!(SYS_ppoll, "waits for connections, and for the word to end"),
    row!(SYS_recvfrom, "reads requests, and the word to end"),
    row!(SYS_sendto, "writes answers, and wakes the thread of signals"),
    row!(SYS_shutdown, "ends a connection"),
    row!(SYS_setsockopt, "sets the times that a peer may take").when(&[
        &[
            is(1, libc::SOL_SOCKET, "`level` is SOL_SOCKET"),
            is(2, libc::SO_RCVTIMEO, "`optname` is SO_RCVTIMEO"),
        ],
        &[
            is(1, libc::SOL_SOCKET, "`level` is SOL_SOCKET"),
            is(2, libc::SO_SNDTIMEO, "`optname` is SO_SNDTIMEO"),
        ],
    ]),
    row!(SYS_getsockopt, "asks the kernel who a peer is").when(&[&[
        is(1, libc::SOL_SOCKET, "`level` is SOL_SOCKET"),
        is(2, libc::SO_PEERCRED, "`optname` is SO_PEERCRED"),
    ]]),
    row!(SYS_fcntl, "gives reader and writer of a connection a descriptor each").when(&[
        &[is(1, libc::F_DUPFD_CLOEXEC, "`cmd` is F_DUPFD_CLOEXEC")],
        &[is(1, libc::F_GETFD, "F_GETFD, by which a debug build checks what it closes")],
    ]),
    // Files; Landlock decides which.
    row!(SYS_openat, "opens segments of the journal and key files"),
    row!(SYS_close, "closes files and connections"),
    row!(SYS_statx, "looks at a file: its length, and whether its name is still its own"),
    row!(SYS_read, "reads key files, and whether the parent is still there"),
    row!(SYS_pread64, "reads the journal"),
    row!(SYS_pwrite64, "appends to the journal"),
    row!(SYS_write, "writes key files, the log, and `ready`"),
    row!(SYS_fdatasync, "makes leaves durable"),
    row!(SYS_fsync, "makes key files and names durable"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_rename, "gives a segment of the journal its name"),
    row!(SYS_renameat2, "gives a key file its name, never another's"),
    #[cfg(not(target_arch = "x86_64"))]
    row!(SYS_renameat, "gives a segment of the journal its name"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_unlink, "removes the sockets at the end, and what a crash left unnamed"),
    #[cfg(not(target_arch = "x86_64"))]
    row!(SYS_unlinkat, "removes the sockets at the end, and what a crash left unnamed"),
    // Memory that is never executable.
    row!(SYS_mmap, "allocates").when(&[NOT_EXECUTABLE]),
    row!(SYS_mprotect, "gives an arena or a stack its pages").when(&[NOT_EXECUTABLE]),
    row!(SYS_munmap, "gives memory back"),
    row!(SYS_mremap, "grows a large allocation")
        .kept("from 128 KiB on, which the lists of a ring reach only after years"),
    row!(SYS_madvise, "gives a stack's pages back"),
    row!(SYS_brk, "allocates").kept("the first thread's heap grows by it, at times of its own"),
    // Threads of this process, and their waiting.
    row!(SYS_clone, "starts a thread: one for each connection").when(&[&[masked(
        0,
        THREAD,
        THREAD,
        "`flags` have CLONE_VM and CLONE_THREAD",
    )]]),
    row!(SYS_clone3, "is answered ENOSYS by the first stage, so that `clone` is called"),
    row!(SYS_set_robust_list, "is called by the C library in a new thread"),
    row!(SYS_rseq, "is called by the C library in a new thread"),
    row!(SYS_gettid, "is asked in a new thread, for the word of an overflow"),
    row!(SYS_sigaltstack, "gives a thread the stack on which an overflow of its own is told"),
    row!(SYS_rt_sigprocmask, "is called by the C library around the start of a thread"),
    row!(SYS_sched_getaffinity, "is called by the C library for a thread's stack, and for a count"),
    row!(SYS_prctl, "names a thread").when(&[&[is(0, libc::PR_SET_NAME, "`op` is PR_SET_NAME")]]),
    row!(SYS_futex, "waits for another thread"),
    row!(SYS_clock_nanosleep, "waits a moment, where no descriptor is left or calls end"),
    row!(SYS_rt_sigreturn, "returns from the handler of SIGTERM and SIGINT"),
    row!(SYS_exit, "ends a thread"),
    row!(SYS_exit_group, "ends the process"),
    row!(SYS_getpid, "names the process to itself in abort()").kept(ABORT),
    row!(SYS_rt_sigaction, "lets the signal of a fault end the process")
        .when(&[
            &[is(0, libc::SIGABRT, "`signum` is SIGABRT")],
            &[is(0, libc::SIGSEGV, "SIGSEGV")],
            &[is(0, libc::SIGBUS, "SIGBUS")],
        ])
        .kept(ABORT),
    row!(SYS_tgkill, "raises SIGABRT in abort()")
        .when(&[&[is(2, libc::SIGABRT, "`sig` is SIGABRT")]])
        .kept(ABORT),
    row!(SYS_getrandom, "draws nonces, keys and serials"),
];

/// What a signer calls besides, between its exec and the moment when it is sealed: for filters that
/// are put around it from outside (deploy/), before it runs.
pub const STARTING: &[Row] = &[
    row!(SYS_execve, "is how it is started; the first stage forbids it from then on"),
    // The C library and Rust's runtime.
    #[cfg(target_arch = "x86_64")]
    row!(SYS_access, LOADER),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_arch_prctl, LOADER),
    row!(SYS_newfstatat, LOADER),
    row!(SYS_set_tid_address, LOADER),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_poll, "looks whether the standard streams are open"),
    row!(SYS_lseek, "reads the map of its memory, and directories"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_open, "looks for means of randomness"),
    // What it gives up, and how it looks that it is gone.
    row!(SYS_umask, "gives new files to their owner alone"),
    row!(SYS_prlimit64, "forbids cores, raises the limits of descriptors and of locked memory"),
    row!(SYS_memfd_secret, "makes the secret memory"),
    row!(SYS_ftruncate, "gives the secret memory its length, cuts a torn end of the journal"),
    row!(SYS_mlockall, "keeps all memory out of swap")
        .kept("only where the limit of locked memory is 512 MiB, as in the unit"),
    row!(SYS_mlock, "locks the memory of the secrets").kept("only without memfd_secret"),
    row!(SYS_capget, "looks which capabilities there are"),
    row!(SYS_capset, "gives them up").kept("only where there are any"),
    row!(SYS_seccomp, "puts the filters in force"),
    row!(SYS_landlock_create_ruleset, "closes paths"),
    row!(SYS_landlock_add_rule, "closes paths"),
    row!(SYS_landlock_restrict_self, "closes paths"),
    // The ring and its sockets.
    row!(SYS_geteuid, "looks whether the ring is its own"),
    row!(SYS_getegid, "gives admin.sock to its own group"),
    row!(SYS_flock, "takes the ring's lock"),
    row!(SYS_getdents64, "lists the journal, its descriptors and its threads"),
    row!(SYS_socket, "makes the four sockets"),
    row!(SYS_socketpair, "makes what tells threads to end"),
    row!(SYS_bind, "makes the four sockets"),
    row!(SYS_listen, "makes the four sockets"),
    row!(SYS_ioctl, "has them not wait"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_chmod, "gives a socket its mode before it has its name"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_chown, "gives a socket its group before it has its name"),
    #[cfg(target_arch = "x86_64")]
    row!(SYS_mkdir, "makes their directory, if it is not there"),
];

/// What neither process ever needs.
pub const DENIED: &[Row] = &[
    row!(SYS_ptrace, DEBUG),
    row!(SYS_process_vm_readv, DEBUG),
    row!(SYS_process_vm_writev, DEBUG),
    row!(SYS_process_madvise, DEBUG),
    row!(SYS_kcmp, DEBUG),
    row!(SYS_pidfd_getfd, DEBUG),
    row!(SYS_io_uring_setup, "does what no filter sees"),
    row!(SYS_io_uring_enter, "does what no filter sees"),
    row!(SYS_io_uring_register, "does what no filter sees"),
    row!(SYS_userfaultfd, "widens races in the kernel"),
    row!(SYS_bpf, KERNEL),
    row!(SYS_perf_event_open, KERNEL),
    row!(SYS_kexec_load, KERNEL),
    row!(SYS_init_module, KERNEL),
    row!(SYS_finit_module, KERNEL),
    row!(SYS_delete_module, KERNEL),
    row!(SYS_reboot, KERNEL),
    row!(SYS_syslog, KERNEL),
    row!(SYS_acct, KERNEL),
    row!(SYS_quotactl, KERNEL),
    row!(SYS_swapon, KERNEL),
    row!(SYS_swapoff, KERNEL),
    row!(SYS_personality, "turns protections of memory off"),
    row!(SYS_mount, MOUNTS),
    row!(SYS_umount2, MOUNTS),
    row!(SYS_pivot_root, MOUNTS),
    row!(SYS_chroot, MOUNTS),
    row!(SYS_move_mount, MOUNTS),
    row!(SYS_open_tree, MOUNTS),
    row!(SYS_fsopen, MOUNTS),
    row!(SYS_fsconfig, MOUNTS),
    row!(SYS_fsmount, MOUNTS),
    row!(SYS_fspick, MOUNTS),
    row!(SYS_mount_setattr, MOUNTS),
    row!(SYS_open_by_handle_at, "opens a file past every path"),
    row!(SYS_fanotify_init, "watches other processes' files"),
    row!(SYS_unshare, NAMESPACES),
    row!(SYS_setns, NAMESPACES),
    row!(SYS_clone, NAMESPACES).when(&[
        &[new(libc::CLONE_NEWUSER, "`flags` have CLONE_NEWUSER")],
        &[new(libc::CLONE_NEWNS, "CLONE_NEWNS")],
        &[new(libc::CLONE_NEWNET, "CLONE_NEWNET")],
        &[new(libc::CLONE_NEWPID, "CLONE_NEWPID")],
        &[new(libc::CLONE_NEWIPC, "CLONE_NEWIPC")],
        &[new(libc::CLONE_NEWUTS, "CLONE_NEWUTS")],
        &[new(libc::CLONE_NEWCGROUP, "CLONE_NEWCGROUP")],
    ]),
    row!(SYS_keyctl, "reaches the user's keyrings"),
    row!(SYS_add_key, "reaches the user's keyrings"),
    row!(SYS_request_key, "reaches the user's keyrings"),
    row!(SYS_settimeofday, CLOCK),
    row!(SYS_clock_settime, CLOCK),
    row!(SYS_adjtimex, CLOCK),
    row!(SYS_clock_adjtime, CLOCK),
    row!(SYS_setuid, IDENTITY),
    row!(SYS_setgid, IDENTITY),
    row!(SYS_setreuid, IDENTITY),
    row!(SYS_setregid, IDENTITY),
    row!(SYS_setresuid, IDENTITY),
    row!(SYS_setresgid, IDENTITY),
    row!(SYS_setgroups, IDENTITY),
    row!(SYS_setfsuid, IDENTITY),
    row!(SYS_setfsgid, IDENTITY),
    row!(SYS_execve, "starts another program: neither does"),
    row!(SYS_execveat, "starts another program: neither does"),
];

/// What the signer needs less than the server: it has no network.
pub const DENIED_SIGNER: &[Row] = &[
    row!(SYS_socket, NETWORK).when(&[&[NO_UNIX]]),
    row!(SYS_socketpair, NETWORK).when(&[&[NO_UNIX]]),
    row!(SYS_connect, "it is connected to, and connects to nothing"),
];

/// What the server needs less than everybody: its sockets are local, IPv4 or IPv6, and NETLINK
/// tells the C library's resolver the machine's addresses.
pub const DENIED_SERVER: &[Row] = &[row!(SYS_socket, NETWORK).when(&[&[
    is_not(0, libc::AF_UNIX, "`domain` is not AF_UNIX"),
    is_not(0, libc::AF_INET, "not AF_INET"),
    is_not(0, libc::AF_INET6, "not AF_INET6"),
    is_not(0, libc::AF_NETLINK, "not AF_NETLINK"),
]])];

/// What who validates needs less than everybody: its resolver is its own, without NETLINK.
pub const DENIED_VALIDATOR: &[Row] = &[row!(SYS_socket, NETWORK).when(&[&[
    is_not(0, libc::AF_UNIX, "`domain` is not AF_UNIX"),
    is_not(0, libc::AF_INET, "not AF_INET"),
    is_not(0, libc::AF_INET6, "not AF_INET6"),
]])];

/// What who validates needs no more once its own socket listens.
pub const DENIED_LISTENING: &[Row] =
    &[row!(SYS_listen, "nobody but the server ever connects to it")];

/// Its flags lie in memory, where no filter sees them: the C library takes `clone` instead.
pub const UNREADABLE: &[Row] =
    &[row!(SYS_clone3, "its flags lie in memory; the C library then calls `clone`")];

const ABORT: &str = "a panic or a fault ends the process by its own signal, not as an attack does";
const LOADER: &str = "is called by the loader of programs, or the C library's start";
const DEBUG: &str = "reaches into another process";
const KERNEL: &str = "changes or watches the kernel";
const MOUNTS: &str = "changes what a path means";
const NAMESPACES: &str = "makes a namespace, and with it capabilities";
const CLOCK: &str = "sets the clock";
const IDENTITY: &str = "becomes another user";
const NETWORK: &str = "speaks another protocol than it needs";
const NO_UNIX: Test = is_not(0, libc::AF_UNIX, "`domain` is not AF_UNIX");

const fn new(flag: i32, words: &'static str) -> Test {
    masked(0, flag, flag, words)
}
