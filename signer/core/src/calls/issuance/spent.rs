//! What is left of a key's budget, with what is under way.

use signer_policy::{Budget, Tripwires};
use signer_proto::{KeyId, Reason, Refusal, Rule};

use crate::state::{Key, NameKey, Pending};

/// A key's certificates at a time.
pub(super) struct Spent<'s> {
    pub(super) key: &'s mut Key,
    pub(super) pending: &'s Pending,
    pub(super) id: KeyId,
    pub(super) now_ms: i64,
}

impl Spent<'_> {
    /// Returns why one more certificate freezes issuance, if it does.
    pub(super) fn trips(&mut self, tripwires: &Tripwires) -> Option<Reason> {
        let most = tripwires.certificates_per_minute?;
        let in_flight = self.pending.in_flight(self.id);
        let used = self.key.budget.used(self.now_ms).minute.saturating_add(in_flight);
        let label = &self.key.card.identity.label;
        let why = || format!("tripwire: more than {most} certificates of {label} within a minute");
        (used >= most).then(|| Reason(why()))
    }

    /// Refuses one more certificate with these names if any limit is reached.
    pub(super) fn check(self, budget: &Budget, names: &[NameKey]) -> Result<(), Refusal> {
        let in_flight = self.pending.in_flight(self.id);
        let used = self.key.budget.used(self.now_ms);
        let issued = self.key.issued.len();
        for (span, used, most) in [
            ("within the second", used.second, budget.per_second),
            ("within the hour", used.hour, Some(budget.per_hour)),
            ("within the day", used.day, Some(budget.per_day)),
            ("in all", issued, budget.total),
        ] {
            check(span, used.saturating_add(in_flight), most)?;
        }
        for name in names.iter().filter(|_| budget.per_name_per_day.is_some()) {
            let used = self.key.names.used(self.now_ms, name);
            let under_way = self.pending.in_flight_for(self.id, *name);
            let span = "with one of the names within the day";
            check(span, used.saturating_add(under_way), budget.per_name_per_day)?;
        }
        Ok(())
    }
}

fn check(span: &str, used: u64, most: Option<u64>) -> Result<(), Refusal> {
    match most {
        Some(most) if used >= most => {
            let detail = format!("{used} certificates {span}, at most {most}");
            Err(Refusal::new(Rule::BudgetExhausted, detail))
        }
        _ => Ok(()),
    }
}
