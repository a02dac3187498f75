//! Lists what stays reachable: every entry beside the paths that lead to closed directories.

use super::{KeepOutError, unreadable};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The tree cut along the paths to the closed directories.
pub(super) struct Siblings {
    /// Entries that lead to no closed directory.
    pub(super) allowed: Vec<PathBuf>,
    /// Directories that do.
    pub(super) ancestors: Vec<PathBuf>,
    /// Those of them that this process may not list.
    pub(super) unlisted: Vec<PathBuf>,
}

impl Siblings {
    /// Walks from the root; `closed` holds real, absolute paths.
    pub(super) fn of(closed: &[PathBuf]) -> Result<Self, KeepOutError> {
        Self::below(Path::new("/"), closed)
    }

    fn below(top: &Path, closed: &[PathBuf]) -> Result<Self, KeepOutError> {
        let mut cut = Self { allowed: Vec::new(), ancestors: Vec::new(), unlisted: Vec::new() };
        let mut open = vec![top.to_owned()];
        while let Some(dir) = open.pop() {
            let entries = match list(&dir) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    // What else is in there is unknown and stays closed; the way down is known.
                    cut.unlisted.push(dir.clone());
                    toward(&dir, closed)
                }
                Err(error) => return Err(unreadable(dir, error)),
            };
            for entry in entries {
                if closed.contains(&entry) {
                    continue;
                }
                if closed.iter().any(|path| path.starts_with(&entry)) {
                    open.push(entry);
                } else {
                    cut.allowed.push(entry);
                }
            }
            cut.ancestors.push(dir);
        }
        Ok(cut)
    }
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

/// The next steps from a directory towards the closed ones.
fn toward(dir: &Path, closed: &[PathBuf]) -> Vec<PathBuf> {
    let step = |path: &PathBuf| {
        let rest = path.strip_prefix(dir).ok()?;
        Some(dir.join(rest.components().next()?))
    };
    let mut steps: Vec<PathBuf> = closed.iter().filter_map(step).collect();
    steps.sort();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_the_tree_along_the_closed_paths() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        for path in ["data/ring/keys", "data/server", "data/unlock", "etc/conf.d"] {
            fs::create_dir_all(top.join(path)).unwrap();
        }
        fs::write(top.join("data/root.pem"), b"").unwrap();
        let closed = [top.join("data/ring"), top.join("data/unlock")];
        let mut cut = Siblings::below(&top, &closed).unwrap();
        cut.allowed.sort();
        assert_eq!(
            cut.allowed,
            [top.join("data/root.pem"), top.join("data/server"), top.join("etc")]
        );
        assert_eq!(cut.ancestors, [top.clone(), top.join("data")]);
        assert_eq!(cut.unlisted, [] as [PathBuf; 0]);
    }

    #[test]
    fn a_name_that_only_begins_alike_is_no_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(top.join("ring")).unwrap();
        fs::create_dir_all(top.join("ring2")).unwrap();
        let cut = Siblings::below(&top, &[top.join("ring")]).unwrap();
        assert_eq!(cut.allowed, [top.join("ring2")]);
    }

    #[test]
    fn steps_through_a_directory_that_cannot_be_listed() {
        let closed = [PathBuf::from("/home/ca/data/ring"), PathBuf::from("/srv/x")];
        assert_eq!(toward(Path::new("/home"), &closed), [PathBuf::from("/home/ca")]);
    }
}
