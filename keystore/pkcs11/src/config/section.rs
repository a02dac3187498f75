//! A reader of TOML tables that knows its path and collects every fault.

use core::fmt::Display;

use toml::{Table, Value};

/// What is wrong with the text, each with its path.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, path: &str, why: impl Display) {
        self.0.push(if path.is_empty() { why.to_string() } else { format!("{path}: {why}") });
    }
}

/// A table whose fields are taken out one by one; what is left at the end was not known.
pub(super) struct Section {
    pub(super) path: String,
    table: Table,
}

impl Section {
    pub(super) fn new(path: impl Into<String>, table: Table) -> Self {
        Self { path: path.into(), table }
    }

    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        if !self.table.contains_key(name) {
            faults.add(&self.at(name), "is missing");
            return None;
        }
        self.optional(name, faults, read)
    }

    /// Takes a field.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.table.remove(name)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(why) => {
                faults.add(&self.at(name), why);
                None
            }
        }
    }

    /// Takes the tables of an array, `[[name]]`.
    pub(super) fn tables(&mut self, name: &str, faults: &mut Faults) -> Vec<Self> {
        let path = self.at(name);
        let list = match self.table.remove(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                faults.add(&path, "is written as [[...]]");
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (number, value) in list.into_iter().enumerate() {
            match value {
                Value::Table(table) => tables.push(Self::new(format!("{path}[{number}]"), table)),
                _ => faults.add(&format!("{path}[{number}]"), "is no table"),
            }
        }
        tables
    }

    /// Takes the tables below a table, `[name.LABEL]`.
    pub(super) fn named(&mut self, name: &str, faults: &mut Faults) -> Vec<(String, Self)> {
        let path = self.at(name);
        let table = match self.table.remove(name) {
            None => return Vec::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                faults.add(&path, format_args!("is written as [{name}.NAME]"));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (label, value) in table {
            let at = format!("{path}.{label}");
            match value {
                Value::Table(table) => found.push((label, Self::new(at, table))),
                _ => faults.add(&at, "is no table"),
            }
        }
        found
    }

    /// Ends the reading: what is left is not known.
    pub(super) fn end(self, faults: &mut Faults) {
        for name in self.table.keys() {
            faults.add(&self.at(name), "is not known");
        }
    }
}

pub(super) fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::String(_) => Err("is empty".to_owned()),
        other => Err(format!("is a text, not a {}", other.type_str())),
    }
}

pub(super) fn texts(value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(list) => list.into_iter().map(text).collect(),
        other => Err(format!("is a list of texts, not a {}", other.type_str())),
    }
}

pub(super) fn number(value: Value, least: i64, most: i64) -> Result<i64, String> {
    match value {
        Value::Integer(number) if (least..=most).contains(&number) => Ok(number),
        Value::Integer(_) => Err(format!("is a number from {least} to {most}")),
        other => Err(format!("is a number, not a {}", other.type_str())),
    }
}
