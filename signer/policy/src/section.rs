//! A reader of TOML tables that knows its path and collects every error.

use core::cell::RefCell;
use core::fmt;
use std::rc::Rc;

use signer_proto::{Refusal, Rule};
use toml::{Table, Value};
use x509::UnixTime;

/// One thing that is wrong with a policy text. Malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Where: the TOML path, such as `certificates.names.dns[2]`; empty for the whole text.
    pub path: String,
    /// What, for a person.
    pub why: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.why)
        } else {
            write!(f, "{}: {}", self.path, self.why)
        }
    }
}

/// Everything that is wrong with a policy text, in the order of the text's sections; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct PolicyErrors(pub Vec<PolicyError>);

fn list(errors: &[PolicyError]) -> String {
    errors.iter().map(PolicyError::to_string).collect::<Vec<_>>().join("; ")
}

impl From<PolicyErrors> for Refusal {
    fn from(errors: PolicyErrors) -> Self {
        Self::new(Rule::PolicyMalformed, errors.to_string())
    }
}

type Collected = Rc<RefCell<Vec<PolicyError>>>;

/// A table whose fields are taken out one by one; what is left at the end was not known.
///
/// A getter that finds something wrong records it and returns a value that is never used, because
/// [`Section::finish`] then refuses the whole text.
pub(crate) struct Section {
    path: String,
    table: Table,
    errors: Collected,
}

impl Section {
    /// Reads the text as TOML.
    pub(crate) fn root(text: &str) -> Result<Self, PolicyErrors> {
        let table = text.parse::<Table>().map_err(|error| {
            let why = format!("not TOML: {}", error.message());
            PolicyErrors(vec![PolicyError { path: String::new(), why }])
        })?;
        Ok(Self { path: String::new(), table, errors: Collected::default() })
    }

    fn at(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// Records what is wrong with a field.
    pub(crate) fn wrong(&self, field: &str, why: impl Into<String>) {
        let error = PolicyError { path: self.at(field), why: why.into() };
        self.errors.borrow_mut().push(error);
    }

    fn missing(&self, field: &str) {
        self.wrong(field, "is missing");
    }

    /// Takes a table; none if it is absent.
    pub(crate) fn section(&mut self, field: &str) -> Option<Self> {
        match self.table.remove(field)? {
            Value::Table(table) => {
                let errors = Rc::clone(&self.errors);
                Some(Self { path: self.at(field), table, errors })
            }
            _ => {
                self.wrong(field, "is not a table");
                None
            }
        }
    }

    /// Takes a text; none if it is absent.
    pub(crate) fn optional_text(&mut self, field: &str) -> Option<String> {
        match self.table.remove(field)? {
            Value::String(text) => Some(text),
            _ => {
                self.wrong(field, "is not a text");
                None
            }
        }
    }

    /// Takes a text that has to be there and means a `T`.
    pub(crate) fn parsed<T>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.table.contains_key(field) {
            self.missing(field);
        }
        self.optional_parsed(field, parse)
    }

