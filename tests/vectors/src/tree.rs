//! DER as a tree that can be bent and encoded again with right lengths.

use crate::dice::Dice;
use crate::tlv::tlv;

/// A value: either octets or values inside, in a constructed encoding or wrapped in an OCTET
/// STRING or BIT STRING.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The identifier octet.
    pub tag: u8,
    /// What is inside.
    pub body: Body,
}

/// The inside of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Octets that are not DER, or need not be.
    Octets(Vec<u8>),
    /// Values, after the octets of a prefix (the count of unused bits in a BIT STRING).
    Values(Vec<u8>, Vec<Node>),
}

/// Reads a sequence of values; `None` if the octets are not that.
pub fn parse(mut der: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let Some((&tag, rest)) = der.split_first() {
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                let length =
                    digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        nodes.push(Node { tag, body: body(tag, content)? });
        der = rest;
    }
    Some(nodes)
}

fn body(tag: u8, content: &[u8]) -> Option<Body> {
    if tag & 0x20 != 0 {
        return Some(Body::Values(vec![], parse(content)?));
    }
    let wrapped = match (tag, content) {
        (0x04, [0x30 | 0x04 | 0x03, ..]) => Some((vec![], content)),
        (0x03, [0, inner @ ..]) if inner.first() == Some(&0x30) => Some((vec![0], inner)),
        _ => None,
    };
    if let Some((prefix, inner)) = wrapped
        && let Some(nodes) = parse(inner)
    {
        return Some(Body::Values(prefix, nodes));
    }
    Some(Body::Octets(content.to_vec()))
}

/// Writes the values with minimal lengths.
pub fn encode(nodes: &[Node]) -> Vec<u8> {
    nodes
        .iter()
        .flat_map(|node| match &node.body {
            Body::Octets(octets) => tlv(node.tag, octets),
            Body::Values(prefix, inner) => tlv(node.tag, &[prefix.clone(), encode(inner)].concat()),
        })
        .collect()
}

/// Counts the values at every depth.
pub fn count(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .map(|node| match &node.body {
            Body::Octets(_) => 1,
            Body::Values(_, inner) => 1 + count(inner),
        })
        .sum()
}

/// Gives the siblings of the value with this number in pre-order, and its place among them.
pub fn at(nodes: &mut Vec<Node>, mut number: usize) -> Option<(&mut Vec<Node>, usize)> {
    let mut place = 0;
    loop {
        if number == 0 && place < nodes.len() {
            return Some((nodes, place));
        }
        let inside = match &nodes.get(place)?.body {
            Body::Octets(_) => 0,
            Body::Values(_, inner) => count(inner),
        };
        if number <= inside {
            break;
        }
        number -= inside + 1;
        place += 1;
    }
    match &mut nodes.get_mut(place)?.body {
        Body::Octets(_) => None,
        Body::Values(_, inner) => at(inner, number - 1),
    }
}

/// Picks any value of the tree.
pub fn any<'a>(nodes: &'a mut Vec<Node>, dice: &mut Dice) -> Option<(&'a mut Vec<Node>, usize)> {
    let count = count(nodes);
    if count == 0 {
        return None;
    }
    let number = dice.below(count);
    at(nodes, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_every_value_once_in_pre_order() {
        // SEQUENCE { INTEGER 1, OCTET STRING { SEQUENCE { NULL } }, BOOLEAN }
        let der = [0x30, 12, 0x02, 1, 1, 0x04, 4, 0x30, 2, 0x05, 0, 0x01, 1, 0xff];
        let mut nodes = parse(&der).unwrap();
        assert_eq!(encode(&nodes), der);
        assert_eq!(count(&nodes), 6);
        let tags: Vec<u8> = (0..6)
            .map(|number| {
                let (siblings, place) = at(&mut nodes, number).unwrap();
                siblings[place].tag
            })
            .collect();
        assert_eq!(tags, [0x30, 0x02, 0x04, 0x30, 0x05, 0x01]);
        assert!(at(&mut nodes, 6).is_none());
    }

    #[test]
    fn leaves_octets_that_are_no_der_alone() {
        for der in [&[0x04, 2, 0x30, 9][..], &[0x03, 2, 3, 8], &[0x04, 0], &[]] {
            assert_eq!(encode(&parse(der).unwrap()), der);
        }
        assert_eq!(parse(&[0x30, 0x80, 0, 0]), None);
        assert_eq!(parse(&[0x30, 2, 5]), None);
    }
}
