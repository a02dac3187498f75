//! issuingDistributionPoint (RFC 5280 §5.2.5).

use super::ReasonFlags;
use super::distribution_points::{encode_distribution_point_name, parse_distribution_point_name};
use crate::reader::{Parser, boolean, only, tag};
use crate::writer::Writer;
use crate::{DerError, GeneralName};

const PATH: &str = "IssuingDistributionPoint";

/// What a CRL covers.
///
/// ```text
/// IssuingDistributionPoint ::= SEQUENCE {
///     distributionPoint          [0] DistributionPointName OPTIONAL,
///     onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
///     onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
///     onlySomeReasons            [3] ReasonFlags OPTIONAL,
///     indirectCRL                [4] BOOLEAN DEFAULT FALSE,
///     onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct IssuingDistributionPoint {
    /// Where this CRL is found; empty if absent.
    pub full_name: Vec<GeneralName>,
    /// Covers end-entity certificates only.
    pub only_user_certs: bool,
    /// Covers CA certificates only.
    pub only_ca_certs: bool,
    /// The reasons that are covered; all if absent.
    pub only_some_reasons: Option<ReasonFlags>,
    /// Has entries of other issuers.
    pub indirect_crl: bool,
    /// Covers attribute certificates only.
    pub only_attribute_certs: bool,
}

impl IssuingDistributionPoint {
    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = only(value, tag::SEQUENCE, PATH)?;
        let point = Self {
            full_name: parse_distribution_point_name(&mut fields)?,
            only_user_certs: flag(&mut fields, 1)?,
            only_ca_certs: flag(&mut fields, 2)?,
            only_some_reasons: fields
                .optional(tag::context(3))?
                .map(ReasonFlags::parse)
                .transpose()?,
            indirect_crl: flag(&mut fields, 4)?,
            only_attribute_certs: flag(&mut fields, 5)?,
        };
        fields.finish()?;
        point.check()?;
        Ok(point)
    }

    pub(super) fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            encode_distribution_point_name(&self.full_name, w)?;
            let flag = |w: &mut Writer, number, set| {
                if set {
                    w.value(tag::context(number), &[0xff]);
                }
            };
            flag(w, 1, self.only_user_certs);
            flag(w, 2, self.only_ca_certs);
            if let Some(reasons) = self.only_some_reasons {
                reasons.encode(tag::context(3), w);
            }
            flag(w, 4, self.indirect_crl);
            flag(w, 5, self.only_attribute_certs);
            Ok(())
        })
    }

    /// RFC 5280 §5.2.5: never an empty sequence, at most one of the "only" flags.
    fn check(&self) -> Result<(), DerError> {
        if *self == Self::default() {
            return Err(DerError::field(PATH, "empty"));
        }
        let flags = [self.only_user_certs, self.only_ca_certs, self.only_attribute_certs];
        if flags.into_iter().filter(|set| *set).count() > 1 {
            return Err(DerError::field(PATH, "more than one kind of certificates only"));
        }
        Ok(())
    }
}

fn flag(fields: &mut Parser<'_>, number: u8) -> Result<bool, DerError> {
    match fields.optional(tag::context(number))? {
        None => Ok(false),
        Some(content) if boolean(content)? => Ok(true),
        Some(_) => Err(DerError::field(PATH, "DEFAULT encoded")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundtrips() {
        let point = IssuingDistributionPoint {
            full_name: vec![GeneralName::Uri("http://pki.example/a.crl".into())],
            only_user_certs: true,
            only_some_reasons: ReasonFlags::from_bits(0b110),
            indirect_crl: true,
            ..Default::default()
        };
        let mut writer = Writer::new();
        point.encode(&mut writer).unwrap();
        assert_eq!(IssuingDistributionPoint::parse(&writer.finish()), Ok(point));
    }

    #[test]
    fn refuses_empty_default_and_contradiction() {
        for (der, why) in [
            (&[0x30, 0][..], "empty"),
            (&[0x30, 3, 0x81, 1, 0], "DEFAULT encoded"),
            (&[0x30, 6, 0x81, 1, 0xff, 0x82, 1, 0xff], "more than one kind of certificates only"),
        ] {
            assert_eq!(IssuingDistributionPoint::parse(der), Err(DerError::field(PATH, why)));
        }
    }
}
