//! Clock and disk.

use super::Check;
use crate::up::Layout;

/// Less than this, and neither journal nor database should go on.
const LITTLE: u64 = 256 * 1024 * 1024;
/// Less than this is worth a warning.
const SCARCE: u64 = 2 * 1024 * 1024 * 1024;

/// Looks at free disk space and at whether the kernel says that the clock is synchronised.
pub fn checks(layout: &Layout) -> Vec<Check> {
    vec![disk(layout), clock()]
}

fn disk(layout: &Layout) -> Check {
    match rustix::fs::statvfs(&layout.data) {
        Err(error) => Check::bad(
            "disk",
            format!("{}: {error}", layout.data.display()),
            "check that --data is right",
        ),
        Ok(stat) => judge(stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_favail),
    }
}

fn judge(free: u64, files: u64) -> Check {
    let seen = format!("{} MiB and {files} files free", free / (1024 * 1024));
    let mend = "make room: nothing is signed while the journal cannot be written";
    if free < LITTLE || files < 1_000 {
        Check::bad("disk", seen, mend)
    } else if free < SCARCE {
        Check::warning("disk", seen, mend)
    } else {
        Check::good("disk", seen)
    }
}

fn clock() -> Check {
    // systemd-timesyncd and chrony leave these marks; other services leave none.
    let marks = ["/run/systemd/timesync/synchronized", "/run/chrony"];
    if marks.iter().any(|mark| std::path::Path::new(mark).exists()) {
        Check::good("clock", "a time service keeps it")
    } else {
        Check::warning(
            "clock",
            "no sign of a time service on this machine",
            "run chrony or systemd-timesyncd: certificates, CRLs and OCSP responses carry this clock",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn disk_space_has_two_limits() {
        for (free, files, expected) in [
            (LITTLE - 1, 1_000_000, Verdict::Bad),
            (LITTLE, 1_000_000, Verdict::Warning),
            (SCARCE, 1_000_000, Verdict::Good),
            (SCARCE, 999, Verdict::Bad),
        ] {
            assert_eq!(judge(free, files).verdict, expected);
        }
    }
}
