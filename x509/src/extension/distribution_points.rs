//! cRLDistributionPoints (RFC 5280 §4.2.1.13).

use super::ReasonFlags;
use crate::general_name::{encode_general_names, parse_general_names};
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{DerError, GeneralName};

const PATH: &str = "CRLDistributionPoints";

/// Where a CRL is found.
///
/// ```text
/// DistributionPoint ::= SEQUENCE {
///     distributionPoint [0] DistributionPointName OPTIONAL,
///     reasons           [1] ReasonFlags           OPTIONAL,
///     cRLIssuer         [2] GeneralNames          OPTIONAL }
/// DistributionPointName ::= CHOICE { fullName [0] GeneralNames, ... }
/// ```
/// nameRelativeToCRLIssuer is not supported.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DistributionPoint {
    /// The places, which all hold the same CRL; empty if absent.
    pub full_name: Vec<GeneralName>,
    /// The reasons that the CRL covers; all if absent.
    pub reasons: Option<ReasonFlags>,
    /// The names of the CRL's issuer; empty if it is the certificate's issuer.
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    /// Makes the usual form: one URI.
    #[must_use]
    pub fn uri(uri: impl Into<String>) -> Self {
        let full_name = vec![GeneralName::Uri(uri.into())];
        Self { full_name, reasons: None, crl_issuer: Vec::new() }
    }

    fn parse(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let full_name = parse_distribution_point_name(fields)?;
        let reasons = fields.optional(tag::context(1))?.map(ReasonFlags::parse).transpose()?;
        let crl_issuer = match fields.optional(tag::context_constructed(2))? {
            Some(content) => parse_general_names(Parser::new(content), "cRLIssuer")?,
            None => Vec::new(),
        };
        let point = Self { full_name, reasons, crl_issuer };
        point.check()?;
        Ok(point)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            encode_distribution_point_name(&self.full_name, w)?;
            if let Some(reasons) = self.reasons {
                reasons.encode(tag::context(1), w);
            }
            if !self.crl_issuer.is_empty() {
                let tag = tag::context_constructed(2);
                encode_general_names(w, tag, &self.crl_issuer, "cRLIssuer")?;
            }
            Ok(())
        })
    }

    /// RFC 5280 §4.2.1.13: a DistributionPoint MUST NOT consist of only the reasons field.
    fn check(&self) -> Result<(), DerError> {
        if self.full_name.is_empty() && self.crl_issuer.is_empty() {
            return Err(DerError::field("DistributionPoint", "neither a place nor an issuer"));
        }
        Ok(())
    }
}

/// Reads `[0] DistributionPointName OPTIONAL`; a CHOICE is tagged explicitly.
pub(super) fn parse_distribution_point_name(
    fields: &mut Parser<'_>,
) -> Result<Vec<GeneralName>, DerError> {
    let Some(content) = fields.optional(tag::context_constructed(0))? else {
        return Ok(Vec::new());
    };
    let mut choice = Parser::new(content);
    if choice.peek() == Some(tag::context_constructed(1)) {
        return Err(DerError::Unsupported { what: "nameRelativeToCRLIssuer" });
    }
    let names = choice.nested(tag::context_constructed(0), "fullName")?;
    choice.finish()?;
    parse_general_names(names, "fullName")
}

/// Writes `[0] DistributionPointName OPTIONAL`, absent if there are no names.
pub(super) fn encode_distribution_point_name(
    names: &[GeneralName],
    writer: &mut Writer,
) -> Result<(), DerError> {
    if names.is_empty() {
        return Ok(());
    }
    writer.nested(tag::context_constructed(0), |w| {
        encode_general_names(w, tag::context_constructed(0), names, "fullName")
    })
}

pub(super) fn parse(value: &[u8]) -> Result<Vec<DistributionPoint>, DerError> {
    let mut list = only(value, tag::SEQUENCE, PATH)?;
    let mut points = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence("DistributionPoint")?;
        points.push(DistributionPoint::parse(&mut fields)?);
        fields.finish()?;
    }
    if points.is_empty() { Err(DerError::field(PATH, "empty")) } else { Ok(points) }
}

pub(super) fn encode(points: &[DistributionPoint], writer: &mut Writer) -> Result<(), DerError> {
    if points.is_empty() {
        return Err(DerError::field(PATH, "empty"));
    }
    writer.sequence(|w| points.iter().try_for_each(|point| point.encode(w)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    #[test]
    fn roundtrips() {
        let points = vec![
            DistributionPoint::uri("http://pki.example/a.crl"),
            DistributionPoint {
                full_name: Vec::new(),
                reasons: ReasonFlags::from_bits(0b10),
                crl_issuer: vec![GeneralName::Directory(Name::parse_rfc4514("CN=a").unwrap())],
            },
        ];
        let mut writer = Writer::new();
        encode(&points, &mut writer).unwrap();
        assert_eq!(parse(&writer.finish()), Ok(points));
    }

    #[test]
    fn refuses_empty_lists_and_points() {
        assert_eq!(parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let nowhere = Err(DerError::field("DistributionPoint", "neither a place nor an issuer"));
        assert_eq!(parse(&[0x30, 2, 0x30, 0]), nowhere);
        let empty = Err(DerError::field("fullName", "empty"));
        assert_eq!(parse(&[0x30, 6, 0x30, 4, 0xa0, 2, 0xa0, 0]), empty);
        let relative = Err(DerError::Unsupported { what: "nameRelativeToCRLIssuer" });
        assert_eq!(parse(&[0x30, 6, 0x30, 4, 0xa0, 2, 0xa1, 0]), relative);
    }
}
