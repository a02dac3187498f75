//! The lenient walk over a certificate.

use super::{
    CertificateDer, DerError, Deviation, Extension, ExtensionValue, Extensions, ForeignCertificate,
    Name, Parser, PublicKey, Serial, SignatureScheme, UnixTime, tag,
};
use crate::reader::{self, only};

/// Collects deviations on the way.
struct Notes(Vec<Deviation>);

impl Notes {
    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Deviation { place: place.into(), what: what.into() });
    }
}

pub(super) fn walk(der: &[u8]) -> Result<ForeignCertificate, DerError> {
    let mut notes = Notes(Vec::new());
    let names = ["Certificate", "tbsCertificate", "signatureValue"];
    let (tbs, algorithm, signature) = reader::signed(der, names)?;

    let mut fields = only(tbs, tag::SEQUENCE, "TBSCertificate")?;
    version(&mut fields, &mut notes)?;
    let serial_octets = fields.value(tag::INTEGER, "serialNumber")?;
    let serial = Serial::from_integer_content(serial_octets)
        .map_err(|error| notes.add("serialNumber", error.to_string()))
        .ok();
    let inner = fields.sequence_der("signature")?;
    if inner != algorithm {
        notes.add("signatureAlgorithm", "differs from the one inside");
    }
    let scheme = SignatureScheme::from_algorithm_identifier(algorithm)
        .map_err(|error| notes.add("signatureAlgorithm", error.to_string()))
        .ok();
    let issuer = Name::parse(fields.sequence_der("issuer")?)?;
    if issuer.is_empty() {
        notes.add("issuer", "empty");
    }
    let (not_before, not_after) = validity(fields.sequence("validity")?, &mut notes)?;
    let subject = Name::parse(fields.sequence_der("subject")?)?;
    let public_key = PublicKey::parse(fields.sequence_der("subjectPublicKeyInfo")?)?;
    if let Err(weak) = public_key.check_strength() {
        notes.add("subjectPublicKeyInfo", weak.to_string());
    }
    for (number, place) in [(1, "issuerUniqueID"), (2, "subjectUniqueID")] {
        if fields.optional(tag::context(number))?.is_some() {
            notes.add(place, "present (RFC 5280 §4.1.2.8)");
        }
    }
    let extensions = extensions(&mut fields, &mut notes)?;
    fields.finish()?;

    Ok(ForeignCertificate {
        raw: CertificateDer::from_vec(der.to_vec()),
        tbs: tbs.to_vec(),
        serial,
        serial_octets: serial_octets.to_vec(),
        issuer,
        not_before,
        not_after,
        subject,
        public_key,
        extensions,
        scheme,
        signature,
        deviations: notes.0,
    })
}

fn version(fields: &mut Parser<'_>, notes: &mut Notes) -> Result<(), DerError> {
    let Some(content) = fields.optional(tag::context_constructed(0))? else {
        notes.add("version", "1, not 3");
        return Ok(());
    };
    let mut version = Parser::new(content);
    match version.unsigned("version")? {
        2 => {}
        0 => notes.add("version", "1, and DEFAULT encoded"),
        1 => notes.add("version", "2, not 3"),
        _ => return Err(DerError::field("version", "unknown")),
    }
    version.finish()
}

fn validity(mut fields: Parser<'_>, notes: &mut Notes) -> Result<(UnixTime, UnixTime), DerError> {
    let not_before = time(&mut fields, "notBefore", notes)?;
    let not_after = time(&mut fields, "notAfter", notes)?;
    fields.finish()?;
    if not_after < not_before {
        notes.add("validity", "ends before it begins");
    }
    Ok((not_before, not_after))
}

fn time(
    fields: &mut Parser<'_>,
    place: &'static str,
    notes: &mut Notes,
) -> Result<UnixTime, DerError> {
    let tlv = fields.any()?;
    match tlv.tag {
        tag::UTC_TIME => UnixTime::from_utc_time(tlv.content),
        tag::GENERALIZED_TIME => {
            let time = UnixTime::from_generalized_time(tlv.content)?;
            if time.is_utc_time() != Ok(false) {
                notes.add(place, "GeneralizedTime before 2050 (RFC 5280 §4.1.2.5)");
            }
            Ok(time)
        }
        _ => Err(DerError::field(place, "another type")),
    }
}

