//! Distinguished names (RFC 5280 §4.1.2.4).

mod attribute;
mod rfc4514;
mod text;

pub use attribute::{Attribute, AttributeType, UnknownAttributeType};
pub use text::StringKind;

use core::fmt;

use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{DerError, NameDer};

/// The most octets that a name may have.
const MAX_NAME: usize = 8 * 1024;

/// A distinguished name; equal and hashed by its DER.
///
/// ```text
/// Name ::= CHOICE { rdnSequence RDNSequence }
/// RDNSequence ::= SEQUENCE OF RelativeDistinguishedName
/// RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue
/// ```
#[derive(Clone)]
pub struct Name {
    der: NameDer,
    rdns: Vec<Vec<Attribute>>,
}

/// Says why no name can be made. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The value does not fit its attribute type.
    #[error("{attribute}: {why}")]
    Attribute {
        /// The attribute's type.
        attribute: AttributeType,
        /// The rule that is broken.
        why: &'static str,
    },
    /// The text is not of the form of RFC 4514.
    #[error("character {at}: {why} (RFC 4514)")]
    Syntax {
        /// The character's index, counted from zero.
        at: usize,
        /// What is expected there.
        why: &'static str,
    },
    /// The name as a whole is refused.
    #[error("the name cannot be encoded")]
    Encoding(#[source] DerError),
}

impl Name {
    /// Parses the DER of a Name strictly.
    ///
    /// # Errors
    /// [`DerError`] for anything but DER, an empty RDN, a value that is no string, a name over 8 KiB.
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_NAME {
            return Err(DerError::TooLarge { limit: MAX_NAME });
        }
        let mut sequence = only(der, tag::SEQUENCE, "Name")?;
        let mut rdns = Vec::new();
        while !sequence.is_empty() {
            rdns.push(parse_rdn(sequence.nested(tag::SET, "RelativeDistinguishedName")?)?);
        }
        let name = Self::from_rdns(rdns)?;
        // Catches what decodes and is not DER: above all a SET OF out of order.
        if name.der.as_bytes() == der { Ok(name) } else { Err(DerError::NonCanonical) }
    }

    /// Makes a name with one attribute in each RDN, in the order given (most significant first).
    ///
    /// Values become UTF8String; C and serialNumber PrintableString, DC and emailAddress IA5String
    /// (RFC 5280 Appendix A.1).
    ///
    /// # Errors
    /// [`NameError`] if a value does not fit its type or the name grows over 8 KiB.
    pub fn from_attributes(attributes: &[(AttributeType, &str)]) -> Result<Self, NameError> {
        let rdns = attributes
            .iter()
            .map(|(attribute, value)| Attribute::new(*attribute, value).map(|a| vec![a]))
            .collect::<Result<_, _>>()?;
        Self::from_rdns(rdns).map_err(NameError::Encoding)
    }

    /// Makes a name from its RDNs, most significant first; attributes within an RDN are sorted.
    ///
    /// # Errors
    /// [`DerError`] for an empty RDN, an attribute twice in an RDN, a name over 8 KiB.
    pub fn from_rdns(rdns: Vec<Vec<Attribute>>) -> Result<Self, DerError> {
        let mut content = Writer::new();
        let mut sorted = Vec::with_capacity(rdns.len());
        for rdn in rdns {
            let mut members: Vec<(Vec<u8>, Attribute)> =
                rdn.into_iter().map(|a| (a.encode(), a)).collect();
            // X.690 §11.6: the members of a SET OF in ascending order.
            members.sort_by(|a, b| a.0.cmp(&b.0));
            if members.is_empty() {
                return Err(DerError::field("RelativeDistinguishedName", "empty"));
            }
            if members.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(DerError::field("RelativeDistinguishedName", "an attribute twice"));
            }
            let (encoded, attributes): (Vec<_>, Vec<_>) = members.into_iter().unzip();
            content.value(tag::SET, &encoded.concat());
            sorted.push(attributes);
        }
        let content = content.finish();
        let mut writer = Writer::with_capacity(content.len() + 4);
        writer.value(tag::SEQUENCE, &content);
        let der = writer.finish();
        if der.len() > MAX_NAME {
            return Err(DerError::TooLarge { limit: MAX_NAME });
        }
        Ok(Self { der: NameDer::from_vec(der), rdns: sorted })
    }

    /// Gives the name without any RDN.
    #[must_use]
    pub fn empty() -> Self {
        Self { der: NameDer::from_vec(vec![tag::SEQUENCE, 0]), rdns: Vec::new() }
    }

    /// Tells whether the name has no RDN.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// Gives the DER.
    #[must_use]
    pub fn der(&self) -> &NameDer {
        &self.der
    }

    /// Gives all attributes, most significant RDN first.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.rdns.iter().flatten()
    }

    /// Gives the RDNs, most significant first.
    #[must_use]
    pub fn rdns(&self) -> &[Vec<Attribute>] {
        &self.rdns
    }

    /// Gives the values of all common names, most significant RDN first.
    #[must_use]
    pub fn common_names(&self) -> Vec<&str> {
        self.attributes()
            .filter(|attribute| attribute.attribute_type() == AttributeType::CommonName)
            .map(Attribute::value)
            .collect()
    }

    /// Tells whether `self` begins with all RDNs of `base` (RFC 5280 §4.2.1.10, directoryName).
    ///
    /// RDNs are compared by their DER.
    #[must_use]
    pub fn is_within(&self, base: &Self) -> bool {
        self.rdns.len() >= base.rdns.len()
            && self.rdns.iter().zip(&base.rdns).all(|(ours, theirs)| ours == theirs)
    }

    /// Reads the string form of RFC 4514, whose last RDN is the most significant one.
    ///
    /// Spaces around the separators are ignored.
    ///
    /// # Errors
    /// [`NameError`] names the place or the attribute.
    pub fn parse_rfc4514(text: &str) -> Result<Self, NameError> {
        Self::from_rdns(rfc4514::parse(text)?).map_err(NameError::Encoding)
    }
}

