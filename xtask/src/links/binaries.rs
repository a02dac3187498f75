//! Finds the built binaries and reads which shared libraries they load.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the binaries of a profile; without one, of release if they are there, else of dev.
///
/// Dev binaries that are missing are built.
pub fn find(
    root: &Path,
    names: &[&'static str],
    profile: Option<&str>,
) -> Result<Vec<(&'static str, PathBuf)>> {
    let target = target_dir(root);
    let of = |folder: &str| -> Vec<_> {
        names.iter().map(|name| (*name, target.join(folder).join(name))).collect()
    };
    let complete = |all: &[(&str, PathBuf)]| all.iter().all(|(_, path)| path.is_file());
    let folder = match profile {
        Some("dev" | "debug") => "debug",
        Some("release") => "release",
        Some(other) => bail!("no profile {other}: dev or release"),
        None if complete(&of("release")) => "release",
        None => "debug",
    };
    if !complete(&of(folder)) {
        build(root, folder)?;
    }
    let found = of(folder);
    if !complete(&found) {
        bail!("not all of {names:?} are in {}", target.join(folder).display());
    }
    Ok(found)
}

/// Where cargo builds to.
pub fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}

/// All targets in the dev profile: the same build that the tests use.
fn build(root: &Path, folder: &str) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--locked", "--workspace"]);
    cargo.arg(if folder == "release" { "--release" } else { "--all-targets" });
    let status = cargo.status().context("cargo")?;
    if !status.success() {
        bail!("cargo build: {status}");
    }
    Ok(())
}

/// Returns the NEEDED entries of an ELF file.
pub fn needed(path: &Path) -> Result<Vec<String>> {
    let readelf = Command::new("readelf").args(["--dynamic", "--wide"]).arg(path).output();
    let output = readelf.context("readelf (Debian package binutils)")?;
    if !output.status.success() {
        bail!("readelf {}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    }
    let libraries = parse(&String::from_utf8_lossy(&output.stdout));
    if libraries.is_empty() {
        bail!(
            "{} loads nothing, not even libc: readelf's answer was not understood",
            path.display()
        );
    }
    Ok(libraries)
}

fn parse(dynamic: &str) -> Vec<String> {
    let name = |line: &str| {
        let (_, quoted) = line.contains("(NEEDED)").then(|| line.split_once('['))??;
        Some(quoted.split_once(']')?.0.to_owned())
    };
    dynamic.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_answer_of_readelf() {
        let answer = "Dynamic section at offset 0x1 contains 2 entries:\n  Tag  Type  Name/Value\n \
            0x0000000000000001 (NEEDED)             Shared library: [libgcc_s.so.1]\n \
            0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n \
            0x000000000000001d (RUNPATH)            Library runpath: [/x]\n";
        assert_eq!(parse(answer), ["libgcc_s.so.1", "libc.so.6"]);
    }

    #[test]
    fn reads_this_program() {
        let own = std::env::current_exe().unwrap();
        let libraries = needed(&own).unwrap();
        assert!(libraries.iter().any(|library| library.starts_with("libc.so")), "{libraries:?}");
    }
}
