//! `journal`: prints the leaves for people, offline.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use signer_proto::{Leaf, Wire as _};

use crate::page;

/// Which journal, and how.
#[derive(Args)]
pub(crate) struct Journal {
    /// The ring; no signer may have it open.
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
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut failed = None;
        let mut print = |position: u64, bytes: &[u8]| {
            if position >= self.from && failed.is_none() {
                failed = self.print(&mut out, position, bytes).err();
            }
        };
        signer::read_journal(&self.ring, &mut print)
            .with_context(|| format!("the journal of {}", self.ring.display()))?;
        if let Some(error) = failed {
            return Err(error);
        }
        out.flush().context("stdout")
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