fn parse_rdn(mut set: Parser<'_>) -> Result<Vec<Attribute>, DerError> {
    let mut rdn = Vec::new();
    while !set.is_empty() {
        let mut pair = set.sequence("AttributeTypeAndValue")?;
        rdn.push(Attribute::parse(&mut pair)?);
        pair.finish()?;
    }
    Ok(rdn)
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Name {}

impl core::hash::Hash for Name {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.der.hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rfc4514::write(&self.rdns, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl core::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse_rfc4514(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rdn(members: &[&[u8]]) -> Vec<u8> {
        let mut content = Writer::new();
        content.value(tag::SET, &members.concat());
        let mut name = Writer::new();
        name.value(tag::SEQUENCE, &content.finish());
        name.finish()
    }

    const CN_A: &[u8] = b"\x30\x08\x06\x03\x55\x04\x03\x0c\x01a";
    const O_A: &[u8] = b"\x30\x08\x06\x03\x55\x04\x0a\x0c\x01a";

    #[test]
    fn accepts_a_multi_valued_rdn_in_order() {
        let name = Name::parse(&rdn(&[CN_A, O_A])).unwrap();
        assert_eq!(name.to_string(), "CN=a+O=a");
        assert_eq!(name.common_names(), ["a"]);
    }

    #[test]
    fn refuses_an_unsorted_set_of() {
        assert_eq!(Name::parse(&rdn(&[O_A, CN_A])), Err(DerError::NonCanonical));
    }

    #[test]
    fn refuses_an_empty_or_doubled_rdn() {
        let path = "RelativeDistinguishedName";
        assert_eq!(Name::parse(&rdn(&[])), Err(DerError::field(path, "empty")));
        let doubled = Name::parse(&rdn(&[CN_A, CN_A]));
        assert_eq!(doubled, Err(DerError::field(path, "an attribute twice")));
    }

    #[test]
    fn refuses_a_name_of_60_kilobytes() {
        let long = "a".repeat(60_000);
        let built = Name::from_attributes(&[(AttributeType::CommonName, &long)]);
        assert_eq!(built, Err(NameError::Encoding(DerError::TooLarge { limit: MAX_NAME })));
        let mut der = Writer::new();
        der.value(tag::SEQUENCE, long.as_bytes());
        assert_eq!(Name::parse(&der.finish()), Err(DerError::TooLarge { limit: MAX_NAME }));
    }

    #[test]
    fn refuses_values_that_are_no_strings() {
        let number = b"\x30\x08\x06\x03\x55\x04\x03\x02\x01\x01";
        let refused = Name::parse(&rdn(&[number]));
        assert_eq!(
            refused,
            Err(DerError::Unsupported { what: "an attribute value that is no string" })
        );
    }

    #[test]
    fn encodes_each_type_with_its_string() {
        let name = Name::from_attributes(&[
            (AttributeType::Country, "DE"),
            (AttributeType::DomainComponent, "corp"),
            (AttributeType::CommonName, "ü"),
        ])
        .unwrap();
        let kinds: Vec<StringKind> = name.attributes().map(Attribute::kind).collect();
        assert_eq!(kinds, [StringKind::Printable, StringKind::Ia5, StringKind::Utf8]);
        assert_eq!(name.to_string(), "CN=ü,DC=corp,C=DE");
    }

    #[test]
    fn subtree_is_a_prefix() {
        let parse = |text| Name::parse_rfc4514(text).unwrap();
        assert!(parse("CN=a,O=x,C=DE").is_within(&parse("O=x,C=DE")));
        assert!(!parse("CN=a,O=y,C=DE").is_within(&parse("O=x,C=DE")));
        assert!(!parse("C=DE").is_within(&parse("O=x,C=DE")));
        assert!(parse("C=DE").is_within(&Name::empty()));
    }

    fn any_attribute() -> impl Strategy<Value = Attribute> {
        use AttributeType as T;
        let text = prop_oneof![
            Just(T::CommonName),
            Just(T::Organization),
            Just(T::Title),
            Just(T::Other(crate::Oid::new_unwrap("1.2.3.4"))),
        ];
        prop_oneof![
            (text, "[^\0]{1,20}").prop_map(|(t, v)| Attribute::new(t, &v).unwrap()),
            "[A-Z]{2}".prop_map(|v| Attribute::new(T::Country, &v).unwrap()),
            "[a-z]{1,9}".prop_map(|v| Attribute::new(T::DomainComponent, &v).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn der_and_text_roundtrip(rdns in prop::collection::vec(prop::collection::vec(any_attribute(), 1..3), 0..5)) {
            if let Ok(name) = Name::from_rdns(rdns) {
                let parsed = Name::parse(name.der().as_bytes()).unwrap();
                prop_assert_eq!(&parsed, &name);
                prop_assert_eq!(Name::parse_rfc4514(&name.to_string()).unwrap(), name);
            }
        }

        #[test]
        fn arbitrary_octets_do_not_panic(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Name::parse(&octets);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = Name::parse_rfc4514(&text);
        }
    }
}
