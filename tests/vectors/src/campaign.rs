//! One run of many mutations over one kind of document.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::dice::Dice;
use crate::mutate::mutate;

/// What came of a run.
pub struct Outcome {
    /// Mutants that were refused.
    pub refused: usize,
    /// Distinct mutants that were accepted and agreed on.
    pub accepted: Vec<Vec<u8>>,
}

/// Bends the documents `count` times. A mutant that `ours` accepts must be accepted by `theirs`
/// with the same facts. The documents themselves must be accepted.
///
/// # Panics
/// At the first disagreement, with the mutant in hexadecimal.
pub fn run<F: PartialEq + Debug>(
    documents: &[Vec<u8>],
    count: u64,
    ours: impl Fn(&[u8]) -> Option<F>,
    theirs: impl Fn(&[u8]) -> der::Result<F>,
) -> Outcome {
    let hold = |der: &[u8], label: &str| -> bool {
        let Some(facts) = ours(der) else {
            return false;
        };
        match theirs(der) {
            Ok(theirs) => assert_eq!(facts, theirs, "{label}: {}", hex(der)),
            Err(error) => panic!("{label}: only we accept ({error}): {}", hex(der)),
        }
        true
    };
    for (index, document) in documents.iter().enumerate() {
        assert!(hold(document, "seed"), "{index} refused: {}", hex(document));
    }
    let mut accepted = BTreeSet::new();
    let mut refused = 0;
    for seed in 0..count {
        let mut dice = Dice::new(seed);
        let document = dice.pick(documents).clone();
        let mutant = mutate(&document, documents, &mut dice);
        if mutant == document || accepted.contains(&mutant) {
            continue;
        }
        if hold(&mutant, &format!("mutant {seed}")) {
            accepted.insert(mutant);
        } else {
            refused += 1;
        }
    }
    println!("{} accepted, {refused} refused", accepted.len());
    Outcome { refused, accepted: accepted.into_iter().collect() }
}

/// Writes octets so that they can be given to a decoder.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Takes at most `count` items, spread over all.
pub fn sample(items: &[Vec<u8>], count: usize) -> impl Iterator<Item = &Vec<u8>> {
    items.iter().step_by(items.len().div_ceil(count).max(1))
}
