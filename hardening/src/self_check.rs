//! Reads back what the kernel says of this process.

use crate::report::Item;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// More than /proc/PID/status has.
const MOST: usize = 16 * 1024;

/// The process's status, opened while its path could be.
#[derive(Debug)]
pub struct SelfCheck(File);

impl SelfCheck {
    /// Opens /proc/self/status; before paths are closed.
    ///
    /// # Errors
    /// The system's, where /proc is not mounted.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/status").map(Self)
    }

    /// Holds the status as it is now against what it must be once the process is sealed.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let mut octets = vec![0; MOST];
        // The kernel makes the whole text anew for a read at its beginning.
        match self.0.read_at(&mut octets, 0) {
            Ok(length) => {
                octets.truncate(length);
                read(&String::from_utf8_lossy(&octets))
            }
            Err(error) => vec![Item::bad("status", format!("/proc/self/status: {error}"))],
        }
    }
}

fn read(status: &str) -> Vec<Item> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let is = |item: &'static str, name: &str, wanted: &str| {
        let found = field(name).unwrap_or("nothing");
        let told = format!("{name} {found}");
        if found == wanted { Item::good(item, told) } else { Item::bad(item, told) }
    };
    vec![
        is("status: seccomp", "Seccomp", "2"),
        is("status: no new privileges", "NoNewPrivs", "1"),
        capability_sets(field),
    ]
}

fn capability_sets<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Item {
    const NAME: &str = "status: capabilities";
    let is_empty = |name: &&str| field(name).is_some_and(|set| set.bytes().all(|c| c == b'0'));
    let held: Vec<_> = ["CapInh", "CapPrm", "CapEff", "CapAmb"]
        .into_iter()
        .filter(|name| !is_empty(name))
        .collect();
    let bounding = field("CapBnd").unwrap_or("nothing");
    if held.is_empty() {
        Item::good(NAME, format!("CapInh, CapPrm, CapEff, CapAmb 0, CapBnd {bounding}"))
    } else {
        Item::bad(NAME, format!("not empty: {}", held.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "Name:\tsigner-file\nCapInh:\t0000000000000000\n\
        CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

    #[test]
    fn a_sealed_process_is_told_from_every_other() {
        assert!(read(SEALED).iter().all(|item| item.ok), "{:?}", read(SEALED));
        for (from, to, failed) in [
            ("Seccomp:\t2", "Seccomp:\t0", "status: seccomp"),
            ("Seccomp:\t2", "Seccomp:\t1", "status: seccomp"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "status: no new privileges"),
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000000020", "status: capabilities"),
            ("CapAmb:\t0000000000000000\n", "", "status: capabilities"),
        ] {
            let items = read(&SEALED.replace(from, to));
            let bad: Vec<_> = items.iter().filter(|item| !item.ok).map(|item| item.name).collect();
            assert_eq!(bad, [failed], "{to}");
        }
        assert_eq!(read("").iter().filter(|item| !item.ok).count(), 3);
    }

    #[test]
    fn this_process_is_not_sealed_and_is_read_more_than_once() {
        let check = SelfCheck::open().unwrap();
        for _ in 0..2 {
            let items = check.items();
            assert_eq!(items.len(), 3, "{items:?}");
            assert!(!items[0].ok, "{items:?}");
        }
    }
}
