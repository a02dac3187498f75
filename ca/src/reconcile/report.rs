//! What a comparison came to.

use model::{RingName, UnixTime};

/// Findings that a report lists at most; all are counted.
const LISTED: usize = 100;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// How inventory and journal differ.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FindingKind { $($(#[$doc])* $variant),* }

        impl FindingKind {
            /// Every kind.
            pub const ALL: [Self; 4] = [$(Self::$variant),*];

            /// Returns the kind's name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

kinds! {
    /// A row whose certificate was never signed: its place in the journal has none.
    NeverSigned = "never-signed";
    /// A row that says something else than the leaf at its place.
    Differs = "differs";
    /// A certificate of the journal that the inventory does not have.
    Missing = "missing";
    /// A status that is not the signer's.
    Status = "status";
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The ring whose journal was compared.
    pub ring: RingName,
    /// How they differ.
    pub kind: FindingKind,
    /// The position in the journal; as the row says, if it says so wrongly.
    pub position: Option<i64>,
    /// The serial number in hex, if it is known.
    pub serial: Option<String>,
    /// The id of the inventory's row, if there is one.
    pub certificate: Option<String>,
    /// What exactly.
    pub detail: String,
    /// Whether the inventory was brought to what the journal says.
    pub repaired: bool,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Which run of this server, from 1.
    pub run: u64,
    /// When it began.
    pub started_at: UnixTime,
    /// When it ended.
    pub finished_at: UnixTime,
    /// The rings whose journals were compared.
    pub rings: Vec<RingName>,
    /// Leaves that were read.
    pub leaves: u64,
    /// Certificates among them.
    pub certificates: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Statuses that were compared.
    pub statuses: u64,
    /// How many differences of each kind, in the order of [`FindingKind::ALL`].
    pub counts: [u64; 4],
    /// How many of them were repaired.
    pub repaired: u64,
    /// The first hundred of them.
    pub findings: Vec<Finding>,
}

impl Reconciliation {
    /// Begins one that found nothing yet.
    pub(super) fn begin(run: u64, started_at: UnixTime) -> Self {
        Self {
            run,
            started_at,
            finished_at: started_at,
            rings: Vec::new(),
            leaves: 0,
            certificates: 0,
            rows: 0,
            statuses: 0,
            counts: [0; 4],
            repaired: 0,
            findings: Vec::new(),
        }
    }

    /// Says whether inventory and journal agreed.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.counts == [0; 4]
    }

    /// Returns how many differences of a kind there were.
    #[must_use]
    pub fn count(&self, kind: FindingKind) -> u64 {
        self.counts.get(kind as usize).copied().unwrap_or_default()
    }

    /// Returns how many differences there were.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Counts a difference; tells whether it is listed.
    pub(super) fn add(&mut self, finding: Finding) -> bool {
        if let Some(count) = self.counts.get_mut(finding.kind as usize) {
            *count += 1;
        }
        self.repaired += u64::from(finding.repaired);
        let listed = self.findings.len() < LISTED;
        if listed {
            self.findings.push(finding);
        }
        listed
    }
}
