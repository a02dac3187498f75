//! Which evidence a policy demands: any one of some sets.

use core::fmt;

use signer_proto::{Refusal, Rule};

use crate::change::Diff;
use crate::section::Section;

/// A kind of evidence, as a policy names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A CSR for the certificate's key.
    Possession,
    /// The old key asked.
    Renewal,
    /// Every name was validated lately.
    Validation,
    /// An officer signed.
    Officer,
}

impl Proof {
    const ALL: [Self; 4] = [Self::Possession, Self::Renewal, Self::Validation, Self::Officer];

    fn name(self) -> &'static str {
        match self {
            Self::Possession => "possession",
            Self::Renewal => "renewal",
            Self::Validation => "validation",
            Self::Officer => "officer",
        }
    }

    /// Gives what evidence of this number is; none if there is no such number.
    pub(super) fn of_kind(kind: u8) -> Option<Self> {
        Some(match kind {
            1 => Self::Possession,
            2 | 3 => Self::Renewal,
            4 => Self::Validation,
            5 => Self::Officer,
            _ => return None,
        })
    }
}

/// The fields `evidence` and `proof_of_possession`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demand {
    /// Whether every set has possession besides.
    possession: bool,
    /// Any one of them; none: nothing is demanded.
    sets: Vec<Vec<Proof>>,
}

impl Demand {
    pub(super) fn read(section: &mut Section) -> Self {
        let possession = section.flag("proof_of_possession", false);
        let sets = section.optional_sets("evidence", |text| {
            let found = Proof::ALL.into_iter().find(|proof| proof.name() == text);
            found.ok_or_else(|| {
                "is none of \"possession\", \"renewal\", \"validation\", \"officer\"".to_owned()
            })
        });
        if sets.as_ref().is_some_and(|sets| sets.is_empty() || sets.iter().any(Vec::is_empty)) {
            // An empty list could be read as "nothing" and as "nothing is enough".
            section.wrong("evidence", "is empty or has an empty set: leave it out to demand none");
        }
        Self { possession, sets: sets.unwrap_or_default() }
    }

    /// Tells whether an officer is in one of the sets.
    pub(super) fn names_officers(&self) -> bool {
        self.sets.iter().any(|set| has(set, Proof::Officer))
    }

    /// The sets with possession in each, where it is demanded of all.
    fn whole(&self) -> Vec<Vec<Proof>> {
        let mut sets = if self.sets.is_empty() { vec![Vec::new()] } else { self.sets.clone() };
        for set in sets.iter_mut().filter(|set| self.possession && !has(set, Proof::Possession)) {
            set.push(Proof::Possession);
        }
        sets
    }

    /// Narrower if each new set holds an old one: whoever meets it met that one.
    pub(super) fn compare(&self, new: &Self, diff: &mut Diff) {
        let (old_sets, new_sets) = (self.whole(), new.whole());
        let holds = |set: &[Proof], other: &[Proof]| other.iter().all(|proof| has(set, *proof));
        let covered = |sets: &[Vec<Proof>], of: &[Vec<Proof>]| {
            sets.iter().all(|set| of.iter().any(|other| holds(set, other)))
        };
        let widens = !covered(&new_sets, &old_sets);
        if !widens && covered(&old_sets, &new_sets) {
            return;
        }
        let what = format!("from {} to {}", Sets(&old_sets), Sets(&new_sets));
        let fields = [
            ("proof_of_possession", self.possession != new.possession),
            ("evidence", self.sets != new.sets),
        ];
        // Where both change they are one demand, and one verdict.
        for (field, _) in fields.into_iter().filter(|(_, changes)| *changes) {
            if widens { diff.widens(field, &what) } else { diff.narrows(field, &what) }
        }
    }

    /// Refuses kinds of evidence of which no demanded set is made.
    pub(super) fn check(&self, kinds: impl Iterator<Item = u8>) -> Result<(), Refusal> {
        let mut there: Vec<Proof> = kinds.filter_map(Proof::of_kind).collect();
        // The CSR goes along with a renewal and is held against the key the same way.
        if has(&there, Proof::Renewal) {
            there.push(Proof::Possession);
        }
        if self.possession && !has(&there, Proof::Possession) {
            return Err(Refusal::new(Rule::ProofOfPossessionRefused, "no CSR was given"));
        }
        let met = |set: &Vec<Proof>| set.iter().all(|proof| has(&there, *proof));
        if self.sets.is_empty() || self.sets.iter().any(met) {
            return Ok(());
        }
        let detail = format!("the policy demands {}", Sets(&self.sets));
        Err(Refusal::new(Rule::EvidenceMissing, detail))
    }
}

fn has(set: &[Proof], proof: Proof) -> bool {
    set.contains(&proof)
}

/// Sets in words: `possession and validation, or renewal`.
struct Sets<'s>(&'s [Vec<Proof>]);

