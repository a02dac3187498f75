//! PKCS#11 tokens for tests: SoftHSM2 or kryoptic, each test with tokens of its own, and a module
//! that misbehaves when it is told to.

mod software;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use software::Software;

/// The PIN of all tokens here: told from everything else by any test that looks for it.
pub const PIN: &str = "canary-pin-7d31c0e5";
const SO_PIN: &str = "canary-so-pin-55aa";

/// A folder with tokens, the configuration that names them, and orders for the module.
pub struct Tokens {
    software: Software,
    dir: TempDir,
    tokens: Vec<Token>,
    /// What stands in the configuration besides modules and tokens.
    more: String,
}

struct Token {
    label: String,
    serial: String,
    faulty: bool,
    sessions: u16,
}

impl Tokens {
    /// Makes tokens in one store; none, with a line that says so, where SoftHSM2 is not installed.
    ///
    /// # Panics
    /// If it is installed and does not work, or is missing and `CHANCERY_NO_SKIP=1`.
    #[must_use]
    pub fn soft(labels: &[&str]) -> Option<Self> {
        Software::softhsm2().map(|software| Self::make(software, labels, false))
    }

    /// The same behind the module that misbehaves, a control file for each token.
    ///
    /// # Panics
    /// As [`Tokens::soft`]; if there is no C compiler.
    #[must_use]
    pub fn faulty(labels: &[&str]) -> Option<Self> {
        Software::softhsm2().map(|software| Self::make(software, labels, true))
    }

    /// Makes tokens of kryoptic, which have ML-DSA; none, with a line that says so, where nobody built
    /// it.
    ///
    /// # Panics
    /// If it was built and does not work.
    #[must_use]
    pub fn kryoptic(labels: &[&str]) -> Option<Self> {
        Software::kryoptic().map(|software| Self::make(software, labels, false))
    }

    /// The same behind the module that misbehaves.
    ///
    /// # Panics
    /// As [`Tokens::kryoptic`]; if there is no C compiler.
    #[must_use]
    pub fn faulty_kryoptic(labels: &[&str]) -> Option<Self> {
        Software::kryoptic().map(|software| Self::make(software, labels, true))
    }

    fn make(software: Software, labels: &[&str], faulty: bool) -> Self {
        let mut tokens = Self {
            software,
            dir: tempfile::tempdir().expect("a temporary directory"),
            tokens: Vec::new(),
            more: String::new(),
        };
        let at = |name: &str| tokens.dir.path().join(name);
        // An unprivileged signer reaches it, too.
        set_mode(tokens.dir.path(), 0o711);
        fs::create_dir(at("tokens")).expect("a directory for tokens");
        let conf = (tokens.software.configuration)(&at("tokens"), labels.len());
        fs::write(at("token.conf"), conf).expect("the tokens' configuration");
        fs::write(at("pin"), format!("{PIN}\n")).expect("the PIN");
        set_mode(&at("pin"), 0o600);
        fs::write(at("logins"), "").expect("a file for logins");
        for label in labels {
            fs::write(at(&format!("{label}.control")), "").expect("a control file");
            let serial = tokens.init(label);
            tokens.tokens.push(Token { label: (*label).to_owned(), serial, faulty, sessions: 4 });
        }
        tokens.write();
        tokens
    }

    /// Sets how many sessions are used of each token.
    #[must_use]
    pub fn sessions(mut self, sessions: u16) -> Self {
        self.tokens.iter_mut().for_each(|token| token.sessions = sessions);
        self.write();
        self
    }

