//! Reports descriptors that would survive an exec.
//!
//! Everything that Rust's std and rustix open is close-on-exec. What was inherited cannot be
//! changed without unsafe code (a raw number is not a borrowed descriptor), so it is reported.

use crate::report::Item;
use std::fs;
use std::io;

const NAME: &str = "descriptors";
/// `O_CLOEXEC` as /proc/self/fdinfo shows it, in octal (proc(5)).
const CLOSE_ON_EXEC: u32 = 0o2_000_000;

/// Reports every descriptor but the standard three that lacks close-on-exec.
pub(crate) fn report() -> Item {
    match inherited() {
        Ok(open) if open.is_empty() => Item::good(NAME, "none but stdin, stdout, stderr inherited"),
        Ok(open) => Item::bad(NAME, format!("inherited and open across exec: {open:?}")),
        Err(error) => Item::bad(NAME, format!("/proc/self/fdinfo: {error}")),
    }
}

fn inherited() -> io::Result<Vec<u32>> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // The directory's own descriptor may be gone by now: nothing to report then.
        let Ok(info) = fs::read_to_string(entry.path()) else {
            continue;
        };
        if number > 2 && !closes_on_exec(&info) {
            open.push(number);
        }
    }
    open.sort_unstable();
    Ok(open)
}

fn closes_on_exec(fdinfo: &str) -> bool {
    fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & CLOSE_ON_EXEC != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_flags_line() {
        for (text, expected) in [
            ("pos:\t0\nflags:\t02100000\nmnt_id:\t9\n", true),
            ("pos:\t0\nflags:\t0100000\nmnt_id:\t9\n", false),
            ("pos:\t0\n", false),
            ("flags:\tnonsense\n", false),
        ] {
            assert_eq!(closes_on_exec(text), expected, "{text:?}");
        }
    }
}
