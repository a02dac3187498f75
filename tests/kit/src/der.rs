//! DER as a tree that a test bends and writes again, with right lengths or wrong ones.

use x509::Oid;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A tag and the octets of its content.
    Leaf(u8, Vec<u8>),
    /// A constructed tag and the values inside.
    Tree(u8, Vec<Node>),
    /// Octets that are written as they are: what is no DER.
    Raw(Vec<u8>),
}

impl Node {
    /// Reads one value that fills `der`.
    ///
    /// # Panics
    /// If it does not: tests bend what an honest encoder wrote.
    #[must_use]
    pub fn parse(der: &[u8]) -> Self {
        let mut nodes = Self::parse_all(der);
        assert_eq!(nodes.len(), 1, "one value");
        nodes.remove(0)
    }

    fn parse_all(mut der: &[u8]) -> Vec<Self> {
        let mut nodes = Vec::new();
        while let [tag, first, rest @ ..] = der {
            let digits = usize::from(first.saturating_sub(0x80));
            let (length, rest) = if *first < 0x80 {
                (usize::from(*first), rest)
            } else {
                let (length, rest) = rest.split_at(digits);
                let fold = |sum: usize, digit: &u8| (sum << 8) | usize::from(*digit);
                (length.iter().fold(0, fold), rest)
            };
            let (content, rest) = rest.split_at(length);
            nodes.push(if tag & 0x20 == 0 {
                Self::Leaf(*tag, content.to_vec())
            } else {
                Self::Tree(*tag, Self::parse_all(content))
            });
            der = rest;
        }
        assert!(der.is_empty(), "whole values");
        nodes
    }

    /// Writes the value with minimal lengths.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Leaf(tag, content) => tlv(*tag, content),
            Self::Tree(tag, inside) => {
                let content: Vec<u8> = inside.iter().flat_map(Self::encode).collect();
                tlv(*tag, &content)
            }
            Self::Raw(octets) => octets.clone(),
        }
    }

    /// Returns the value at a path of places.
    ///
    /// # Panics
    /// If there is none.
    pub fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |node, place| &mut node.inside()[*place])
    }

    /// Returns the values inside.
    ///
    /// # Panics
    /// If this is no constructed value.
    pub fn inside(&mut self) -> &mut Vec<Self> {
        match self {
            Self::Tree(_, inside) => inside,
            other => panic!("{other:?} is not constructed"),
        }
    }

    /// Returns the octets of the content.
    ///
    /// # Panics
    /// If this is a constructed value.
    pub fn content(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Leaf(_, content) | Self::Raw(content) => content,
            Self::Tree(..) => panic!("constructed"),
        }
    }
}

/// Writes a value with the shortest length.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(u8::try_from(length).expect("below 0x80"));
    } else {
        let octets = length.to_be_bytes();
        let digits: Vec<u8> = octets.iter().copied().skip_while(|digit| *digit == 0).collect();
        out.push(0x80 | u8::try_from(digits.len()).expect("at most eight"));
        out.extend_from_slice(&digits);
    }
    out.extend_from_slice(content);
    out
}

/// Bends a document.
#[must_use]
pub fn bend(der: &[u8], change: impl FnOnce(&mut Node)) -> Vec<u8> {
    let mut node = Node::parse(der);
    change(&mut node);
    let bent = node.encode();
    assert_ne!(bent, der, "the bend changed nothing");
    bent
}

/// The places of a TBSCertificate (RFC 5280 §4.1).
pub mod tbs {
    /// version, inside its `[0]`.
    pub const VERSION: &[usize] = &[0, 0];
    /// serialNumber.
    pub const SERIAL: &[usize] = &[1];
    /// signature.
    pub const SIGNATURE: &[usize] = &[2];
    /// issuer.
    pub const ISSUER: &[usize] = &[3];
    /// notBefore.
    pub const NOT_BEFORE: &[usize] = &[4, 0];
    /// notAfter.
    pub const NOT_AFTER: &[usize] = &[4, 1];
    /// subject.
    pub const SUBJECT: &[usize] = &[5];
    /// subjectPublicKeyInfo.
    pub const KEY: &[usize] = &[6];
    /// The list of extensions, inside its `[3]`.
    pub const EXTENSIONS: &[usize] = &[7, 0];
}

/// Makes one Extension.
#[must_use]
pub fn extension(oid: Oid, critical: bool, value: &[u8]) -> Node {
    let mut inside = vec![Node::Leaf(0x06, oid.as_bytes().to_vec())];
    if critical {
        inside.push(Node::Leaf(0x01, vec![0xff]));
    }
    inside.push(Node::Leaf(0x04, value.to_vec()));
    Node::Tree(0x30, inside)
}

/// Finds an extension of a TBSCertificate.
///
/// # Panics
/// If there is none of this type.
pub fn find_extension(tbs: &mut Node, oid: Oid) -> &mut Node {
    let wanted = oid.as_bytes();
    let list = tbs.at(tbs::EXTENSIONS).inside();
    let place = list.iter_mut().position(|extension| extension.at(&[0]).content() == wanted);
    &mut list[place.expect("the extension is there")]
}

/// Bends the DER inside the extnValue of an extension of a TBSCertificate.
#[must_use]
pub fn bend_extension(der: &[u8], oid: Oid, change: impl FnOnce(&mut Node)) -> Vec<u8> {
    bend(der, |tbs| {
        let value = find_extension(tbs, oid).inside().last_mut().expect("extnValue").content();
        let mut node = Node::parse(value);
        change(&mut node);
        *value = node.encode();
    })
}

/// Puts other names into the subjectAltName of a TBSCertificate: tags and octets, as no encoder
/// would write them.
#[must_use]
pub fn with_names(der: &[u8], names: &[(u8, &[u8])]) -> Vec<u8> {
    bend_extension(der, x509::oids::EXT_SUBJECT_ALT_NAME, |list| {
        let leaf = |(tag, octets): &(u8, &[u8])| Node::Leaf(*tag, octets.to_vec());
        *list.inside() = names.iter().map(leaf).collect();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_bent_is_written_as_it_was() {
        let long = tlv(0x04, &[7; 300]);
        let der = tlv(0x30, &[tlv(0x02, &[1]), tlv(0xa3, &long)].concat());
        assert_eq!(Node::parse(&der).encode(), der);
        let bent = bend(&der, |node| node.at(&[1, 0]).content().truncate(2));
        assert_eq!(bent, [0x30, 9, 2, 1, 1, 0xa3, 4, 4, 2, 7, 7]);
    }
}
