//! Mutations of DER: half keep the structure sound and bend values, half break the encoding.

use crate::dice::Dice;
use crate::tree::{self, Body, Node};

/// Identifier octets that turn up in PKIX, for swapping one type for another.
const TAGS: [u8; 22] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31,
    0x80, 0x81, 0x82, 0xa0, 0xa1, 0xa3,
];

/// Bends `der` in one to three places. `donors` are other documents that values are taken from.
pub fn mutate(der: &[u8], donors: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut mutant = der.to_vec();
    for _ in 0..=dice.below(3) {
        mutant = match dice.below(8) {
            0 => bend_octets(mutant, dice),
            1 => bend_length(&mutant, dice),
            _ => bend_tree(mutant, donors, dice),
        };
    }
    mutant
}

/// Octets without regard to structure.
fn bend_octets(mut der: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    if der.is_empty() {
        return der;
    }
    let index = dice.below(der.len());
    match dice.below(5) {
        0 => der[index] ^= 1 << dice.below(8),
        1 => der[index] = dice.octet(),
        2 => der.insert(index, dice.octet()),
        3 => drop(der.remove(index)),
        _ => der.truncate(index),
    }
    der
}

/// A length in a form that DER forbids: padded (X.690 §10.1) or indefinite.
fn bend_length(der: &[u8], dice: &mut Dice) -> Vec<u8> {
    let Some(mut nodes) = tree::parse(der) else {
        return der.to_vec();
    };
    let Some((siblings, place)) = tree::any(&mut nodes, dice) else {
        return der.to_vec();
    };
    let whole = tree::encode(&siblings[place..=place]);
    let header = match whole[1] {
        long @ 0x81..=0xff => 2 + usize::from(long - 0x80),
        _ => 2,
    };
    let content = &whole[header..];
    let mut bent = vec![whole[0]];
    if dice.below(2) == 0 {
        let length = u32::try_from(content.len()).expect("documents are small");
        bent.push(0x84);
        bent.extend(length.to_be_bytes());
        bent.extend(content);
    } else {
        bent.push(0x80);
        bent.extend(content);
        bent.extend([0, 0]);
    }
    // The bent value goes in as octets of a value whose header is then cut off again.
    const MARK: u8 = 0xdf;
    siblings[place] = Node { tag: MARK, body: Body::Octets(bent.clone()) };
    let marked = tree::encode(&nodes);
    let needle = crate::tlv::tlv(MARK, &bent);
    let Some(start) = marked.windows(needle.len()).position(|window| window == needle) else {
        return marked;
    };
    // The enclosing lengths still count the mark's header: a second break, found by every parser
    // that checks either.
    [&marked[..start], &bent, &marked[start + needle.len()..]].concat()
}

/// One value of the tree; all lengths come out right.
fn bend_tree(der: Vec<u8>, donors: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let Some(mut nodes) = tree::parse(&der) else {
        return bend_octets(der, dice);
    };
    let donor = donor(donors, dice);
    let Some((siblings, place)) = tree::any(&mut nodes, dice) else {
        return der;
    };
    match dice.below(12) {
        0 => drop(siblings.remove(place)),
        1 => siblings.insert(place, siblings[place].clone()),
        2 => {
            let other = dice.below(siblings.len());
            siblings.swap(place, other);
        }
        3 => siblings[place] = donor,
        4 => siblings.insert(place, donor),
        5 => siblings[place].tag = *dice.pick(&TAGS),
        _ => bend_content(&mut siblings[place], dice),
    }
    tree::encode(&nodes)
}

fn donor(donors: &[Vec<u8>], dice: &mut Dice) -> Node {
    let null = Node { tag: 0x05, body: Body::Octets(vec![]) };
    if donors.is_empty() {
        return null;
    }
    let mut nodes = tree::parse(dice.pick::<Vec<u8>>(donors)).unwrap_or_default();
    match tree::any(&mut nodes, dice) {
        Some((siblings, place)) => siblings[place].clone(),
        None => null,
    }
}

fn bend_content(node: &mut Node, dice: &mut Dice) {
    let Body::Octets(octets) = &mut node.body else {
        if let Body::Values(_, inner) = &mut node.body
            && !inner.is_empty()
        {
            let place = dice.below(inner.len());
            bend_content(&mut inner[place], dice);
        }
        return;
    };
    if octets.is_empty() {
        octets.push(dice.octet());
        return;
    }
    let index = dice.below(octets.len());
    match dice.below(9) {
        0 => octets[index] ^= 1 << dice.below(8),
        1 => octets[index] = dice.octet(),
        2 => octets.insert(0, 0),
        3 => octets.push(dice.octet()),
        4 => octets.truncate(index),
        // Letters and digits keep strings, times and names plausible.
        5 => octets[index] = b'0' + u8::try_from(dice.below(10)).expect("a digit"),
        6 => octets[index] = b'a' + u8::try_from(dice.below(26)).expect("a letter"),
        7 => octets.insert(index, *dice.pick(b"a.-*@ Z0\0\xc3")),
        _ => octets[index] = octets[index].wrapping_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_reproducible_and_mostly_changes_something() {
        let der = [0x30, 8, 0x02, 1, 1, 0x0c, 3, b'a', b'b', b'c'];
        let donors = vec![vec![0x30, 2, 0x05, 0]];
        let run = |seed| mutate(&der, &donors, &mut Dice::new(seed));
        let changed = (0..1000).filter(|seed| run(*seed) != der).count();
        assert!(changed > 900, "{changed}");
        for seed in 0..100 {
            assert_eq!(run(seed), run(seed));
        }
    }
}
