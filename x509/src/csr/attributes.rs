//! The attributes of a CSR (RFC 2986 §4.1, RFC 2985 §5.4).

use core::fmt;

use crate::name::StringKind;
use crate::reader::{Parser, tag};
use crate::well_formed::check_well_formed;
use crate::writer::Writer;
use crate::{DerError, Extensions, Oid, oids};

/// The most characters of a challenge password (RFC 2985 Appendix A: pkcs-9-ub-challengePassword).
const MAX_PASSWORD: usize = 255;

/// Attributes, none twice.
///
/// ```text
/// Attributes ::= SET OF Attribute
/// Attribute ::= SEQUENCE { type OBJECT IDENTIFIER, values SET SIZE (1..MAX) OF ANY }
/// ```
#[derive(Default)]
pub(super) struct Attributes {
    /// extensionRequest; absent if empty.
    pub(super) extensions: Extensions,
    pub(super) challenge_password: Option<ChallengePassword>,
    /// All others, each with the DER of its SET of values.
    pub(super) other: Vec<(Oid, Vec<u8>)>,
}

/// A challenge password in its string type.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ChallengePassword {
    kind: StringKind,
    pub(super) text: String,
}

// The password is the requester's secret.
impl fmt::Debug for ChallengePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengePassword")
    }
}

impl Attributes {
    /// Reads the content of the `[0]`; the order is for the caller to check.
    pub(super) fn parse(mut list: Parser<'_>) -> Result<Self, DerError> {
        let mut attributes = Self::default();
        let mut seen = Vec::new();
        while !list.is_empty() {
            let mut fields = list.sequence("Attribute")?;
            let oid = fields.oid("Attribute.type")?;
            let values = fields.any()?;
            fields.finish()?;
            if values.tag != tag::SET {
                return Err(DerError::field("Attribute.values", "another type"));
            }
            if seen.contains(&oid) {
                return Err(DerError::field("Attribute.type", "an attribute twice"));
            }
            seen.push(oid);
            attributes.take(oid, values.content, values.whole)?;
        }
        Ok(attributes)
    }

    fn take(&mut self, oid: Oid, content: &[u8], whole: &[u8]) -> Result<(), DerError> {
        let mut values = Parser::new(content);
        match oid {
            oids::ATTR_EXTENSION_REQUEST => {
                let list = values.sequence("extensionRequest")?;
                self.extensions = Extensions::parse(list)?;
                single(values, "extensionRequest")
            }
            oids::ATTR_CHALLENGE_PASSWORD => {
                let tlv = values.any()?;
                let kind = StringKind::from_tag(tlv.tag)
                    .ok_or(DerError::field("challengePassword", "not a string"))?;
                let text = kind.decode(tlv.content)?;
                if text.chars().count() > MAX_PASSWORD {
                    return Err(DerError::field("challengePassword", "longer than 255 characters"));
                }
                self.challenge_password = Some(ChallengePassword { kind, text });
                single(values, "challengePassword")
            }
            _ => {
                check_well_formed(whole)?;
                check_order(values)?;
                self.other.push((oid, whole.to_vec()));
                Ok(())
            }
        }
    }

    /// Writes the content of the `[0]`.
    pub(super) fn encode(&self) -> Result<Vec<u8>, DerError> {
        let mut members = Vec::new();
        if !self.extensions.is_empty() {
            let mut value = Writer::new();
            self.extensions.encode(&mut value)?;
            members.push(member(oids::ATTR_EXTENSION_REQUEST, &set_of_one(&value.finish())));
        }
        if let Some(password) = &self.challenge_password {
            let mut value = Writer::new();
            value.value(password.kind.tag(), &password.kind.encode(&password.text)?);
            members.push(member(oids::ATTR_CHALLENGE_PASSWORD, &set_of_one(&value.finish())));
        }
        members.extend(self.other.iter().map(|(oid, values)| member(*oid, values)));
        members.sort();
        Ok(members.concat())
    }
}

/// Both of our attributes are SINGLE VALUE TRUE (RFC 2985 §5.4).
fn single(rest: Parser<'_>, path: &'static str) -> Result<(), DerError> {
    if rest.is_empty() { Ok(()) } else { Err(DerError::field(path, "more than one value")) }
}

/// X.690 §11.6: the values of a SET OF are in ascending order.
fn check_order(mut values: Parser<'_>) -> Result<(), DerError> {
    let mut last: &[u8] = &[];
    if values.is_empty() {
        return Err(DerError::field("Attribute.values", "empty"));
    }
    while !values.is_empty() {
        let value = values.any()?.whole;
        if value <= last {
            return Err(DerError::NonCanonical);
        }
        last = value;
    }
    Ok(())
}

fn set_of_one(value: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(value.len() + 4);
    writer.value(tag::SET, value);
    writer.finish()
}

fn member(oid: Oid, values: &[u8]) -> Vec<u8> {
    let mut fields = Writer::with_capacity(values.len() + 16);
    fields.oid(&oid);
    fields.raw(values);
    let mut writer = Writer::new();
    writer.value(tag::SEQUENCE, &fields.finish());
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(members: &[&[u8]]) -> Result<Attributes, DerError> {
        Attributes::parse(Parser::new(&members.concat()))
    }

    fn other(values: &[u8]) -> Vec<u8> {
        let set = set_of_one(values);
        member(Oid::new_unwrap("1.2.3"), &set)
    }

    fn password(value: &[u8]) -> Vec<u8> {
        member(oids::ATTR_CHALLENGE_PASSWORD, &set_of_one(value))
    }

    #[test]
    fn roundtrips() {
        let content = [other(&[5, 0]), password(b"\x13\x03abc")].concat();
        let attributes = Attributes::parse(Parser::new(&content)).unwrap();
        assert_eq!(attributes.encode().unwrap(), content);
        assert_eq!(attributes.challenge_password.unwrap().text, "abc");
        assert_eq!(attributes.other, [(Oid::new_unwrap("1.2.3"), vec![0x31, 2, 5, 0])]);
    }

    #[test]
    fn refuses_what_breaks_the_rules() {
        let field = DerError::field;
        let long = [&[0x0c, 0x82, 1, 0][..], &[b'a'; 256]].concat();
        for (member, error) in [
            (other(&[]), field("Attribute.values", "empty")),
            (other(&[5, 0, 2, 1, 1]), DerError::NonCanonical),
            (other(&[5, 0, 5, 0]), DerError::NonCanonical),
            (password(b"\x13\x01a\x13\x01b"), field("challengePassword", "more than one value")),
            (password(b"\x02\x01\x01"), field("challengePassword", "not a string")),
            (password(&long), field("challengePassword", "longer than 255 characters")),
            (password(b"\x0c\x02a"), DerError::NotDer { why: "truncated" }),
        ] {
            assert_eq!(parse(&[&member]).err(), Some(error));
        }
        let twice = other(&[5, 0]);
        let refused = parse(&[&twice, &twice]).err();
        assert_eq!(refused, Some(field("Attribute.type", "an attribute twice")));
    }
}
