//! Passphrases and credentials: from a file that not everybody can read, or asked on the terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// More than any passphrase or credential has, as `signer-file` sees it.
const MOST: u64 = 4096;
const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// Reads a credential as it stands in its file.
pub fn credential(path: &Path, option: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    let bad = |why: String| Failure::Usage(format!("{option}: {}: {why}", path.display()));
    let file = File::open(path).map_err(|error| bad(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| bad(error.to_string()))?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o007 != 0 {
        return Err(bad(format!("every user may read it (mode {mode:04o}): chmod 0600 it")));
    }
    // Reserved at once: a vector that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(4097));
    file.take(MOST + 1).read_to_end(&mut octets).map_err(|error| bad(error.to_string()))?;
    if octets.is_empty() {
        return Err(bad("it is empty".into()));
    }
    if octets.len() as u64 > MOST {
        return Err(bad(format!("it has more than {MOST} octets")));
    }
    Ok(octets)
}

/// Reads a passphrase: the file's content without one line end at its end.
pub fn from_file(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    let mut octets = credential(path, "--passphrase-file")?;
    if octets.last() == Some(&b'\n') {
        octets.pop();
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
    }
    Ok(octets)
}

/// Reads a share from its file, or from standard input for `-`.
pub fn share(path: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    if path != Path::new("-") {
        return credential(path, "--share");
    }
    // Reserved at once: a vector that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(4097));
    let stdin = std::io::stdin();
    // The handle itself buffers, in memory that nobody wipes: read the descriptor.
    let copy = stdin.as_fd().try_clone_to_owned()?;
    File::from(copy).take(MOST + 1).read_to_end(&mut octets)?;
    if octets.is_empty() || octets.len() as u64 > MOST {
        return Err(Failure::Usage(format!("--share: standard input has 1 to {MOST} octets")));
    }
    Ok(octets)
}

/// Asks for a passphrase on the terminal, without showing it.
pub fn ask(prompt: &str) -> Outcome<Zeroizing<Vec<u8>>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|error| {
        Failure::Usage(format!("there is no terminal to ask on ({error}): give --passphrase-file"))
    })?;
    let quiet = Quiet::on(&terminal)?;
    (&terminal).write_all(prompt.as_bytes())?;
    let typed = line(keys(&terminal));
    drop(quiet);
    (&terminal).write_all(b"\n")?;
    typed
}

/// Gives the keys one by one: a buffer would keep a copy of them.
fn keys(mut terminal: &File) -> impl Iterator<Item = std::io::Result<u8>> {
    std::iter::from_fn(move || {
        let mut key = [0];
        match terminal.read(&mut key) {
            Ok(0) => None,
            Ok(_) => Some(Ok(key[0])),
            Err(error) => Some(Err(error)),
        }
    })
}

/// Takes a line as it is typed, with the keys that take something back.
fn line(keys: impl Iterator<Item = std::io::Result<u8>>) -> Outcome<Zeroizing<Vec<u8>>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(4096));
    for key in keys {
        match key? {
            b'\r' | b'\n' => return Ok(typed),
            CTRL_C | CTRL_D => return Err(Failure::Usage("no passphrase was given".into())),
            CTRL_U => typed.clear(),
            BACKSPACE | DELETE => {
                // A character of several octets goes as a whole.
                while typed.pop().is_some_and(|octet| octet & 0xc0 == 0x80) {}
            }
            other if (typed.len() as u64) < MOST => typed.push(other),
            _ => {
                return Err(Failure::Usage(format!("a passphrase has at most {MOST} octets")));
            }
        }
    }
    Err(Failure::Usage("no passphrase was given".into()))
}

/// A terminal that shows nothing and gives every key at once; as it was before when dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn on(terminal: &'a File) -> Outcome<Self> {
        let before = tcgetattr(terminal).map_err(std::io::Error::from)?;
        let mut quiet = before.clone();
        // Without signals: Ctrl-C would end the program and leave the terminal without echo.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(terminal, OptionalActions::Flush, &quiet).map_err(std::io::Error::from)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nothing better can be done about a terminal that is gone.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_line_is_taken_with_its_corrections() {
        for (keys, expected) in [
            ("abc\n", Some("abc")),
            ("abc\r", Some("abc")),
            ("abx\u{7f}c\n", Some("abc")),
            ("xä\u{8}y\n", Some("xy")),
            ("no\u{15}yes\n", Some("yes")),
            ("\u{7f}\n", Some("")),
            ("ab\u{3}c\n", None),
            ("ab", None),
        ] {
            let typed = line(keys.bytes().map(Ok));
            let found = typed.ok().map(|octets| octets.to_vec());
            assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()), "{keys:?}");
        }
    }

    #[test]
    fn a_file_loses_one_line_end_and_must_be_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("p");
        let write = |content: &[u8], mode| {
            std::fs::write(&path, content).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            from_file(&path)
        };
        assert_eq!(*write(b"a b\r\n", 0o600).expect("a passphrase"), b"a b");
        assert_eq!(*write(b"a\n\n", 0o640).expect("a passphrase"), b"a\n");
        for (content, mode) in [(&b"a"[..], 0o604), (b"", 0o600), (&[1; 4097], 0o600)] {
            assert_eq!(write(content, mode).map_err(|f| f.code()).err(), Some(2));
        }
    }
}
