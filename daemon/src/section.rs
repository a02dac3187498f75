//! A table of a configuration file, read field by field.

use std::fmt::Display;

use toml::{Table, Value};

/// Collects what is wrong with a file, each fault with its path.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Notes a fault of the field at `path`.
    pub fn add(&mut self, path: &str, why: impl Display) {
        self.0.push(format!("{path}: {why}"));
    }

    /// Tells whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives them in the order in which they were found.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.0
    }
}

/// Is one table; what was not taken when it ends is unknown.
#[derive(Debug)]
pub struct Section {
    path: String,
    fields: Table,
}

impl Section {
    /// Takes the file itself.
    #[must_use]
    pub fn root(fields: Table) -> Self {
        Self { path: String::new(), fields }
    }

    /// Takes a table out of this one; a missing one is an empty one.
    pub fn section(&mut self, name: &str, faults: &mut Faults) -> Self {
        let path = self.path_of(name);
        let fields = self.take(name, faults, "a table", |value| match value {
            Value::Table(fields) => Some(fields),
            _ => None,
        });
        Self { path, fields: fields.unwrap_or_default() }
    }

    /// Takes a list of tables out of this one; a missing one is an empty one.
    pub fn sections(&mut self, name: &str, faults: &mut Faults) -> Vec<Self> {
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
                other => {
                    faults.add(&path, format_args!("is a table, not this {}", other.type_str()));
                }
            }
        }
        sections
    }

    /// Names the fields that were not taken yet.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    /// Tells whether the file has the field.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Takes a text.
    pub fn text(&mut self, name: &str, faults: &mut Faults) -> Option<String> {
        self.take(name, faults, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Takes a text and reads it.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name, faults)?;
        read(&text).map_err(|error| faults.add(&self.path_of(name), error)).ok()
    }

    /// Takes a text that must be there, and reads it.
    pub fn required<T, E: Display>(
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

    /// Takes a list of texts and reads each; none if it is missing. One with a fault is left out.
    pub fn list<T, E: Display>(
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

    /// Takes an integer.
    pub fn integer(&mut self, name: &str, faults: &mut Faults) -> Option<i64> {
        self.take(name, faults, "an integer", |value| value.as_integer())
    }

    /// Takes a number within bounds.
    pub fn number(
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

    /// Takes a list of numeric ids.
    pub fn ids(&mut self, name: &str, faults: &mut Faults) -> Option<Vec<u32>> {
        self.take(name, faults, "a list of numeric ids", |value| {
            let values = value.as_array()?.iter();
            values.map(|value| u32::try_from(value.as_integer()?).ok()).collect()
        })
    }

    /// Takes a yes or no.
    pub fn boolean(&mut self, name: &str, faults: &mut Faults) -> Option<bool> {
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
    pub fn end(self, faults: &mut Faults) {
        for name in self.fields.keys() {
            faults.add(&self.path_of(name), "is not known");
        }
    }

    /// Gives the path of a field, as faults name it.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Section {
        Section::root(toml::from_str(text).expect("TOML"))
    }

    #[test]
    fn what_is_of_another_kind_is_told_with_its_path_and_left_out() {
        let mut faults = Faults::default();
        let mut root = root(
            "table = 1\ntables = [1, { a = 1 }]\ntext = 1\nparsed = \"x\"\nlist = [\"1\", \"x\"]\n\
             texts = [1]\ninteger = \"1\"\nnumber = 11\nids = [-1]\nboolean = 1\n\"left over\" = 1\n",
        );
        root.section("table", &mut faults).end(&mut faults);
        assert_eq!(root.sections("tables", &mut faults).len(), 1);
        assert_eq!(root.text("text", &mut faults), None);
        assert_eq!(root.parsed("parsed", &mut faults, str::parse::<u8>), None);
        assert_eq!(root.required("missing", &mut faults, str::parse::<u8>), None);
        assert_eq!(root.list("list", &mut faults, str::parse::<u8>), Some(vec![1]));
        assert_eq!(root.list("texts", &mut faults, str::parse::<u8>), None);
        assert_eq!(root.integer("integer", &mut faults), None);
        assert_eq!(root.number("number", &mut faults, (1, 10)), None);
        assert_eq!(root.ids("ids", &mut faults), None);
        assert_eq!(root.boolean("boolean", &mut faults), None);
        root.end(&mut faults);
        let expected = [
            "table: is a table, not this integer",
            "tables[1]: is a table, not this integer",
            "text: is a text, not this integer",
            "parsed: invalid digit found in string",
            "missing: is missing",
            "list: invalid digit found in string",
            "texts: is a list of texts, not this array",
            "integer: is an integer, not this string",
            "number: is a number from 1 to 10, not this integer",
            "ids: is a list of numeric ids, not this array",
            "boolean: is true or false, not this integer",
            "left over: is not known",
        ];
        assert_eq!(faults.into_lines(), expected);
    }

    #[test]
    fn what_is_missing_is_no_fault() {
        let mut faults = Faults::default();
        let mut root = root("a = { b = [\"1\"] }");
        let mut inner = root.section("a", &mut faults);
        assert_eq!(
            (inner.names(), inner.has("b"), inner.has("c")),
            (vec!["b".into()], true, false)
        );
        assert_eq!(inner.path_of("c"), "a.c");
        assert_eq!(inner.list("c", &mut faults, str::parse::<u8>), None);
        assert_eq!(inner.list("b", &mut faults, str::parse::<u8>), Some(vec![1]));
        inner.end(&mut faults);
        assert!(root.sections("none", &mut faults).is_empty());
        assert_eq!(root.boolean("none", &mut faults), None);
        root.end(&mut faults);
        assert!(faults.is_empty());
    }
}
