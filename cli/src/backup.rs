//! `chancery backup` and `restore`: a data directory copied while it is in use.
//!
//! The order matters: the inventory first, then the journal. A certificate that is issued in
//! between is in the copied journal and not in the copied inventory, and recovery at the next
//! start puts it there; the other way round it would be in the inventory and in no journal.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::exit::{Failure, Outcome};
use crate::options::Global;
use crate::up::Layout;

/// Copies a data directory while it is in use.
#[derive(Debug, Args)]
pub struct Backup {
    /// Where the copy goes; made, and must not be there yet
    #[arg(long)]
    to: PathBuf,
    /// Leave the unlock credential out: keep it elsewhere, the copy does not open without it
    #[arg(long)]
    without_unlock: bool,
}

/// Makes a data directory from a copy.
#[derive(Debug, Args)]
pub struct Restore {
    /// The copy
    #[arg(long)]
    from: PathBuf,
}

impl Backup {
    /// Copies inventory, then ring, then the small files.
    pub async fn run(self, global: &Global) -> Outcome {
        let layout = global.layout()?;
        let copy = Layout::new(&self.to)?;
        make_new(&copy.data)?;
        make_new(&copy.server())?;
        let database = copy_database(&layout, &copy).await?;
        make_new(&copy.signer())?;
        copy_tree(&layout.ring(), &copy.ring())?;
        let mut small = vec![
            (layout.admin_token(), copy.admin_token()),
            (layout.root_pem(), copy.root_pem()),
            (layout.url(), copy.url()),
            (layout.server_config(), copy.server_config()),
        ];
        if !self.without_unlock {
            small.push((layout.unlock(), copy.unlock()));
        }
        for (from, to) in small {
            if from.exists() {
                copy_file(&from, &to)?;
            }
        }
        println!(
            "copied {} to {}{}",
            layout.data.display(),
            copy.data.display(),
            database
        );
        if self.without_unlock {
            println!("without unlock.key: put it back before the copy is used");
        } else {
            println!("the copy holds unlock.key: whoever has the copy has the keys");
        }
        Ok(())
    }
}

impl Restore {
    /// Copies everything back; users and modes are set by the next `up`.
    pub fn run(self, global: &Global) -> Outcome {
        let layout = global.layout()?;
        if layout.data.exists() {
            return Err(Failure::Usage(format!(
                "{} is there already: name a directory that is not, with --data",
                layout.data.display()
            )));
        }
        let copy = Layout::new(&self.from)?;
        if !copy.ring().join("ring.toml").is_file() {
            return Err(Failure::Usage(format!(
                "{} is no copy of a data directory",
                copy.data.display()
            )));
        }
        copy_tree(&copy.data, &layout.data)?;
        println!(
            "restored {} from {}",
            layout.data.display(),
            copy.data.display()
        );
        println!(
            "Two signers with one ring would use the same serial numbers' space and CRL numbers:"
        );
        println!("make sure that the old one is gone, then start this one with `chancery up`.");
        Ok(())
    }
}

/// Copies SQLite through its own copy function, which sees no half-written page.
async fn copy_database(layout: &Layout, copy: &Layout) -> anyhow::Result<String> {
    let from = layout.database();
    if !from.exists() {
        return Ok(
            "; the inventory is in PostgreSQL: back it up with pg_dump before the ring".into(),
        );
    }
    let url: store::DatabaseUrl = format!("sqlite://{}", from.display())
        .parse()
        .context("the database's URL")?;
    let store = store::Store::open(&url, crate::up::SystemClock)
        .await
        .context("open the database")?;
    let copied = store.copy_to(&copy.database()).await;
    store.close().await;
    copied.context("copy the database")?;
    Ok(String::new())
}

fn make_new(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("make {}", path.display()))
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::copy(from, to).with_context(|| format!("copy {}", from.display()))?;
    std::fs::File::open(to)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("sync {}", to.display()))
}

/// Copies files and directories, in the order of their names: of the journal's segments, which
/// only ever grow at the end, that gives a state that was there at some moment.
fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_new(to)?;
    let mut entries = std::fs::read_dir(from)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read {}", from.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_file() {
            copy_file(&source, &target)?;
        } else if kind.is_symlink() {
            bail!(
                "{} is a symbolic link: nothing of ours makes one",
                source.display()
            );
        }
        // Sockets are made anew at every start.
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_and_a_link_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::create_dir_all(from.join("x")).expect("made");
        std::fs::write(from.join("x/y"), b"z").expect("written");
        copy_tree(&from, &to).expect("copied");
        assert_eq!(std::fs::read(to.join("x/y")).expect("there"), b"z");
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).expect("linked");
        assert!(copy_tree(&from, &dir.path().join("c")).is_err());
    }
}