    /// Adds a text to the configuration: `{NAME}` stands for the URI of the token of that name.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        let mut more = more.to_owned();
        for token in &self.tokens {
            more = more.replace(&format!("{{{}}}", token.label), &self.uri(&token.label));
        }
        self.more.push_str(&more);
        self.write();
        self
    }

    /// Returns the configuration for the driver.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("pkcs11.toml")
    }

    /// Returns the folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the file with the PIN.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.dir.path().join("pin")
    }

    /// Returns a token's URI.
    ///
    /// # Panics
    /// If there is no such token.
    #[must_use]
    pub fn uri(&self, label: &str) -> String {
        let token = self.tokens.iter().find(|token| token.label == label).expect("a token");
        format!("pkcs11:token={};serial={}", token.label, token.serial)
    }

    /// Tells a token's module what to do from now on: see fault.c.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn order(&self, label: &str, orders: &str) {
        let control = self.dir.path().join(format!("{label}.control"));
        // Put in place at once: a file that is half written is no order.
        let new = self.dir.path().join(format!("{label}.new"));
        fs::write(&new, orders).expect("the orders are written");
        fs::rename(new, control).expect("the orders are in place");
    }

    /// Counts the logins that the module saw.
    ///
    /// # Panics
    /// If the file is gone.
    #[must_use]
    pub fn logins(&self) -> usize {
        fs::read_to_string(self.dir.path().join("logins")).expect("the logins").lines().count()
    }

    /// Gives everything to a user, for a signer that runs as one.
    ///
    /// # Panics
    /// If it cannot.
    pub fn give_to(&self, uid: u32) {
        fn give(path: &Path, uid: u32) {
            std::os::unix::fs::chown(path, Some(uid), None).expect("it is given");
            if path.is_dir() {
                for entry in fs::read_dir(path).expect("a directory") {
                    give(&entry.expect("an entry").path(), uid);
                }
            }
        }
        if crate::uid() != 0 {
            return;
        }
        give(self.dir.path(), uid);
        // The configuration stays root's.
        std::os::unix::fs::chown(self.config(), Some(0), None).expect("it stays root's");
    }

    /// Puts a key that openssl made into tokens, under an id: as a backup of an HSM does, and as no
    /// key should come into one. Gives its public key.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn import(&self, labels: &[&str], id: &[u8]) -> x509::SpkiDer {
        let at = |name: &str| self.dir.path().join(name);
        let run = |command: &mut Command| {
            let done = command.output().expect("it runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            done.stdout
        };
        let openssl = || Command::new("openssl");
        let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        run(openssl().arg("genpkey").args(curve).arg("-out").arg(at("key.pem")));
        let public =
            run(openssl().args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(at("key.pem")));
        labels.iter().for_each(|label| self.import_file(label, &at("key.pem"), id));
        x509::SpkiDer::from_vec(public)
    }

    /// Puts the key of a PKCS#8 file in PEM, not encrypted, into a token, under an id.
    ///
    /// # Panics
    /// If it cannot.
    pub fn import_file(&self, label: &str, file: &Path, id: &[u8]) {
        let hex: String = id.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut command = self.util();
        command.arg("--import").arg(file).args(["--token", label, "--label", "imported"]);
        let done = command.args(["--id", &hex, "--pin", PIN]).output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn util(&self) -> Command {
        let mut command = Command::new("softhsm2-util");
        command.env(self.software.variable, self.dir.path().join("token.conf"));
        command.arg("--module").arg(&self.software.module);
        command
    }

    fn init(&self, label: &str) -> String {
        let mut command = self.util();
        command.args(["--init-token", "--free", "--label", label]);
        let made = command.args(["--pin", PIN, "--so-pin", SO_PIN]).output();
        let made = made.expect("softhsm2-util runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let shown = self.util().arg("--show-slots").output().expect("softhsm2-util runs");
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        // Serial number stands before Label.
        let (mut serial, mut found) = (String::new(), None);
        for line in text.lines().map(str::trim) {
            if let Some(value) = line.strip_prefix("Serial number:") {
                serial = value.trim().to_owned();
            }
            if line.strip_prefix("Label:").is_some_and(|value| value.trim() == label) {
                found = Some(serial.clone());
            }
        }
        found.unwrap_or_else(|| panic!("no token {label} in:\n{text}"))
    }

    fn write(&self) {
        let at = |name: &str| self.dir.path().join(name).display().to_string();
        let mut text = "version = 1\n".to_owned();
        for token in &self.tokens {
            let (label, faulty) = (&token.label, token.faulty);
            let real = self.software.module.display().to_string();
            let module = if faulty { compiled().display().to_string() } else { real.clone() };
            let mut environment = format!("{} = \"{}\"", self.software.variable, at("token.conf"));
            let mut readable = vec![at("token.conf")];
            if faulty {
                let _ = write!(
                    environment,
                    ", FAULT_MODULE = \"{real}\", FAULT_CONTROL = \"{}\", FAULT_LOG = \"{}\"",
                    at(&format!("{label}.control")),
                    at("logins")
                );
                readable = vec![at(""), real];
            }
            let _ = write!(
                text,
                "[[module]]\nname = \"{label}\"\npath = \"{module}\"\n\
                 environment = {{ {environment} }}\n\
                 readable = {readable:?}\nwritable = [\"{}\", \"{}\"]\n\
                 [[token]]\nname = \"{label}\"\nmodule = \"{label}\"\nuri = \"{}\"\n\
                 pin_file = \"{}\"\nsessions = {}\n",
                at("tokens"),
                at("logins"),
                self.uri(label),
                at("pin"),
                token.sessions
            );
        }
        text.push_str(&self.more);
        fs::write(self.config(), text).expect("pkcs11.toml");
        set_mode(&self.config(), 0o644);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode is set");
}

/// Compiles the module that misbehaves, once for all tests that come after.
fn compiled() -> PathBuf {
    const SOURCE: &str = include_str!("fault.c");
    let digest = u64::from_be_bytes(x509::sha256(SOURCE.as_bytes())[..8].try_into().expect("8"));
    let uid = rustix::process::getuid().as_raw();
    let done = std::env::temp_dir().join(format!("chancery-fault-{uid}-{digest:016x}.so"));
    if done.is_file() {
        return done;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (source, made) = (dir.path().join("fault.c"), dir.path().join("fault.so"));
    fs::write(&source, SOURCE).expect("the source is written");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&made).arg(&source).arg("-ldl");
    let compiled = command.output().expect("a C compiler runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    set_mode(&made, 0o755);
    fs::rename(&made, &done).expect("it is put in its place");
    done
}
