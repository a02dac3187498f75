//! Real processes: `chancery up` in a temporary directory, or signer and server started apart.

mod api;
mod beside;
mod cloud;
mod custody;
mod openssl;
mod servers;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub use api::{Api, Response};
pub use openssl::{Openssl, has_ocsp_status, run};
pub use servers::ServerBeside;
pub use status::http_get;

use custody::{Custody, signer_of};

use crate::{Process, program};

/// How long the stack may take to be ready.
const START: Duration = Duration::from_secs(40);

/// Where certificates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file in the data directory.
    Sqlite,
    /// A fresh database of the tests' PostgreSQL, by its URL.
    Postgres(String),
}

impl Database {
    /// Makes a fresh PostgreSQL database; none, with a line that says so, where it is not
    /// installed.
    ///
    /// # Panics
    /// If it is missing and `CHANCERY_NO_SKIP=1` forbids skipping.
    #[must_use]
    pub fn postgres() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = match store::testing::Postgres::shared() {
            Ok(server) => server,
            Err(missing) => {
                store::testing::skip(&missing);
                return None;
            }
        };
        let name = runtime.block_on(server.fresh_database_name());
        let host = server.folder().display();
        Some(Self::Postgres(format!("postgres://postgres@localhost:5432/{name}?host={host}")))
    }
}

/// Lets a child run as the owner of a file, if that is somebody else.
fn as_owner_of(command: &mut Command, path: &Path) {
    let owner = fs::metadata(path).expect("the file is there");
    if rustix::process::getuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
}

/// A data directory and the processes that use it.
pub struct Stack {
    dir: TempDir,
    database: Database,
    arguments: Vec<String>,
    custody: Custody,
    https: u16,
    http: u16,
    /// Under which uid `up` runs, if not under that of the tests.
    uid: Option<u32>,
    up: Option<Process>,
    signer: Option<Process>,
    server: Option<Process>,
    validator: Option<Process>,
    /// Signers of rings beside the first, by the server's names of them.
    beside: BTreeMap<String, Process>,
}

