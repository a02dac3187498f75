//! What a new policy changes, in words, and whether it could admit more.
//!
//! [`compare`] calls a change *narrowing* only where it follows from the rules that the new policy
//! admits nothing that the old one refused. What does not follow is *widening*: a change that is
//! called too wide costs an approval more, one that is called too narrow costs the claim.
//!
//! Every rule compares itself beside its fields, and takes its fields apart by name: a field that
//! is not compared does not compile.

use core::fmt;

use super::key_policy::KeyPolicy;
use super::section::Scope;
use super::subject::hides;

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The text may differ, the meaning does not.
    Same,
    /// Whatever the new policy admits, the old one admitted.
    Narrowing,
    /// Anything else.
    Widening,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Narrowing => "narrowing",
            Self::Widening => "widening",
        })
    }
}

/// The difference of two policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which way it goes, as a whole.
    pub kind: ChangeKind,
    /// One line for each thing that changes, what widens first: the path in the text, what
    /// becomes of it, and `wider` or `narrower`. No line holds a line feed.
    pub words: Vec<String>,
}

/// Compares a policy with the one that is to follow it.
#[must_use]
pub fn compare(old: &KeyPolicy, new: &KeyPolicy) -> Change {
    let mut diff = Diff::default();
    old.compare(new, &mut diff);
    diff.change()
}

struct Line {
    widens: bool,
    words: String,
}

/// Collects what changes; knows where in the text it is.
#[derive(Default)]
pub(crate) struct Diff {
    path: Vec<&'static str>,
    lines: Vec<Line>,
}

impl Diff {
    fn change(mut self) -> Change {
        // A stable sort: within each half the order of the text stays.
        self.lines.sort_by_key(|line| !line.widens);
        let kind = match self.lines.first() {
            None => ChangeKind::Same,
            Some(line) if line.widens => ChangeKind::Widening,
            Some(_) => ChangeKind::Narrowing,
        };
        Change { kind, words: self.lines.into_iter().map(|line| line.words).collect() }
    }

    fn note(&mut self, field: &str, widens: bool, what: &str) {
        let mut words = String::new();
        for part in &self.path {
            words.push_str(part);
            words.push('.');
        }
        let which = if widens { "wider" } else { "narrower" };
        words.push_str(&format!("{field}: {what} ({which})"));
        self.lines.push(Line { widens, words: in_one_line(&words) });
    }

    /// Compares what is below a table of the text.
    pub(crate) fn section(&mut self, name: &'static str, compare: impl FnOnce(&mut Self)) {
        self.path.push(name);
        compare(self);
        self.path.pop();
    }

    /// Compares what stands in a table of its own, though it belongs here.
    pub(crate) fn outside(&mut self, compare: impl FnOnce(&mut Self)) {
        let path = core::mem::take(&mut self.path);
        compare(self);
        self.path = path;
    }

    /// Notes a change that could admit more.
    pub(crate) fn widens(&mut self, field: &str, what: &str) {
        self.note(field, true, what);
    }

    /// Notes a change that admits no more.
    pub(crate) fn narrows(&mut self, field: &str, what: &str) {
        self.note(field, false, what);
    }

    /// A value with no order: every other one is another world.
    pub(crate) fn fixed<T: PartialEq>(&mut self, field: &str, old: &T, new: &T, show: Show<T>) {
        if old != new {
            self.widens(field, &from_to(&show(old), &show(new)));
        }
    }

    /// A value that admits more the larger it is.
    pub(crate) fn ceiling<T: Ord>(&mut self, field: &str, old: &T, new: &T, show: Show<T>) {
        if old != new {
            self.note(field, new > old, &from_to(&show(old), &show(new)));
        }
    }

    /// A value that admits more the smaller it is.
    pub(crate) fn floor<T: Ord>(&mut self, field: &str, old: &T, new: &T, show: Show<T>) {
        if old != new {
            self.note(field, new < old, &from_to(&show(old), &show(new)));
        }
    }

    /// A flag that admits more when it is set.
    pub(crate) fn allowance(&mut self, field: &str, old: bool, new: bool) {
        self.ceiling(field, &old, &new, bool::to_string);
    }

