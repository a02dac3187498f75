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
/// Run in the server's folder with the folder of the binaries and the server's options.
const KEEPER: &str = r#"
bin=$1; shift
"$bin/postgres" -D data -k "$PWD" "$@" </dev/null &
server=$!
while kill -0 $server 2>/dev/null; do
    sleep 1
    flock --nonblock --exclusive users sh -c '
        kill -INT $0
        while [ -e data/postmaster.pid ]; do sleep 0.05; done
        rm -rf data
    ' $server && exit 0
done
"#;

impl Postgres {
    /// Gives the server that all tests share; it is reached by a Unix socket only.
    ///
    /// # Errors
    /// [`PostgresMissing`] if PostgreSQL is not installed or does not start.
    pub fn shared() -> Result<&'static Self, PostgresMissing> {
        static SHARED: OnceLock<Result<Postgres, PostgresMissing>> = OnceLock::new();
        let start = || Self::start("chancery-postgresql", 5432, |_| Vec::new());
        SHARED.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// Starts a server of that name, or joins it if it runs, listening by TCP only if `options`
    /// say so; `options` are made once the server's folder and user are there.
    ///
    /// # Errors
    /// [`PostgresMissing`] if PostgreSQL is not installed or does not start.
    pub fn start(
        name: &str,
        port: u16,
        options: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self, PostgresMissing> {
        let missing = |what: &'static str| {
            move |error: std::io::Error| PostgresMissing(format!("{what}: {error}"))
        };
        let binaries = binaries().ok_or(PostgresMissing("initdb is not installed".to_owned()))?;
        let me = std::fs::metadata("/proc/self")
            .map_err(missing("/proc"))?
            .uid();
        let folder = std::env::temp_dir().join(format!("{name}-{me}"));
        std::fs::create_dir_all(&folder).map_err(missing("making its folder"))?;
        let lock = |file: &str| File::create(folder.join(file)).map_err(missing("its lock"));
        let alive = lock("users")?;
        alive.lock_shared().map_err(missing("its lock"))?;
        let starting = lock("starting")?;
        starting.lock().map_err(missing("its lock"))?;
        let server = Self {
            folder,
            port,
            _alive: alive,
        };
        if !server.answers() {
            if me == 0 {
                // PostgreSQL refuses to run as root.
                run(Command::new("chown").arg("postgres").arg(&server.folder))?;
            }
            server.initialise(me, &binaries)?;
            let options = options(&server.folder);
            server.launch(me, &binaries, &options)?;
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
        format!(
            "postgres://postgres@localhost:{}/{name}?host={host}",
            self.port
        )
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

    fn answers(&self) -> bool {
        UnixStream::connect(self.folder.join(format!(".s.PGSQL.{}", self.port))).is_ok()
    }

    fn initialise(&self, me: u32, binaries: &Path) -> Result<(), PostgresMissing> {
        let data = self.folder.join("data");
        let _ = std::fs::remove_dir_all(&data);
        let mut initdb = as_server(me, &binaries.join("initdb"));
        initdb.args([
            "--no-sync",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "-D",
        ]);
        run(initdb.arg(data).current_dir(&self.folder))
    }

    fn launch(&self, me: u32, binaries: &Path, options: &[String]) -> Result<(), PostgresMissing> {
        let failed = |error| PostgresMissing(format!("starting it: {error}"));
        let log = File::create(self.folder.join("log")).map_err(failed)?;
        let mut keeper = as_server(me, Path::new("sh"));
        keeper
            .args(["-c", KEEPER, "keeper"])
            .arg(binaries)
            .arg("-p")
            .arg(self.port.to_string());
        // Tests ask for correctness, not for durability.
        for setting in ["fsync=off", "full_page_writes=off", "max_connections=300"] {
            keeper.args(["-c", setting]);
        }
        if options.is_empty() {
            keeper.args(["-c", "listen_addresses="]);
        }
        keeper
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
            if Instant::now() > deadline {
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
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
        ])
        .arg(program);
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