    /// Takes a text that means a `T`; none if it is absent.
    pub(crate) fn optional_parsed<T>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.optional_text(field)?;
        parse(&text).map_err(|why| self.wrong(field, why)).ok()
    }

    /// Takes a boolean; `otherwise` if it is absent.
    pub(crate) fn flag(&mut self, field: &str, otherwise: bool) -> bool {
        match self.table.remove(field) {
            None => otherwise,
            Some(Value::Boolean(flag)) => flag,
            Some(_) => {
                self.wrong(field, "is neither true nor false");
                otherwise
            }
        }
    }

    /// Takes an integer within `0..=most`; none if it is absent.
    pub(crate) fn number(&mut self, field: &str, most: i64) -> Option<u64> {
        let within = |n: i64| (n <= most).then_some(n).and_then(|n| u64::try_from(n).ok());
        match self.table.remove(field)? {
            Value::Integer(number) => within(number).or_else(|| {
                self.wrong(field, format!("is not within 0 to {most}"));
                None
            }),
            _ => {
                self.wrong(field, "is not an integer");
                None
            }
        }
    }

    /// Takes an integer within `0..=most` that has to be there.
    pub(crate) fn required_number(&mut self, field: &str, most: i64) -> u64 {
        if !self.table.contains_key(field) {
            self.missing(field);
        }
        self.number(field, most).unwrap_or_default()
    }

    /// Takes a duration that has to be there, in seconds.
    pub(crate) fn duration(&mut self, field: &str) -> i64 {
        self.parsed(field, seconds).unwrap_or_default()
    }

    /// Takes a duration in seconds; `otherwise` if it is absent.
    pub(crate) fn duration_or(&mut self, field: &str, otherwise: i64) -> i64 {
        self.optional_parsed(field, seconds).unwrap_or(otherwise)
    }

    /// Takes a time that has to be there.
    pub(crate) fn time(&mut self, field: &str) -> UnixTime {
        self.parsed(field, |text| UnixTime::parse_rfc3339(text).map_err(|e| e.to_string()))
            .unwrap_or(UnixTime(0))
    }

    /// Takes a list of texts; none if it is absent. A member must not appear twice.
    pub(crate) fn texts(&mut self, field: &str) -> Option<Vec<String>> {
        let Value::Array(values) = self.table.remove(field)? else {
            self.wrong(field, "is not a list");
            return Some(Vec::new());
        };
        let mut texts: Vec<String> = Vec::with_capacity(values.len());
        for (at, value) in values.into_iter().enumerate() {
            match value {
                Value::String(text) if texts.contains(&text) => {
                    self.wrong(&format!("{field}[{at}]"), "is there twice");
                }
                Value::String(text) => texts.push(text),
                _ => self.wrong(&format!("{field}[{at}]"), "is not a text"),
            }
        }
        Some(texts)
    }

    /// Takes a list of lists whose members each mean a `T`; none if it is absent. A member must
    /// not appear twice in its list.
    pub(crate) fn optional_sets<T: PartialEq>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<Vec<T>>> {
        let Value::Array(values) = self.table.remove(field)? else {
            self.wrong(field, "is not a list of lists");
            return None;
        };
        let mut sets = Vec::with_capacity(values.len());
        for (at, value) in values.into_iter().enumerate() {
            let path = format!("{field}[{at}]");
            let Value::Array(members) = value else {
                self.wrong(&path, "is not a list");
                continue;
            };
            let mut set: Vec<T> = Vec::with_capacity(members.len());
            for (at, member) in members.iter().enumerate() {
                let text = member.as_str().ok_or_else(|| "is not a text".to_owned());
                match text.and_then(&parse) {
                    Ok(member) if set.contains(&member) => {
                        self.wrong(&format!("{path}[{at}]"), "is there twice");
                    }
                    Ok(member) => set.push(member),
                    Err(why) => self.wrong(&format!("{path}[{at}]"), why),
                }
            }
            sets.push(set);
        }
        Some(sets)
    }

    /// Takes a list whose members each mean a `T`; empty if it is absent.
    pub(crate) fn list<T>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let texts = self.texts(field).unwrap_or_default();
        self.parse_all(field, &texts, parse)
    }

    fn parse_all<T>(
        &self,
        field: &str,
        texts: &[String],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let parsed = |(at, text): (usize, &String)| {
            parse(text).map_err(|why| self.wrong(&format!("{field}[{at}]"), why)).ok()
        };
        texts.iter().enumerate().filter_map(parsed).collect()
    }

    /// Takes a list that is `["any"]` or names each member; none if it is absent.
    pub(crate) fn optional_scope<T>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Scope<T>> {
        let texts = self.texts(field)?;
        if texts.iter().any(|text| text == "any") {
            if texts.len() > 1 {
                self.wrong(field, "\"any\" stands alone or not at all");
            }
            return Some(Scope::Any);
        }
        Some(Scope::Only(self.parse_all(field, &texts, parse)))
    }

    /// Takes a list that is `["any"]` or names each member; nothing if it is absent.
    pub(crate) fn scope<T>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Scope<T> {
        self.optional_scope(field, parse).unwrap_or(Scope::Only(Vec::new()))
    }

    /// Records every field that nobody asked for.
    pub(crate) fn finish(self) {
        for field in self.table.keys() {
            self.wrong(field, "is not known here");
        }
    }

    /// Ends the root section without a word on the fields that nobody asked for.
    pub(crate) fn without_leftovers<T>(mut self) -> Result<T, PolicyErrors> {
        self.table.clear();
        self.end(None)
    }

    /// Ends the root section: the value, or everything that was wrong.
    pub(crate) fn end<T>(self, value: Option<T>) -> Result<T, PolicyErrors> {
        let errors = Rc::clone(&self.errors);
        self.finish();
        let mut errors = errors.take();
        match value {
            Some(value) if errors.is_empty() => Ok(value),
            _ => {
                if errors.is_empty() {
                    let why = "is not a whole policy".to_owned();
                    errors.push(PolicyError { path: String::new(), why });
                }
                Err(PolicyErrors(errors))
            }
        }
    }
}

