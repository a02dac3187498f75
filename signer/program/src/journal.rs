//! `journal`: prints the leaves for people, from the files, which stay as they are.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use signer::{DirectoryError, OpenError};
use signer_proto::{Leaf, Wire as _};

use crate::page;

/// Which journal, and how.
#[derive(Args)]
pub(crate) struct Journal {
    /// The ring; a signer may have it open.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// The first position to print.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    from: u64,
}

impl Journal {
    /// Checks the whole journal as a start would, and prints it.
    pub(crate) fn run(self, program: &'static str) -> anyhow::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut failed = None;
        let mut print = |position: u64, bytes: &[u8]| {
            if position >= self.from && failed.is_none() {
                failed = self.print(&mut out, position, bytes).err();
            }
        };
        let (_, found) = signer::read_journal(&self.ring, &mut print)
            .map_err(|error| with_owner(error, &self.ring, program))
            .with_context(|| format!("the journal of {}", self.ring.display()))?;
        if found.cut > 0 {
            eprintln!(
                "{program}: {} octets at the end are no whole leaf: a write that was torn, or \
                 one under way",
                found.cut
            );
        }
        let written = match failed {
            Some(error) => Err(error),
            None => out.flush().context("stdout"),
        };
        match written {
            // Whoever reads it has enough, as `head` has.
            Err(error) if is_broken_pipe(&error) => Ok(()),
            written => written,
        }
    }

    fn print(&self, out: &mut impl Write, position: u64, bytes: &[u8]) -> anyhow::Result<()> {
        let leaf = Leaf::from_wire(bytes).context("a leaf")?;
        if self.json {
            writeln!(out, "{}", page::json(position, &leaf))?;
        } else {
            writeln!(out, "{}", page::line(position, &leaf))?;
        }
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Says as whom to read a ring that is somebody else's: not even root may, once this program has
/// given its privileges up.
fn with_owner(error: OpenError, ring: &Path, program: &'static str) -> anyhow::Error {
    let is_foreign = match &error {
        OpenError::Directory(DirectoryError::NotOurs { .. }) => true,
        OpenError::Directory(DirectoryError::Io { source, .. }) => {
            source.kind() == ErrorKind::PermissionDenied
        }
        _ => false,
    };
    match owner(ring, program).filter(|_| is_foreign) {
        Some(owner) => anyhow::Error::new(error).context(owner),
        None => error.into(),
    }
}

/// Whose the ring is, with the command that reads it.
#[derive(Debug)]
struct Owner {
    uid: u32,
    gid: u32,
    ring: PathBuf,
    program: &'static str,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, gid, ring, program } = self;
        write!(
            f,
            "only its owner reads it: as root, run `setpriv --reuid {uid} --regid {gid} \
             --clear-groups {program} journal --ring {}`",
            ring.display()
        )
    }
}

/// Finds the owner of the ring, or of the folder above it that keeps us from looking.
fn owner(ring: &Path, program: &'static str) -> Option<Owner> {
    let ring = std::path::absolute(ring).ok()?;
    let own = rustix::process::geteuid().as_raw();
    let seen = ring.ancestors().find_map(|path| path.symlink_metadata().ok())?;
    (seen.uid() != own).then(|| Owner {
        uid: seen.uid(),
        gid: seen.gid(),
        ring: ring.clone(),
        program,
    })
}