/// Says as which user `up` runs the signer: of its own as root, see cli/src/up/identity.rs.
#[must_use]
pub fn signer_user(up: Option<u32>) -> u32 {
    const FALLBACK: u32 = 64_801;
    let own = up.unwrap_or_else(crate::uid);
    if own != 0 {
        return own;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = passwd.lines().find_map(|line| line.strip_prefix("chancery-signer:"));
    let uid = line.and_then(|rest| rest.split(':').nth(1)?.parse().ok());
    uid.unwrap_or(FALLBACK)
}

/// Finds a port of 127.0.0.1 that nobody uses now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Stack {
    /// Runs `chancery up` with SQLite.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Database::Sqlite, &[])
    }

    /// Runs `chancery up` with a database and more arguments.
    #[must_use]
    pub fn start_with(database: Database, arguments: &[&str]) -> Self {
        let mut stack = Self::prepare(database, arguments);
        stack.up();
        stack
    }

    /// Runs `chancery up` as another user, as only root may.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_as(uid: u32, database: Database, arguments: &[&str]) -> Self {
        let mut stack = Self::prepare(database, arguments);
        stack.uid = Some(uid);
        std::os::unix::fs::chown(stack.dir.path(), Some(uid), Some(uid)).expect("its owner");
        stack.up();
        stack
    }

    /// Returns what `chancery up` printed.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn screen(&self) -> String {
        self.up.as_ref().expect("`chancery up` runs").text()
    }

    /// Chooses directory and ports, and starts nothing.
    ///
    /// # Panics
    /// If there is no temporary directory.
    #[must_use]
    pub fn prepare(database: Database, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Started by root, signer and server are other users, who pass through here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let custody = Custody::chosen(arguments);
        let mut told: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        told.extend(custody.arguments());
        Self {
            dir,
            database,
            arguments: told,
            custody,
            https: free_port(),
            http: free_port(),
            uid: None,
            up: None,
            signer: None,
            server: None,
            validator: None,
            beside: BTreeMap::new(),
        }
    }

    /// Runs `chancery up` and waits until it is ready.
    ///
    /// # Panics
    /// If it is not.
    pub fn up(&mut self) {
        self.custody.give_to(signer_user(self.uid));
        let mut command = Command::new(program("chancery"));
        command.arg("up").arg("--data").arg(self.data());
        command.arg("--https").arg(format!("127.0.0.1:{}", self.https));
        command.arg("--http").arg(format!("127.0.0.1:{}", self.http));
        if let Database::Postgres(url) = &self.database {
            command.arg("--database").arg(url);
        }
        command.args(&self.arguments);
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        let up = Process::start("chancery up", command);
        up.await_line("Ctrl-C ends signer and server", START);
        // The last line comes a moment before `up` listens to signals.
        std::thread::sleep(Duration::from_millis(50));
        self.up = Some(up);
    }

    /// Ends `chancery up` in order, as Ctrl-C would.
    ///
    /// # Panics
    /// If it does not end well.
    pub fn down(&mut self) {
        if let Some(up) = self.up.take() {
            let (status, text) = up.end();
            assert!(status.success(), "`chancery up` ended with {status}: {text}");
        }
    }

    /// Makes everything by `up`, and then starts signer and server apart, so that each can be
    /// killed by itself.
    #[must_use]
    pub fn start_apart(database: Database, arguments: &[&str]) -> Self {
        let mut stack = Self::start_with(database, arguments);
        stack.down();
        stack.start_signer();
        stack.start_server();
        stack
    }

    /// Starts the signer as `up` does.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start_signer(&mut self) {
        let (signer, _) = signer_of(&self.data());
        self.start_signer_by(Command::new(program(signer)), true);
    }

    /// Starts the signer under another program, as the tests' own user; it takes the signer and
    /// its arguments last.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start_signer_under(&mut self, other: &Path, arguments: &[&str]) {
        let mut command = Command::new(other);
        command.args(arguments).arg(program(signer_of(&self.data()).0));
        self.start_signer_by(command, false);
    }

    fn start_signer_by(&mut self, mut command: Command, as_owner: bool) {
        let (name, more) = signer_of(&self.data());
        command.arg("serve").arg("--ring").arg(self.ring()).args(more);
        command.arg("--run").arg(self.run_dir());
        command.arg("--unlock-credential").arg(self.data().join("unlock.key"));
        // It ends with the tests, also below a tracer that is killed.
        command.arg("--parent-pipe");
        if as_owner {
            as_owner_of(&mut command, &self.data().join("signer"));
        }
        let signer = Process::start(name, command);
        signer.await_line("ready", START);
        self.signer = Some(signer);
    }

    /// Starts the server as `up` does.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start_server(&mut self) {
        let server = self.daemon("chancery-server", "server");
        self.server = Some(server);
    }

    /// Starts the validation authority as `up` does, of a stack that was started apart.
    ///
    /// # Panics
    /// If it is not ready in time.
    pub fn start_validator(&mut self) {
        let validator = self.daemon("chancery-va", "va");
        self.validator = Some(validator);
    }

    /// Starts a program with the configuration that `up` wrote for it, as its folder's owner.
    fn daemon(&self, name: &'static str, folder: &str) -> Process {
        let mut command = Command::new(program(name));
        let config = self.data().join(folder);
        command.arg("serve").arg("--config").arg(config.join(format!("{folder}.toml")));
        as_owner_of(&mut command, &config);
        let process = Process::start(name, command);
        process.await_line("ready", START);
        process
    }

    /// Kills the signer (SIGKILL).
    ///
    /// # Panics
    /// If it was not started apart.
    pub fn kill_signer(&mut self) {
        self.signer.take().expect("the signer runs apart").kill();
    }

    /// Asks a process to end (SIGTERM), the signer or one that a tracer started for it, and waits
    /// until the signer, or its tracer, did.
    ///
    /// # Panics
    /// If it was not started apart, or does not end.
    pub fn end_signer(&mut self, id: u32) {
        let pid = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
        let asked =
            pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        assert_eq!(asked, Some(Ok(())), "{id}");
        self.signer.take().expect("the signer runs apart").await_end();
    }

    /// Returns the process id of what was started as the signer.
    ///
    /// # Panics
    /// If it was not started apart.
    #[must_use]
    pub fn signer_id(&self) -> u32 {
        self.signer.as_ref().expect("the signer runs apart").id()
    }

    /// Kills the server (SIGKILL).
    ///
    /// # Panics
    /// If it was not started apart.
    pub fn kill_server(&mut self) {
        self.server.take().expect("the server runs apart").kill();
    }

    /// Kills the validation authority (SIGKILL).
    ///
    /// # Panics
    /// If it was not started apart.
    pub fn kill_validator(&mut self) {
        self.validator.take().expect("the validation authority runs apart").kill();
    }

    /// Kills the signer (SIGKILL) and does not wait: others use the stack meanwhile.
    pub fn strike_signer(&self) {
        self.signer.iter().for_each(Process::strike);
    }

    /// Kills the server (SIGKILL) and does not wait.
    pub fn strike_server(&self) {
        self.server.iter().for_each(Process::strike);
    }

    /// Starts again what was killed, and what died by itself.
    pub fn start_what_died(&mut self) {
        if self.signer.as_mut().is_none_or(Process::is_gone) {
            self.start_signer();
        }
        if self.server.as_mut().is_none_or(Process::is_gone) {
            self.start_server();
        }
    }

    /// Names the program that serves the ring.
    #[must_use]
    pub fn signer_program(&self) -> &'static str {
        signer_of(&self.data()).0
    }

    /// Returns the directory around the data, for what a test makes.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Returns the ring.
    #[must_use]
    pub fn ring(&self) -> PathBuf {
        self.data().join("signer").join("ring")
    }

    /// Returns the directory of the sockets.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.data().join("run")
    }

    /// Returns the file with the root.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.data().join("root.pem")
    }

    /// Returns the base of the plain URLs.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Returns the base of the API.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://127.0.0.1:{}", self.https)
    }

    /// Speaks to the API with the first admin token.
    ///
    /// # Panics
    /// If the root or the token cannot be read.
    #[must_use]
    pub fn api(&self) -> Api {
        let token = fs::read_to_string(self.data().join("admin.token")).expect("the token");
        let root = fs::read_to_string(self.root()).expect("the root");
        Api::new(self.https, &root, token.trim())
    }

    /// Runs the command line tool on this data directory.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn chancery(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(program("chancery"));
        command.args(arguments).arg("--data").arg(self.data());
        command.output().expect("the tool starts")
    }

    /// Runs the command line tool, which must succeed, and returns what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn must(&self, arguments: &[&str]) -> String {
        let output = self.chancery(arguments);
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Issues a certificate for a CSR by the API.
    ///
    /// # Panics
    /// If it is refused.
    pub fn issue(&self, profile: &str, csr: &str) -> Value {
        let order = serde_json::json!({ "profile": profile, "csr": csr });
        let response = self.api().post("/api/v1/certificates", &order);
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()
    }

    /// Returns what the running processes printed.
    fn said(&self) -> String {
        let apart = [&self.server, &self.validator, &self.signer].into_iter().flatten();
        let running = self.up.iter().chain(apart);
        running.map(Process::text).collect()
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// If it does not within `limit`.
    pub fn eventually(&self, what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < limit, "{what}: not within {limit:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The server first, as `up` does; processes that were not asked to end are killed.
        drop(self.server.take());
        drop(self.validator.take());
        self.beside.clear();
        drop(self.signer.take());
        if let Some(up) = self.up.take() {
            let _ = up.end();
        }
    }
}
