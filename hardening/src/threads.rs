//! Counts this process's threads: most measures bind only the calling thread.

use std::fs;
use std::io;

/// Returns the number of threads of this process.
///
/// Fails where /proc is not mounted.
pub(crate) fn count() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_a_started_thread() {
        let (hold, release) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || release.recv());
        // The test runner has one thread at least, and this is another.
        assert!(super::count().unwrap() >= 2);
        drop(hold);
        assert!(thread.join().unwrap().is_err());
    }
}
