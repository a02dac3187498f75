//! What the numbers were measured on, as the system tells it.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use x509::UnixTime;

/// Describes the machine; `disk` is a directory on the file system that durable rows write to.
pub fn describe(disk: &Path, memory: &Path) -> String {
    let lines = [
        ("date", now().map_or_else(|_| "unknown".to_owned(), |now| now.to_string())),
        ("processor", processor()),
        ("cores", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("memory", memory_size()),
        ("kernel", kernel()),
        ("load before (1, 5, 15 minutes)", load()),
        ("priority of all programs here (nice)", niceness()),
        ("durable rows on", file_system(disk)),
        ("tmpfs rows on", file_system(memory)),
    ];
    let rows = lines.iter().map(|(name, value)| format!("- {name}: {value}\n"));
    rows.collect()
}

/// Returns this machine's time.
pub fn now() -> anyhow::Result<UnixTime> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("this machine's clock stands before 1970")?;
    Ok(UnixTime(i64::try_from(since.as_secs())?))
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .and_then(|rest| rest.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim())
        .to_owned()
}

fn memory_size() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.map_or_else(
        || "unknown".to_owned(),
        |kilobytes| format!("{:.1} GiB", kilobytes / 1024.0 / 1024.0),
    )
}

fn kernel() -> String {
    let read = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}"));
    match (read("ostype"), read("osrelease")) {
        (Ok(name), Ok(release)) => format!("{} {}", name.trim(), release.trim()),
        _ => "unknown".to_owned(),
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

/// Field 19 of /proc/PID/stat; our programs inherit it.
fn niceness() -> String {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map(|(_, fields)| fields);
    let nice = fields.and_then(|fields| fields.split_whitespace().nth(16));
    nice.unwrap_or("unknown").to_owned()
}

/// Names the type of the file system that holds a path.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    holder(&mounts, &path).unwrap_or("unknown").to_owned()
}

/// Finds the type of the deepest mount above a path; of several at one place the last.
fn holder<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (place, kind) = (fields.nth(1)?, fields.next()?);
        path.starts_with(place).then_some((place.len(), kind))
    });
    mounts.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_its_own_priority() {
        let nice: i32 = niceness().parse().expect("a number");
        assert!((-20..20).contains(&nice));
    }

    #[test]
    fn finds_the_deepest_mount() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /dev tmpfs rw 0 0\nshm /dev/shm shmfs rw 0 0\n";
        for (path, kind) in [("/var/tmp", "ext4"), ("/dev/null", "tmpfs"), ("/dev/shm/a", "shmfs")]
        {
            assert_eq!(holder(mounts, Path::new(path)), Some(kind), "{path}");
        }
    }
}
