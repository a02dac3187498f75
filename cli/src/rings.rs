//! The rings that the server's configuration names: where their signers' sockets are.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::{Table, Value};

use crate::exit::{Failure, Outcome};
use crate::up::Layout;

/// What the first ring is called where the configuration does not say.
const FIRST: &str = "default";

/// Finds the directory of a ring's sockets by the server's name of the ring.
pub fn run_dir(layout: &Layout, name: &str) -> Outcome<PathBuf> {
    let file = layout.server_config();
    let rings = listed(&file)?;
    if rings.is_empty() && name == FIRST {
        return Ok(layout.run());
    }
    let found = rings.iter().find(|(ring, _)| ring == name);
    found.map(|(_, run)| run.clone()).ok_or_else(|| {
        let names: Vec<&str> = rings.iter().map(|(ring, _)| ring.as_str()).collect();
        Failure::Usage(format!(
            "{} has no ring `{name}`, only: {}. A directory of sockets is named with a slash in it",
            file.display(),
            names.join(", ")
        ))
    })
}

/// Reads the names of the rings and their directories, the first one first; none if there is no
/// configuration.
pub fn listed(file: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let Some(config) = read(file)? else {
        return Ok(Vec::new());
    };
    let text =
        |table: &Table, field: &str| table.get(field).and_then(Value::as_str).map(str::to_owned);
    let first = config.get("signer").and_then(Value::as_table).and_then(|signer| {
        let name = text(signer, "name").unwrap_or_else(|| FIRST.to_owned());
        Some((name, text(signer, "run")?.into()))
    });
    let more = tables(&config)
        .into_iter()
        .filter_map(|ring| Some((text(&ring, "name")?, text(&ring, "run")?.into())));
    Ok(first.into_iter().chain(more).collect())
}

/// Reads the rings beside the first one, as they stand in the configuration.
pub fn beside(file: &Path) -> anyhow::Result<Vec<Table>> {
    Ok(read(file)?.map(|config| tables(&config)).unwrap_or_default())
}

fn tables(config: &Table) -> Vec<Table> {
    let rings = config.get("ring").and_then(Value::as_array).into_iter().flatten();
    rings.filter_map(Value::as_table).cloned().collect()
}

fn read(file: &Path) -> anyhow::Result<Option<Table>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("read {}", file.display()))?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_found_by_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path()).expect("a layout");
        // Before the first start there is one ring.
        assert_eq!(run_dir(&layout, "default").expect("a directory"), layout.run());
        std::fs::create_dir(layout.server()).expect("a directory");
        let text = "[signer]\nrun = \"/run/a\"\n[[ring]]\nname = \"hsm\"\nrun = \"/run/b\"\n";
        std::fs::write(layout.server_config(), text).expect("written");
        for (name, run) in [("default", "/run/a"), ("hsm", "/run/b")] {
            assert_eq!(run_dir(&layout, name).expect("a directory"), Path::new(run));
        }
        let refused = run_dir(&layout, "other").expect_err("no such ring");
        assert_eq!(refused.code(), 2);
        assert!(refused.to_string().contains("default, hsm"), "{refused}");
        assert_eq!(beside(&layout.server_config()).expect("read").len(), 1);
    }
}
