//! A table of a configuration file, read field by field, so that every fault is told at once.

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
    fields: Table,
}

impl Section {
    /// Takes the file itself.
    pub(super) fn root(fields: Table) -> Self {
        Self { path: String::new(), fields }
    }

    /// Takes a table out of this one; a missing one is an empty one.
    pub(super) fn section(&mut self, name: &str, faults: &mut Faults) -> Self {
        let path = self.path_of(name);
        let fields = match self.fields.remove(name) {
            None => Table::new(),
            Some(Value::Table(fields)) => fields,
            Some(other) => {
                faults.add(&path, format_args!("is a table, not a {}", other.type_str()));
                Table::new()
            }
        };
        Self { path, fields }
    }

    /// Takes a list of tables out of this one; a missing one is an empty one.
    pub(super) fn sections(&mut self, name: &str, faults: &mut Faults) -> Vec<Self> {
        let path = self.path_of(name);
        let values = match self.fields.remove(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(other) => vec![other],
        };
        let mut sections = Vec::new();
        for (number, value) in (1..).zip(values) {
            let path = format!("{path}[{number}]");
            match value {
                Value::Table(fields) => sections.push(Self { path, fields }),
                other => faults.add(&path, format_args!("is a table, not a {}", other.type_str())),
            }
        }
        sections
    }

    /// Tells whether the file has the field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str, faults: &mut Faults) -> Option<String> {
        match self.fields.remove(name)? {
            Value::String(text) => Some(text),
            other => {
                let path = self.path_of(name);
                faults.add(&path, format_args!("is a text, not a {}", other.type_str()));
                None
            }
        }
    }

    /// Takes a text and reads it.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name, faults)?;
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                faults.add(&self.path_of(name), error);
                None
            }
        }
    }

    /// Takes a text that must be there, and reads it.
    pub(super) fn required<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(name) {
            faults.add(&self.path_of(name), "is missing");
            return None;
        }
        self.parsed(name, faults, read)
    }

    /// Takes a list of texts; a missing one is an empty one.
    pub(super) fn texts(&mut self, name: &str, faults: &mut Faults) -> Vec<String> {
        let path = self.path_of(name);
        let Some(value) = self.fields.remove(name) else {
            return Vec::new();
        };
        let texts = value.as_array().and_then(|values| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            values.iter().map(text).collect()
        });
        texts.unwrap_or_else(|| {
            faults.add(&path, "is a list of texts");
            Vec::new()
        })
    }

    /// Takes an integer.
    pub(super) fn integer(&mut self, name: &str, faults: &mut Faults) -> Option<i64> {
        match self.fields.remove(name)? {
            Value::Integer(value) => Some(value),
            other => {
                let path = self.path_of(name);
                faults.add(&path, format_args!("is an integer, not a {}", other.type_str()));
                None
            }
        }
    }

    /// Takes a yes or no; a missing one is a no.
    pub(super) fn boolean(&mut self, name: &str, faults: &mut Faults) -> bool {
        match self.fields.remove(name) {
            None => false,
            Some(Value::Boolean(value)) => value,
            Some(other) => {
                let path = self.path_of(name);
                faults.add(&path, format_args!("is true or false, not a {}", other.type_str()));
                false
            }
        }
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
