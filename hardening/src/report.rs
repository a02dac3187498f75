//! What a process gave up, item by item, for the journal, the log and `chancery doctor`.

use std::fmt;

/// Which of our processes is locked down; it decides what the process must give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Holds key material: everything applies.
    Signer,
    /// A signer whose keys are in a PKCS#11 token, reached through a process of its own.
    SignerPkcs11,
    /// A signer whose keys are in a cloud service: the one that connects to something.
    SignerKms,
    /// Starts the processes that have modules, and knows nothing else.
    Forker,
    /// Has a vendor's PKCS#11 module loaded: foreign code, with a PIN and without the ring.
    Module,
    /// Talks to the network and holds no key: memory may be swapped, capabilities stay until
    /// its ports are bound.
    Server,
    /// Connects to whoever asks for certificates and holds no key: no listening once its socket is
    /// there, TCP to few ports, no path but its own.
    Validator,
    /// The operator's tool: as the server, and the umask stays the user's.
    Tool,
}

impl Role {
    /// Tells whether it is a signer, whatever holds its keys.
    pub(crate) fn is_signer(self) -> bool {
        matches!(self, Self::Signer | Self::SignerPkcs11 | Self::SignerKms)
    }
}

/// The outcome of one measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Names the measure; stable, for machines.
    pub name: &'static str,
    /// Says whether the measure is in force, or is not needed for the role.
    pub ok: bool,
    /// Says in words what was found; never a secret.
    pub detail: String,
}

impl Item {
    pub(crate) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into() }
    }

    pub(crate) fn bad(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into() }
    }

    /// Reports a measure by its result, with the error's text as the detail.
    pub(crate) fn from_result<E: fmt::Display>(
        name: &'static str,
        result: Result<String, E>,
    ) -> Self {
        match result {
            Ok(detail) => Self::good(name, detail),
            Err(error) => Self::bad(name, error.to_string()),
        }
    }
}

/// The outcomes of all measures of one [`lock_down`](crate::lock_down).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Lists the measures in the order in which they were taken.
    pub items: Vec<Item>,
}

impl Report {
    /// Says whether every measure is in force.
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(|item| item.ok)
    }

    /// Takes up an item; a later outcome of the same measure replaces the earlier one.
    pub fn put(&mut self, item: Item) {
        match self.items.iter_mut().find(|known| known.name == item.name) {
            Some(known) => *known = item,
            None => self.items.push(item),
        }
    }

    /// Names the measures that are not in force, with what was found.
    pub fn failures(&self) -> String {
        let failed = self.items.iter().filter(|item| !item.ok);
        let told: Vec<_> = failed.map(|item| format!("{}: {}", item.name, item.detail)).collect();
        told.join("; ")
    }

    /// Returns the outcome of the named measure.
    pub fn get(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.items.iter().map(|item| item.name.len()).max();
        for item in &self.items {
            let mark = if item.ok { "ok" } else { "no" };
            let width = width.unwrap_or(0);
            writeln!(f, "{mark}  {:width$}  {}", item.name, item.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        Report { items: vec![Item::good("umask", "077"), Item::bad("memory", "8 MiB")] }
    }

    #[test]
    fn one_failed_item_makes_the_report_incomplete() {
        let mut report = sample();
        assert!(!report.is_complete());
        report.items.pop();
        assert!(report.is_complete());
    }

    #[test]
    fn a_later_outcome_replaces_the_earlier_one() {
        let mut report = sample();
        assert_eq!(report.failures(), "memory: 8 MiB");
        report.put(Item::good("memory", "locked"));
        report.put(Item::bad("seccomp", "0"));
        assert_eq!(report.items.len(), 3);
        assert_eq!(report.failures(), "seccomp: 0");
    }

    #[test]
    fn displays_an_aligned_table() {
        assert_eq!(sample().to_string(), "ok  umask   077\nno  memory  8 MiB\n");
    }

    #[test]
    fn finds_an_item_by_name() {
        assert_eq!(sample().get("memory").map(|item| item.ok), Some(false));
        assert_eq!(sample().get("nothing"), None);
    }
}
