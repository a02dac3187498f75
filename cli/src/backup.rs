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
use crate::output;
use crate::up::{Identities, Layout, Opener, RingFile, hand_over, setting};

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
        is_data_directory(&layout, "--data")?;
        if copy.data.exists() {
            return Err(Failure::Usage(format!(
                "--to: {} is there already: name a directory that is not",
                copy.data.display()
            )));
        }
        make_new(&copy.data)?;
        make_new(&copy.server())?;
        let inventory = copy_database(&layout, &copy).await?;
        make_new(&copy.signer())?;
        copy_tree(&layout.ring(), &copy.ring())?;
        let mut small = vec![
            (layout.admin_token(), copy.admin_token()),
            (layout.root_pem(), copy.root_pem()),
            (layout.url(), copy.url()),
            (layout.server_config(), copy.server_config()),
        ];
        // One that opened the ring before a rotation is left behind: it opens older copies.
        if !self.without_unlock && opener(&layout)? == Some(Opener::Credential) {
            small.push((layout.unlock(), copy.unlock()));
            // With the unlock credential beside it, it gives nothing away that is not there.
            small.push((layout.operator_key(), copy.operator_key()));
        }
        for (from, to) in small {
            if from.exists() {
                copy_file(&from, &to)?;
            }
        }
        output::text(&format!(
            "copied {} to {}\n{inventory}\n{}",
            layout.data.display(),
            copy.data.display(),
            match opener(&copy)? {
                Some(Opener::Credential) if copy.unlock().exists() => {
                    "the copy holds unlock.key: whoever has the copy has the keys"
                }
                Some(Opener::Credential) => {
                    "without unlock.key and operator.key: put them back before the copy is used"
                }
                Some(Opener::Shares) => "the copy opens with the shares of the ring's custodians",
                _ => "the copy opens with the passphrase of the ring",
            }
        ))
    }
}

impl Restore {
    /// Copies everything back and gives it to the users who work in it.
    pub fn run(self, global: &Global) -> Outcome {
        let layout = global.layout()?;
        if layout.data.exists() {
            return Err(Failure::Usage(format!(
                "--data: {} is there already: name a directory that is not",
                layout.data.display()
            )));
        }
        let copy = Layout::new(&self.from)?;
        is_data_directory(&copy, "--from")?;
        let identities = Identities::choose()?;
        copy_tree(&copy.data, &layout.data)?;
        let ring = RingFile::read(&layout.ring())?.context("the ring that was just copied")?;
        let changed = ring.admit(&identities)?;
        if layout.database().exists() {
            private(&layout.database())?;
        }
        hand_over(&layout, &identities)?;
        let mut lines =
            vec![format!("restored {} from {}", layout.data.display(), copy.data.display())];
        if changed {
            lines.push("the ring admits the users of this machine now: ring.toml".into());
        }
        if !layout.unlock().exists() && ring_needs_credential(&layout)? {
            lines.push(format!(
                "unlock.key is not in the copy: put it at {} before the start",
                layout.unlock().display()
            ));
        }
        lines.push(
            "Two signers with one ring would use the same serial numbers' space and CRL numbers:"
                .into(),
        );
        lines.push(
            "make sure that the old one is gone, then start this one with `chancery up`.".into(),
        );
        output::text(&lines.join("\n"))
    }
}

fn opener(layout: &Layout) -> anyhow::Result<Option<Opener>> {
    RingFile::read(&layout.ring())?.map(|ring| ring.unlock()).transpose()
}

fn ring_needs_credential(layout: &Layout) -> anyhow::Result<bool> {
    Ok(opener(layout)? == Some(Opener::Credential))
}

fn is_data_directory(layout: &Layout, option: &str) -> Outcome {
    let file = layout.ring().join("ring.toml");
    match std::fs::metadata(&file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Failure::Usage(format!(
                "{option}: {} is another user's: run this as whoever starts `up`, root or its owner",
                layout.data.display()
            )))
        }
        Err(_) => Err(Failure::Usage(format!(
            "{option}: {} is no data directory: there is no signer/ring/ring.toml in it",
            layout.data.display()
        ))),
    }
}

/// Copies SQLite through its own copy function, which sees no half-written page. Says what is to
/// be known of the inventory.
async fn copy_database(layout: &Layout, copy: &Layout) -> Outcome<String> {
    let none = "there is no inventory yet: the server was never started".to_owned();
    let Some(url) = setting(&layout.server_config(), "database", "url")? else {
        return Ok(none);
    };
    let url: store::DatabaseUrl = url.parse().context("the database's URL in server.toml")?;
    let Some(from) = url.file() else {
        return Ok(format!(
            "the inventory is at {url}: back it up with pg_dump, always before the ring"
        ));
    };
    if !from.exists() {
        return Ok(none);
    }
    let store =
        store::Store::open(&url, crate::up::SystemClock).await.context("open the database")?;
    let copied = store.copy_to(&copy.database()).await;
    store.close().await;
    copied.context("copy the database")?;
    private(&copy.database())?;
    Ok(format!("with the inventory from {}", from.display()))
}

/// SQLite makes its copy by the umask.
fn private(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("change the mode of {}", path.display()))
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
            bail!("{} is a symbolic link: nothing of ours makes one", source.display());
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
