//! `cargo xtask test`: builds once, runs every test and lists the tools that were missing.

mod skipped;

use anyhow::{Context, Result, bail};
use skipped::Skipped;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs all tests; `true` if all passed and, with CHANCERY_NO_SKIP=1, no tool was missing.
pub fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    // The binaries that the tests start, and the tests, in the one build that lint shares.
    let mut build = cargo(root, &["build", "--locked", "--workspace", "--all-targets"]);
    if !build.status().context("cargo")?.success() {
        bail!("the workspace does not build");
    }
    let mut skipped = Skipped::default();
    let passed = match has_nextest(root) {
        true => with_nextest(root, arguments, &mut skipped)?,
        false => with_cargo(root, arguments, &mut skipped)?,
    };
    let documented = cargo(root, &["test", "--locked", "--workspace", "--doc", "--quiet"]);
    let documented = documented_examples(documented)?;
    print!("{skipped}");
    let strict = std::env::var("CHANCERY_NO_SKIP").is_ok_and(|value| value == "1");
    let complete = skipped.is_empty() || !strict;
    if !complete {
        println!("CHANCERY_NO_SKIP=1: a skipped tool is a failure");
    }
    Ok(passed && documented && complete)
}

fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    command
}

fn has_nextest(root: &Path) -> bool {
    let asked = cargo(root, &["nextest", "--version"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// nextest hides what a passed test prints; its JUnit file keeps it.
fn with_nextest(root: &Path, arguments: &[String], skipped: &mut Skipped) -> Result<bool> {
    let report = crate::links::target_dir(root).join("nextest/default/junit.xml");
    if report.exists() {
        fs::remove_file(&report).context("the last report")?;
    }
    let mut nextest = cargo(root, &["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]);
    let status = nextest.args(arguments).status().context("cargo nextest")?;
    if let Ok(report) = fs::read_to_string(&report) {
        report.lines().for_each(|line| skipped.read_xml(line));
    }
    Ok(status.success())
}

fn with_cargo(root: &Path, arguments: &[String], skipped: &mut Skipped) -> Result<bool> {
    let mut test = cargo(root, &["test", "--locked", "--workspace", "--no-fail-fast"]);
    // All targets but documentation, which is run after; --show-output prints what passed said.
    test.args(["--lib", "--bins", "--tests", "--examples"]).args(arguments);
    test.args(["--", "--show-output"]).stdout(Stdio::piped());
    let mut child = test.spawn().context("cargo test")?;
    let output = child.stdout.take().context("cargo test's output")?;
    let mut sums = (0, 0);
    for line in BufReader::new(output).lines() {
        let line = line?;
        skipped.read(&line);
        if let Some((passed, failed)) = result(&line) {
            sums = (sums.0 + passed, sums.1 + failed);
        }
        println!("{line}");
    }
    let status = child.wait()?;
    println!("{} passed, {} failed", sums.0, sums.1);
    Ok(status.success())
}

fn documented_examples(mut test: Command) -> Result<bool> {
    let output = test.output().context("cargo test --doc")?;
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stdout));
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.status.success())
}

/// `test result: ok. 3 passed; 1 failed; ...`
fn result(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let passed = counts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = counts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_result_line() {
        for (line, expected) in [
            ("test result: ok. 17 passed; 0 failed; 0 ignored; 0 measured", Some((17, 0))),
            ("test result: FAILED. 3 passed; 2 failed; 0 ignored", Some((3, 2))),
            ("test a ... ok", None),
        ] {
            assert_eq!(result(line), expected, "{line}");
        }
    }
}
