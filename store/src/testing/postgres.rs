//! A PostgreSQL server that the tests start themselves.
//!
//! All test processes of a user share one: whoever comes first starts it, every process holds a
//! shared lock on a file while it lives, and the server's keeper, a few lines of shell, stops the
//! server and removes its data once nobody holds the lock.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::DatabaseUrl;

/// Is a running server, for as long as this process lives.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    _alive: File,
}

/// Says why there is no PostgreSQL to test with.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PostgresMissing(String);

/// Stops the server and removes its data once the lock on `users` is free.
///
/// Run in the server's folder with the folder of the binaries, what to remove at the end, and the
/// server's options.
const KEEPER: &str = r#"
bin=$1; waste=$2; shift 2
"$bin/postgres" -D data -k "$PWD" "$@" </dev/null &
server=$!
while kill -0 $server 2>/dev/null; do
    sleep 1
    flock --nonblock --exclusive users sh -c '
        kill -INT $0
        while [ -e data/postmaster.pid ]; do sleep 0.05; done
        rm -rf "$1"
    ' $server "$waste" && exit 0
done
"#;

impl Postgres {
    /// Gives the server that all tests share; it is reached by a Unix socket only.
    ///
    /// # Errors
    /// [`PostgresMissing`] if PostgreSQL is not installed or does not start.
    pub fn shared() -> Result<&'static Self, PostgresMissing> {
        static SHARED: OnceLock<Result<Postgres, PostgresMissing>> = OnceLock::new();
        let options = |_: &Path| vec!["-c".to_owned(), "listen_addresses=".to_owned()];
        let start = || Self::start("chancery-postgresql", "data", 5432, options);
        SHARED.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// Starts a server for this process alone, on a TCP port of 127.0.0.1 too.
    ///
    /// `options` gives the server's command line and may put files into the server's folder, which
    /// it is given; they become the server's.
    ///
    /// # Errors
    /// [`PostgresMissing`] if PostgreSQL is not installed or does not start.
    pub fn private(
        port: u16,
        options: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self, PostgresMissing> {
        let name = format!("chancery-postgresql-{}", std::process::id());
        Self::start(&name, "", port, options)
    }

    /// Gives the server's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn start(
        name: &str,
        waste: &str,
        port: u16,
        options: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self, PostgresMissing> {
        let missing = |what: &'static str| {
            move |error: std::io::Error| PostgresMissing(format!("{what}: {error}"))
        };
        let binaries = binaries().ok_or(PostgresMissing("initdb is not installed".to_owned()))?;
        let me = std::fs::metadata("/proc/self").map_err(missing("/proc"))?.uid();
        let folder = std::env::temp_dir().join(format!("{name}-{me}"));
        std::fs::create_dir_all(&folder).map_err(missing("making its folder"))?;
        let lock = |file: &str| File::create(folder.join(file)).map_err(missing("its lock"));
        let alive = lock("users")?;
        alive.lock_shared().map_err(missing("its lock"))?;
        let starting = lock("starting")?;
        starting.lock().map_err(missing("its lock"))?;
        let server = Self { folder, port, _alive: alive };
        if !server.answers() {
            let options = options(&server.folder);
            if me == 0 {
                // PostgreSQL refuses to run as root.
                run(Command::new("chown").arg("-R").arg("postgres").arg(&server.folder))?;
            }
            server.initialise(me, &binaries)?;
            server.launch(me, &binaries, waste, &options)?;
        }
        Ok(server)
    }

    /// Makes a new, empty database.
    ///
    /// # Panics
    /// If the server does not do it.
    pub async fn fresh_database(&self) -> DatabaseUrl {
        let name = self.fresh_database_name().await;
        let host = self.folder.display();
        format!("postgres://postgres@localhost:{}/{name}?host={host}", self.port)
            .parse()
            .expect("a URL")
    }

    /// Makes a new, empty database and gives its name only.
    ///
    /// # Panics
    /// If the server does not do it.
    pub async fn fresh_database_name(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{count}", std::process::id());
        let mut connection = PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(self.port)
            .username("postgres")
            .database("postgres")
            .disable_statement_logging()
            .connect()
            .await
            .expect("the test server answers");
        for sql in [
            // A process id may come again while the server lives.
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .expect("the test server makes databases");
        }
        connection.close().await.expect("the connection ends well");
        name
    }

    /// Tells whether the server is there and has come up: it listens a moment before.
    fn answers(&self) -> bool {
        let state = std::fs::read_to_string(self.folder.join("data").join("postmaster.pid"));
        let ready = state.is_ok_and(|lines| lines.lines().any(|line| line.trim() == "ready"));
        ready && UnixStream::connect(self.folder.join(format!(".s.PGSQL.{}", self.port))).is_ok()
    }

    fn initialise(&self, me: u32, binaries: &Path) -> Result<(), PostgresMissing> {
        let data = self.folder.join("data");
        let _ = std::fs::remove_dir_all(&data);
        let mut initdb = as_server(me, &binaries.join("initdb"));
        initdb.args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D"]);
        run(initdb.arg(data).current_dir(&self.folder))
    }

    fn launch(
        &self,
        me: u32,
        binaries: &Path,
        waste: &str,
        options: &[String],
    ) -> Result<(), PostgresMissing> {
        let failed = |error| PostgresMissing(format!("starting it: {error}"));
        let log = File::create(self.folder.join("log")).map_err(failed)?;
        let mut keeper = as_server(me, Path::new("sh"));
        keeper.args(["-c", KEEPER, "keeper"]).arg(binaries).arg(self.folder.join(waste));
        keeper.arg("-p").arg(self.port.to_string());
        // Tests ask for correctness, not for durability.
        for setting in ["fsync=off", "full_page_writes=off", "max_connections=300"] {
            keeper.args(["-c", setting]);
        }
        let mut keeper = keeper
            .args(options)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.answers() {
            let over = keeper.try_wait().map_err(failed)?.is_some() || Instant::now() > deadline;
            if over {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(PostgresMissing(format!("it does not start: {log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Finds the folder of the server's binaries: in the path, or where Debian keeps them.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    let folder = folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())?;
    // A link in the path: initdb looks for its files beside where it really is.
    let real = std::fs::canonicalize(folder.join("initdb")).ok()?;
    real.parent().map(Path::to_owned)
}

/// Runs a program as the user postgres where we are root, else as ourselves.
fn as_server(me: u32, program: &Path) -> Command {
    if me != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) -> Result<(), PostgresMissing> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| PostgresMissing(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PostgresMissing(format!("{program}: {said}")))
}
