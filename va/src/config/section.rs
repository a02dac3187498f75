//! A table of the file, read field by field, so that every fault is told at once.

use toml::{Table, Value};

/// Collects what is wrong with a file, each with its path.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, path: &str, why: impl std::fmt::Display) {
        self.0.push(format!("{path}: {why}"));
    }
}

/// Is one table; what was not taken when it ends is unknown.
pub(super) struct Section {
    path: String,
    pub(super) fields: Table,
}

impl Section {
    /// Takes the file itself.
    pub(super) fn root(fields: Table) -> Self {
        Self { path: String::new(), fields }
    }

    /// Takes a table out of this one; a missing one is an empty one.
    pub(super) fn section(&mut self, name: &str, faults: &mut Faults) -> Self {
        let path = self.path_of(name);
        let fields = self.take(name, faults, "a table", |value| match value {
            Value::Table(fields) => Some(fields),
            _ => None,
        });
        Self { path, fields: fields.unwrap_or_default() }
    }

    /// Takes a text and reads it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name, faults, "a text", |value| value.as_str().map(str::to_owned))?;
        read(&text).map_err(|error| faults.add(&self.path_of(name), error)).ok()
    }

    /// Takes a text that must be there, and reads it.
    pub(super) fn required<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.fields.contains_key(name) {
            faults.add(&self.path_of(name), "is missing");
            return None;
        }
        self.parsed(name, faults, read)
    }

    /// Takes a list of texts and reads each; none if it is missing.
    pub(super) fn list<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = self.take(name, faults, "a list of texts", |value| {
            let values = value.as_array()?.iter();
            values.map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        })?;
        let path = self.path_of(name);
        let mut one = |text: &String| read(text).map_err(|error| faults.add(&path, error)).ok();
        Some(texts.iter().filter_map(&mut one).collect())
    }

    /// Takes a number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        faults: &mut Faults,
        (least, most): (u32, u32),
    ) -> Option<u32> {
        let words = format!("a number from {least} to {most}");
        self.take(name, faults, &words, |value| {
            let number = u32::try_from(value.as_integer()?).ok()?;
            (least..=most).contains(&number).then_some(number)
        })
    }

    /// Takes a list of user ids.
    pub(super) fn numbers(&mut self, name: &str, faults: &mut Faults) -> Option<Vec<u32>> {
        self.take(name, faults, "a list of numeric ids", |value| {
            let values = value.as_array()?.iter();
            values.map(|value| u32::try_from(value.as_integer()?).ok()).collect()
        })
    }

    /// Takes a yes or no.
    pub(super) fn boolean(&mut self, name: &str, faults: &mut Faults) -> Option<bool> {
        self.take(name, faults, "true or false", |value| value.as_bool())
    }

    fn take<T>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        words: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.fields.remove(name)?;
        let found = value.type_str();
        let read = read(value);
        if read.is_none() {
            faults.add(&self.path_of(name), format_args!("is {words}, not this {found}"));
        }
        read
    }

    /// Names what is left: nobody knows it.
    pub(super) fn end(self, faults: &mut Faults) {
        for name in self.fields.keys() {
            faults.add(&self.path_of(name), "is not known");
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