/// What is permitted: everything, or what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope<T> {
    /// Everything, written explicitly.
    Any,
    /// These; an empty list permits nothing.
    Only(Vec<T>),
}

impl<T> Scope<T> {
    /// Tells whether everything is permitted, or one of the listed ones fits.
    pub(crate) fn admits(&self, fits: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Only(listed) => listed.iter().any(fits),
        }
    }
}

/// Reads `90s`, `5m`, `1h`, `398d`: digits without a leading zero, then one unit.
fn seconds(text: &str) -> Result<i64, String> {
    let bad = || "is not a duration such as \"90s\", \"5m\", \"1h\" or \"398d\"".to_owned();
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => return Err(bad()),
    };
    let digits = text.get(..text.len().saturating_sub(1)).ok_or_else(bad)?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if digits.is_empty() || !canonical || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let count: i64 = digits.parse().map_err(|_| bad())?;
    // No certificate lives longer than the calendar of RFC 5280 §4.1.2.5 reaches.
    count
        .checked_mul(unit)
        .filter(|seconds| *seconds <= UnixTime::NEVER.0)
        .ok_or_else(|| "is longer than any certificate can live".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_spelling() {
        for (text, value) in
            [("0s", 0), ("90s", 90), ("5m", 300), ("1h", 3_600), ("398d", 34_387_200)]
        {
            assert_eq!(seconds(text), Ok(value), "{text}");
        }
        for text in
            ["", "d", "1", "01d", "-1d", "+1d", "1.5h", "1 d", "1w", "1D", "9999999999d", "٣d"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_error_is_collected_with_its_path() {
        let mut root = Section::root("a = 1\n[s]\nl = [\"x\", 2, \"x\"]\nq = true\n").unwrap();
        root.parsed::<()>("gone", |_| Ok(()));
        assert_eq!(root.optional_text("a"), None);
        let mut section = root.section("s").unwrap();
        section.texts("l");
        section.finish();
        let errors = root.end(Some(())).unwrap_err();
        assert_eq!(
            errors.to_string(),
            "gone: is missing; a: is not a text; s.l[1]: is not a text; s.l[2]: is there twice; \
             s.q: is not known here"
        );
    }

    #[test]
    fn refuses_any_beside_others() {
        let mut root = Section::root("l = [\"any\", \"x\"]").unwrap();
        assert_eq!(root.scope("l", |t| Ok(t.to_owned())), Scope::Any);
        assert_eq!(
            root.end(Some(())).unwrap_err().to_string(),
            "l: \"any\" stands alone or not at all"
        );
    }

    #[test]
    fn a_text_that_is_no_toml_is_one_error() {
        let errors = Section::root("a = ").err().unwrap();
        assert!(errors.to_string().starts_with("not TOML: "), "{errors}");
    }
}