/// Reads the extensions; the first of a kind counts, one that cannot be read is left out.
fn extensions(fields: &mut Parser<'_>, notes: &mut Notes) -> Result<Extensions, DerError> {
    let Some(content) = fields.optional(tag::context_constructed(3))? else {
        notes.add("extensions", "missing");
        return Ok(Extensions::default());
    };
    let mut explicit = Parser::new(content);
    let mut list = explicit.sequence("extensions")?;
    explicit.finish()?;
    if list.is_empty() {
        notes.add("extensions", "empty");
    }
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        let mut extension = list.sequence("Extension")?;
        let oid = extension.oid("extnID")?;
        let mut critical = false;
        if let Some(content) = extension.optional(tag::BOOLEAN)? {
            critical = reader::boolean(content)?;
            if !critical {
                notes.add(oid.to_string(), "critical FALSE encoded (X.690 §11.5)");
            }
        }
        let value = extension.value(tag::OCTET_STRING, "extnValue")?;
        extension.finish()?;
        if found.iter().any(|known| known.oid() == oid) {
            // Which of the two another program believes is anyone's guess.
            return Err(DerError::DuplicateExtension(oid));
        }
        match ExtensionValue::parse(oid, value) {
            Ok(value) => found.push(Extension { critical, value }),
            Err(error) => notes.add(oid.to_string(), error.to_string()),
        }
    }
    Extensions::new(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tbs::tests::sample_tbs;
    use crate::writer::{Writer, signed};

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(tag, content);
        writer.finish()
    }

    /// The sample certificate after its TBSCertificate's fields were changed.
    fn certificate(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let der = sample_tbs().encode().unwrap();
        let mut parser = only(der.as_bytes(), tag::SEQUENCE, "").unwrap();
        let mut fields = Vec::new();
        while !parser.is_empty() {
            fields.push(parser.any().unwrap().whole.to_vec());
        }
        change(&mut fields);
        let tbs = wrap(tag::SEQUENCE, &fields.concat());
        signed(&tbs, SignatureScheme::EcdsaP256Sha256.algorithm_identifier(), &[1])
    }

    fn deviations(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<String> {
        let parsed = ForeignCertificate::parse(&certificate(change)).unwrap();
        parsed.deviations().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_each_deviation_in_words() {
        assert_eq!(deviations(|_| ()), Vec::<String>::new());
        let unique = deviations(|fields| fields.insert(7, b"\x81\x02\x00\x01".to_vec()));
        assert_eq!(unique, ["issuerUniqueID: present (RFC 5280 §4.1.2.8)"]);
        let negative = deviations(|fields| fields[1] = vec![2, 1, 0x80]);
        assert_eq!(negative, ["serialNumber: a serial number is not negative (RFC 5280 §4.1.2.2)"]);
        let times = b"\x30\x22\x18\x0f20240101000000Z\x18\x0f20230101000000Z";
        assert_eq!(
            deviations(|fields| fields[4] = times.to_vec()),
            [
                "notBefore: GeneralizedTime before 2050 (RFC 5280 §4.1.2.5)",
                "notAfter: GeneralizedTime before 2050 (RFC 5280 §4.1.2.5)",
                "validity: ends before it begins",
            ]
        );
        let list = b"\x30\x0c\x06\x03\x55\x1d\x13\x01\x01\x00\x04\x02\x30\x00";
        let default = deviations(|fields| fields[7] = wrap(0xa3, &wrap(0x30, list)));
        assert_eq!(default, ["2.5.29.19: critical FALSE encoded (X.690 §11.5)"]);
        let version = deviations(|fields| fields[0] = b"\xa0\x03\x02\x01\x01".to_vec());
        assert_eq!(version, ["version: 2, not 3"]);
    }

    #[test]
    fn refuses_what_cannot_be_understood_in_one_way() {
        let usage = b"\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x01\x06";
        let twice = certificate(|fields| fields[7] = wrap(0xa3, &wrap(0x30, &usage.repeat(2))));
        let refused = DerError::DuplicateExtension(crate::oids::EXT_KEY_USAGE);
        assert_eq!(ForeignCertificate::parse(&twice), Err(refused));
        let version = certificate(|fields| fields[0] = b"\xa0\x03\x02\x01\x03".to_vec());
        let refused = DerError::field("version", "unknown");
        assert_eq!(ForeignCertificate::parse(&version), Err(refused));
        let mut trailing = certificate(|_| ());
        trailing.push(0);
        assert_eq!(ForeignCertificate::parse(&trailing), Err(DerError::Trailing));
    }
}
