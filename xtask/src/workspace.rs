//! The tree as the laws see it: packages with their dependencies, and Rust sources.

use crate::source::Source;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The workspace.
pub struct Workspace {
    /// The manifest of the workspace itself.
    pub manifest: toml::Table,
    /// The packages, fuzz targets included.
    pub packages: Vec<Package>,
    /// All Rust sources.
    pub sources: Vec<Source>,
}

/// One package's manifest.
pub struct Package {
    /// The package's name.
    pub name: String,
    /// Its folder from the root.
    pub dir: String,
    /// Its dependencies of all kinds.
    pub dependencies: Vec<Dependency>,
    /// Says whether it takes the workspace's lints.
    pub takes_lints: bool,
}

impl Package {
    /// The path of the manifest.
    pub fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.dir)
    }

    /// Says whether the package is a kind of test.
    pub fn is_test(&self) -> bool {
        self.dir.starts_with("tests/")
    }
}

/// One dependency in a manifest.
pub struct Dependency {
    /// The package that is depended on.
    pub name: String,
    /// Says whether only tests see it.
    pub dev: bool,
    /// The features that are switched on for it.
    pub features: Vec<String>,
    /// Its line in the manifest, from 1.
    pub line: usize,
}

impl Workspace {
    /// Reads the tree.
    pub fn load(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        files.sort();
        Self::of(&files)
    }

    /// Makes a workspace of paths and texts.
    pub fn of<S: AsRef<str>>(files: &[(S, S)]) -> Result<Self> {
        let mut all =
            Self { manifest: toml::Table::new(), packages: Vec::new(), sources: Vec::new() };
        for (path, text) in files {
            let (path, text) = (path.as_ref(), text.as_ref());
            if path.ends_with(".rs") {
                all.sources.push(Source::new(path, text));
                continue;
            }
            let table: toml::Table = toml::from_str(text).with_context(|| path.to_owned())?;
            if path == "Cargo.toml" {
                all.manifest = table;
            } else {
                all.packages.push(package(path, &table, text).with_context(|| path.to_owned())?);
            }
        }
        all.mark_test_modules();
        Ok(all)
    }

    /// A file whose `mod` stands under `#[cfg(test)]` is for tests, with all below it.
    fn mark_test_modules(&mut self) {
        let modules: Vec<String> = self.sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut self.sources {
            let stem = source.path.trim_end_matches(".rs");
            let below = |module: &String| stem == module || stem.starts_with(&format!("{module}/"));
            if modules.iter().any(below) {
                source.mark_as_test();
            }
        }
    }

    /// The package in whose folder a path lies.
    pub fn package_of(&self, path: &str) -> Option<&Package> {
        let holds = |package: &&Package| path.starts_with(&format!("{}/", package.dir));
        self.packages.iter().filter(holds).max_by_key(|package| package.dir.len())
    }
}

fn collect(root: &Path, below: &str, files: &mut Vec<(String, String)>) -> Result<()> {
    let dir = root.join(below);
    for entry in fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().context("a file name that is not UTF-8")?;
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // Build directories, hidden ones and what an installation writes.
            let skip = name.starts_with("target") || name.starts_with('.') || path == "data";
            if !skip {
                collect(root, &path, files)?;
            }
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            let text = fs::read_to_string(entry.path()).with_context(|| path.clone())?;
            files.push((path, text));
        }
    }
    Ok(())
}

fn package(path: &str, table: &toml::Table, text: &str) -> Result<Package> {
    let name = table
        .get("package")
        .and_then(|package| package.get("name")?.as_str())
        .context("no package.name")?;
    let mut dependencies = Vec::new();
    add_dependencies(table, text, &mut dependencies);
    let targets = table.get("target").and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(toml::Table::values) {
        if let Some(target) = target.as_table() {
            add_dependencies(target, text, &mut dependencies);
        }
    }
    let lints = table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    Ok(Package {
        name: name.to_owned(),
        dir: path.trim_end_matches("/Cargo.toml").to_owned(),
        dependencies,
        takes_lints: lints == Some(true),
    })
}

fn add_dependencies(table: &toml::Table, text: &str, into: &mut Vec<Dependency>) {
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let listed = table.get(kind).and_then(toml::Value::as_table);
        for (key, value) in listed.into_iter().flatten() {
            let features = value.get("features").and_then(toml::Value::as_array);
            let features = features.into_iter().flatten().filter_map(toml::Value::as_str);
            let renamed = value.get("package").and_then(toml::Value::as_str);
            into.push(Dependency {
                name: renamed.unwrap_or(key).to_owned(),
                dev: kind == "dev-dependencies",
                features: features.map(str::to_owned).collect(),
                line: line_of_key(text, kind, key),
            });
        }
    }
}

/// The line of a key in its section; of the file's first line where it stands in another form.
fn line_of_key(text: &str, section: &str, key: &str) -> usize {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let header = line.trim_matches(['[', ']']);
            if header == format!("{section}.{key}") {
                return index + 1;
            }
            inside = header == section || header.ends_with(&format!(".{section}"));
        } else if inside && line.split(['.', '=', ' ']).next() == Some(key) {
            return index + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dependencies_of_every_kind_with_their_lines() {
        let manifest = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n[dependencies]\nb.workspace = true\n\
            c = { package = \"d\", version = \"1\" }\n[dev-dependencies]\nb = \"1\"\n\
            [target.'cfg(unix)'.build-dependencies]\ne = \"1\"\n[dependencies.f]\nversion = \"1\"\n";
        let workspace = Workspace::of(&[("x/a/Cargo.toml", manifest)]).unwrap();
        let package = &workspace.packages[0];
        assert_eq!((package.name.as_str(), package.dir.as_str()), ("a", "x/a"));
        assert!(package.takes_lints);
        let mut found: Vec<_> =
            package.dependencies.iter().map(|d| (d.name.as_str(), d.dev, d.line)).collect();
        found.sort();
        assert_eq!(
            found,
            [("b", false, 6), ("b", true, 9), ("d", false, 7), ("e", false, 11), ("f", false, 12)]
        );
    }

    #[test]
    fn a_path_belongs_to_the_innermost_package() {
        let manifest = |name: &str| format!("[package]\nname = \"{name}\"\n");
        let files = [
            ("a/Cargo.toml".to_owned(), manifest("a")),
            ("a/b/Cargo.toml".to_owned(), manifest("b")),
        ];
        let workspace = Workspace::of(&files).unwrap();
        let name = |path: &str| workspace.package_of(path).map(|p| p.name.as_str());
        assert_eq!(name("a/b/src/lib.rs"), Some("b"));
        assert_eq!(name("a/src/lib.rs"), Some("a"));
        assert_eq!(name("ab/src/lib.rs"), None);
    }
}
