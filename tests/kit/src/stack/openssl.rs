//! The openssl command, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a program, which may fail, and returns how it ended and both outputs as one text.
///
/// # Panics
/// If it cannot be started.
pub fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [stdout, stderr].concat();
    (status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Runs openssl in a folder.
pub struct Openssl {
    program: PathBuf,
    folder: PathBuf,
}

impl Openssl {
    /// Finds openssl; none, with a line that says so, if it is not installed.
    ///
    /// # Panics
    /// If the folder cannot be made.
    #[must_use]
    pub fn find(folder: &Path) -> Option<Self> {
        let program = crate::tool("openssl")?;
        fs::create_dir_all(folder).expect("the folder");
        Some(Self { program, folder: folder.to_owned() })
    }

    /// Returns the path of a file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the file is written");
        path
    }

    /// Reads a file of the folder.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is read")
    }

    /// Runs openssl with words; it may fail.
    pub fn ask(&self, arguments: &[&str]) -> (bool, String) {
        run(Command::new(&self.program).args(arguments).current_dir(&self.folder))
    }

    /// Runs openssl, which must succeed, and returns what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn must(&self, arguments: &[&str]) -> String {
        let (good, text) = self.ask(arguments);
        assert!(good, "openssl {arguments:?}: {text}");
        text
    }

    /// Makes a key and its CSR for a host, and returns the CSR. `key` is what `-newkey` takes.
    pub fn request(&self, name: &str, key: &str, host: &str) -> String {
        let (algorithm, option) = key.split_once('/').unwrap_or((key, ""));
        let san = format!("subjectAltName=DNS:{host}");
        let (key_file, csr_file) = (format!("{name}.key"), format!("{name}.csr"));
        let mut arguments = vec!["req", "-new", "-newkey", algorithm];
        if !option.is_empty() {
            arguments.extend(["-pkeyopt", option]);
        }
        arguments.extend(["-nodes", "-keyout", &key_file, "-out", &csr_file]);
        arguments.extend(["-subj", "/", "-addext", &san]);
        self.must(&arguments);
        self.read(&csr_file)
    }
}

/// Tells whether `openssl ocsp` (text) says that the certificate has a status.
#[must_use]
pub fn has_ocsp_status(text: &str, status: &str) -> bool {
    text.contains("Response verify OK") && text.lines().any(|line| line.ends_with(status))
}
