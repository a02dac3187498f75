//! `cargo xtask fuzz`: libFuzzer with the stable compiler, every target for FUZZ_SECONDS.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo-fuzz passes, but for the sanitizer, which needs an unstable compiler: there is no
/// unsafe code of ours for it to watch.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Coverflow-checks";
const SECONDS: &str = "300";

/// Builds the targets and runs those named, or all; `true` if none crashed.
pub fn run(root: &Path, wanted: &[String]) -> Result<bool> {
    let dir = root.join("tests/fuzz");
    let targets = targets(&dir)?;
    if let Some(unknown) = wanted.iter().find(|name| !targets.contains(name)) {
        bail!("no fuzz target {unknown}; there are {}", targets.join(", "));
    }
    let host = host()?;
    build(&dir, &host)?;
    let seconds = std::env::var("FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    let mut crashed = Vec::new();
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        println!("fuzz: {target} for {seconds} s");
        let program = dir.join("target").join(&host).join("release").join(target);
        if !fuzz(&dir, target, &program, &seconds)? {
            crashed.push(target.as_str());
        }
    }
    match crashed.is_empty() {
        true => println!("fuzz: {} targets, no crash", targets.len()),
        false => println!("fuzz: crashes in tests/fuzz/artifacts: {}", crashed.join(", ")),
    }
    Ok(crashed.is_empty())
}

fn targets(dir: &Path) -> Result<Vec<String>> {
    let folder = dir.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_stem(), path.extension().is_some_and(|e| e == "rs"))
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("no fuzz target in {}", folder.display());
    }
    Ok(names)
}

/// Naming the target keeps the coverage flags away from build scripts and macros.
fn build(dir: &Path, host: &str) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(dir).args(["build", "--release", "--bins", "--target", host]);
    cargo.arg("--target-dir").arg(dir.join("target"));
    if dir.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    let status = cargo.env("RUSTFLAGS", COVERAGE).status().context("cargo")?;
    if !status.success() {
        bail!("the fuzz targets do not build");
    }
    Ok(())
}

fn fuzz(dir: &Path, target: &str, program: &Path, seconds: &str) -> Result<bool> {
    let make = |folder: &str| -> Result<PathBuf> {
        let path = dir.join(folder).join(target);
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(path)
    };
    let (corpus, artifacts) = (make("corpus")?, make("artifacts")?);
    let mut command = Command::new(program);
    command.arg(&corpus);
    // Seeds are checked in; what libFuzzer finds goes to the first folder only.
    let seeds = dir.join("seeds").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
    let status = command.status().with_context(|| program.display().to_string())?;
    Ok(status.success())
}

fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_targets_by_their_files() {
        let dir = std::env::temp_dir().join(format!("chancery-fuzz-{}", std::process::id()));
        fs::create_dir_all(dir.join("fuzz_targets")).unwrap();
        for name in ["tbs.rs", "csr.rs", "README.md"] {
            fs::write(dir.join("fuzz_targets").join(name), "").unwrap();
        }
        let found = targets(&dir);
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found.unwrap(), ["csr", "tbs"]);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(targets(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn knows_its_host() {
        assert!(host().unwrap().contains(std::env::consts::ARCH));
    }
}