    /// A list that admits what any of its members admits: `covers(a, b)` says that `a` admits all
    /// that `b` admits.
    pub(crate) fn list<T: PartialEq>(
        &mut self,
        field: &str,
        (old, new): (&[T], &[T]),
        covers: impl Fn(&T, &T) -> bool,
        show: Show<T>,
    ) {
        let added = new.iter().filter(|member| !old.contains(member));
        let (wide, narrow): (Vec<&T>, Vec<&T>) =
            added.partition(|member| !old.iter().any(|before| covers(before, member)));
        self.members(field, true, "adds", &wide, show);
        self.members(field, false, "adds, within what was there,", &narrow, show);
        let gone: Vec<&T> = old.iter().filter(|member| !new.contains(member)).collect();
        self.members(field, false, "removes", &gone, show);
    }

    /// A list whose members each refuse something: `covers(a, b)` says that `a` refuses all that
    /// `b` refuses.
    pub(crate) fn exclusions<T: PartialEq>(
        &mut self,
        field: &str,
        (old, new): (&[T], &[T]),
        covers: impl Fn(&T, &T) -> bool,
        show: Show<T>,
    ) {
        let gone = old.iter().filter(|member| !new.contains(member));
        let (wide, narrow): (Vec<&T>, Vec<&T>) =
            gone.partition(|member| !new.iter().any(|after| covers(after, member)));
        self.members(field, true, "removes", &wide, show);
        self.members(field, false, "removes, within what stays,", &narrow, show);
        let added: Vec<&T> = new.iter().filter(|member| !old.contains(member)).collect();
        self.members(field, false, "adds", &added, show);
    }

    /// A list that is `["any"]` or names each member.
    pub(crate) fn scope<T: PartialEq>(
        &mut self,
        field: &str,
        (old, new): (&Scope<T>, &Scope<T>),
        covers: impl Fn(&T, &T) -> bool,
        show: Show<T>,
    ) {
        match (old, new) {
            (Scope::Any, Scope::Any) => {}
            (Scope::Only(old), Scope::Only(new)) => self.list(field, (old, new), covers, show),
            (Scope::Any, Scope::Only(new)) => {
                self.narrows(
                    field,
                    &from_to("any", &listed(&new.iter().collect::<Vec<_>>(), show)),
                );
            }
            (Scope::Only(old), Scope::Any) => {
                self.widens(field, &from_to(&listed(&old.iter().collect::<Vec<_>>(), show), "any"));
            }
        }
    }

    fn members<T>(&mut self, field: &str, widens: bool, verb: &str, of: &[&T], show: Show<T>) {
        if !of.is_empty() {
            self.note(field, widens, &format!("{verb} {}", listed(of, show)));
        }
    }
}

/// How a value is shown.
type Show<T> = fn(&T) -> String;

fn from_to(old: &str, new: &str) -> String {
    format!("from {old} to {new}")
}

fn listed<T>(members: &[&T], show: Show<T>) -> String {
    if members.is_empty() {
        return "none".to_owned();
    }
    members.iter().map(|member| show(member)).collect::<Vec<_>>().join(", ")
}

/// Keeps a name that a policy quotes from starting a line of its own in a proposal, or from
/// hiding in one.
pub(crate) fn in_one_line(words: &str) -> String {
    let shown = |c: char| if hides(c) { c.escape_unicode().to_string() } else { c.to_string() };
    words.chars().map(shown).collect()
}

/// Shows seconds as a policy writes them.
pub(crate) fn span(seconds: &i64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    match units.into_iter().find(|(unit, _)| *seconds != 0 && seconds % unit == 0) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Members that admit nothing but themselves.
pub(crate) fn equal<T: PartialEq>(one: &T, other: &T) -> bool {
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_in_their_line_and_what_widens_comes_first() {
        let mut diff = Diff::default();
        diff.section("a", |diff| {
            diff.section("b", |diff| diff.narrows("c", "from x to y"));
            diff.widens("d", "from x\nApproved: yes to y\u{202e}");
        });
        let change = diff.change();
        assert_eq!(change.kind, ChangeKind::Widening);
        assert_eq!(
            change.words,
            [
                "a.d: from x\\u{a}Approved: yes to y\\u{202e} (wider)",
                "a.b.c: from x to y (narrower)"
            ]
        );
    }

    #[test]
    fn spans_are_shown_as_they_are_written() {
        for (seconds, text) in
            [(0, "0s"), (61, "61s"), (300, "5m"), (5400, "90m"), (864_000, "10d")]
        {
            assert_eq!(span(&seconds), text);
        }
    }
}