impl fmt::Display for Sets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |set: &Vec<Proof>| match set.as_slice() {
            [] => "nothing".to_owned(),
            proofs => proofs.iter().map(|proof| proof.name()).collect::<Vec<_>>().join(" and "),
        };
        f.write_str(&self.0.iter().map(set).collect::<Vec<_>>().join(", or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{ChangeKind, compare};
    use crate::sample::*;
    use crate::{KeyPolicy, PolicyErrors};

    const FIELD: &str = "proof_of_possession = false";

    fn demand(field: &str) -> Result<KeyPolicy, PolicyErrors> {
        let officer = "AAAAC3NzaC1lZDI1NTE5AAAAIKdqYzPHMAQ3/a7hBlm2HkCnDwK3ki19Z2Ev3xq0Zgc9";
        let officers = format!("[officers]\nkeys = [\"ssh-ed25519 {officer} ann\"]\n");
        KeyPolicy::parse(&(leaf_policy().replace(FIELD, field) + &officers))
    }

    fn read(field: &str) -> Demand {
        let mut root = Section::root(field).unwrap();
        let read = Demand::read(&mut root);
        root.end(Some(read)).unwrap()
    }

    #[test]
    fn any_one_set_is_enough_and_all_of_it_is_needed() {
        let demand =
            read("evidence = [[\"possession\", \"validation\"], [\"renewal\"], [\"officer\"]]");
        for (kinds, expected) in [
            (vec![1, 4], Ok(())),
            (vec![3], Ok(())),
            (vec![5], Ok(())),
            (vec![1, 5], Ok(())),
            // The CSR goes along with a renewal.
            (vec![3, 4], Ok(())),
            (vec![], Err(Rule::EvidenceMissing)),
            (vec![1], Err(Rule::EvidenceMissing)),
            (vec![4], Err(Rule::EvidenceMissing)),
            (vec![1, 1], Err(Rule::EvidenceMissing)),
        ] {
            let found = demand.check(kinds.iter().copied()).map_err(|refusal| refusal.rule);
            assert_eq!(found, expected, "{kinds:?}");
        }
        let both = read("proof_of_possession = true\nevidence = [[\"officer\"]]");
        assert_eq!(both.check([1, 5].into_iter()), Ok(()));
        let without = both.check([5].into_iter()).map_err(|refusal| refusal.rule);
        assert_eq!(without, Err(Rule::ProofOfPossessionRefused));
    }

    #[test]
    fn refuses_sets_that_could_be_read_otherwise() {
        for (field, path) in [
            ("evidence = []", "certificates.evidence"),
            ("evidence = [[]]", "certificates.evidence"),
            ("evidence = [[\"officer\"], []]", "certificates.evidence"),
            ("evidence = [\"officer\"]", "certificates.evidence[0]"),
            ("evidence = \"officer\"", "certificates.evidence"),
            ("evidence = [[\"any\"]]", "certificates.evidence[0][0]"),
            ("evidence = [[\"officer\", \"officer\"]]", "certificates.evidence[0][1]"),
            ("evidence = [[\"possession\", 1]]", "certificates.evidence[0][1]"),
        ] {
            let errors = demand(field).unwrap_err();
            assert_eq!(errors.0[0].path, path, "{field}: {errors}");
        }
    }

    #[test]
    fn a_demand_narrows_only_if_every_set_was_enough_before() {
        use ChangeKind::{Narrowing, Same, Widening};
        for (old, new, kind) in [
            ("", "evidence = [[\"renewal\"]]", Narrowing),
            ("evidence = [[\"renewal\"]]", "", Widening),
            ("evidence = [[\"renewal\"]]", "evidence = [[\"renewal\"], [\"officer\"]]", Widening),
            ("evidence = [[\"renewal\"], [\"officer\"]]", "evidence = [[\"officer\"]]", Narrowing),
            ("evidence = [[\"renewal\"]]", "evidence = [[\"officer\"]]", Widening),
            ("evidence = [[\"renewal\"]]", "evidence = [[\"renewal\", \"officer\"]]", Narrowing),
            ("proof_of_possession = true", "evidence = [[\"possession\"]]", Same),
            (
                "proof_of_possession = true",
                "evidence = [[\"possession\"], [\"officer\"]]",
                Widening,
            ),
            (
                "evidence = [[\"officer\"]]",
                "proof_of_possession = true\nevidence = [[\"officer\"]]",
                Narrowing,
            ),
            (
                "evidence = [[\"officer\"], [\"renewal\"]]",
                "evidence = [[\"renewal\"], [\"officer\"]]",
                Same,
            ),
        ] {
            let change = compare(&demand(old).unwrap(), &demand(new).unwrap());
            assert_eq!(change.kind, kind, "{old:?} to {new:?}: {change:?}");
        }
    }
}
