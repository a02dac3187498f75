//! Certificates, requests and lists that our encoder makes: everyone reads in them what we wrote.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vector_tests::campaign::hex;
use vector_tests::corpus::Corpus;
use vector_tests::dice::Dice;
use vector_tests::facts::{CertificateFacts, CrlFacts, CsrFacts};
use vector_tests::openssl;
use vector_tests::second_opinion::{Kind, Printed, name_text, printable};
use x509::{
    AccessDescription, AttributeType, AuthorityKeyIdentifier, BasicConstraints, Certificate,
    CertificationRequestInfo, Crl, CrlReason, Csr, DistributionPoint, Extension, ExtensionValue,
    Extensions, GeneralName, KeyUsage, Name, NameConstraints, NameSubtree, PolicyConstraints,
    PolicyInformation, PublicKey, RevokedEntry, Serial, Signature, SignatureScheme,
    TbsCertListFields, TbsCertificate, UnixTime, encode_tbs_cert_list, oids,
};

/// The last second of the year 9999 (RFC 5280 §4.1.2.5).
const LAST_SECOND: i64 = 253_402_300_799;

#[test]
fn certificates_say_what_was_written() {
    let Some((folder, keys)) = folder_and_keys() else {
        return;
    };
    for seed in 0..3_000 {
        let mut dice = Dice::new(seed);
        let tbs = tbs_certificate(&keys, &mut dice);
        let encoded = tbs.encode().unwrap_or_else(|error| panic!("{seed}: {error} {tbs:?}"));
        let signature = Signature::from_vec(octets(&mut dice, 70));
        let der = Certificate::assemble(&encoded, tbs.signature, &signature);
        let certificate = Certificate::parse(der.as_bytes()).unwrap();
        assert_eq!(*certificate.tbs(), tbs, "{seed}");
        assert_eq!(*certificate.tbs_der(), encoded, "{seed}");
        let facts = CertificateFacts::by_us(&certificate).unwrap();
        let theirs = CertificateFacts::by_x509_cert(der.as_bytes());
        assert_eq!(theirs.as_ref(), Ok(&facts), "{seed}: {}", hex(der.as_bytes()));
        if seed % 50 == 0 {
            let printed = Printed::of(folder.path(), der.as_bytes(), Kind::Certificate).unwrap();
            assert_eq!(printed.line("issuer=").unwrap(), name_text(&facts.issuer));
            assert_eq!(printed.line("subject=").unwrap(), name_text(&facts.subject));
            assert_eq!(printed.time("notAfter=").unwrap(), tbs.not_after.to_string());
            assert_eq!(printed.public_key().unwrap(), facts.spki);
            let names = printed.alternative_names().unwrap();
            assert_eq!(names, printable(&facts.alternative_names));
        }
    }
}

#[test]
fn requests_say_what_was_written() {
    let Some((folder, keys)) = folder_and_keys() else {
        return;
    };
    for seed in 0..1_500 {
        let mut dice = Dice::new(seed);
        let public_key = dice.pick(&keys).clone();
        let scheme = SignatureScheme::default_for(public_key.kind()).unwrap();
        let info = CertificationRequestInfo {
            subject: name(&mut dice),
            public_key,
            extensions: extensions(&mut dice),
        };
        let encoded = info.encode().unwrap();
        let signature = Signature::from_vec(octets(&mut dice, 70));
        let der = Csr::assemble(&encoded, scheme, &signature);
        let csr = Csr::parse(der.as_bytes()).unwrap();
        assert_eq!(*csr.info(), info, "{seed}");
        let facts = CsrFacts::by_us(&csr).unwrap();
        let theirs = CsrFacts::by_x509_cert(der.as_bytes());
        assert_eq!(theirs.as_ref(), Ok(&facts), "{seed}: {}", hex(der.as_bytes()));
        if seed % 50 == 0 {
            let printed = Printed::of(folder.path(), der.as_bytes(), Kind::Csr).unwrap();
            assert_eq!(printed.line("subject=").unwrap(), name_text(&facts.subject));
            assert_eq!(printed.public_key().unwrap(), facts.spki);
        }
    }
}

#[test]
fn lists_say_what_was_written() {
    let Some((folder, keys)) = folder_and_keys() else {
        return;
    };
    for seed in 0..1_000 {
        let mut dice = Dice::new(seed);
        let scheme = SignatureScheme::default_for(dice.pick(&keys).kind()).unwrap();
        let issuer = name(&mut dice);
        let key_id = octets(&mut dice, 20);
        let this_update = UnixTime(time(&mut dice));
        let mut serials: Vec<Serial> = (0..dice.below(12)).map(|_| serial(&mut dice)).collect();
        serials.sort();
        serials.dedup();
        let entries = serials.into_iter().map(|serial| RevokedEntry {
            serial,
            revoked_at: UnixTime(time(&mut dice)),
            reason: (dice.below(2) == 0).then(|| *dice.pick(&CrlReason::ALL[1..])),
            invalidity: (dice.below(3) == 0).then(|| UnixTime(time(&mut dice))),
        });
        let entries: Vec<RevokedEntry> =
            entries.filter(|entry| entry.reason != Some(CrlReason::RemoveFromCrl)).collect();
        let fields = TbsCertListFields {
            scheme,
            issuer: &issuer,
            this_update,
            next_update: UnixTime(this_update.0 + 86_400),
            authority_key_id: &key_id,
            crl_number: dice.roll() >> dice.below(64),
            idp: None,
        };
        let tbs = encode_tbs_cert_list(&fields, entries.iter().copied())
            .unwrap_or_else(|error| panic!("{seed}: {error} {entries:?}"));
        let signature = Signature::from_vec(octets(&mut dice, 70));
        let der = Crl::assemble(&tbs, scheme, &signature);
        let crl = Crl::parse(der.as_bytes()).unwrap();
        assert_eq!(crl.entries(), entries, "{seed}");
        assert_eq!(crl.number(), fields.crl_number);
        let facts = CrlFacts::by_us(&crl);
        let theirs = CrlFacts::by_x509_cert(der.as_bytes());
        assert_eq!(theirs.as_ref(), Ok(&facts), "{seed}: {}", hex(der.as_bytes()));
        if seed % 50 == 0 {
            let printed = Printed::of(folder.path(), der.as_bytes(), Kind::Crl).unwrap();
            assert_eq!(printed.line("issuer=").unwrap(), name_text(&facts.issuer));
            assert_eq!(printed.time("lastUpdate=").unwrap(), this_update.to_string());
            assert_eq!(printed.revoked().len(), entries.len());
        }
    }
}

/// A folder and the public keys of the corpus; `None` and a message without openssl.
fn folder_and_keys() -> Option<(tempfile::TempDir, Vec<PublicKey>)> {
    if !openssl::is_installed() {
        eprintln!("SKIPPED: openssl is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let corpus = Corpus::make(folder.path()).unwrap();
    let keys = corpus.csrs.iter().step_by(2);
    let keys = keys.map(|der| Csr::parse(der).unwrap().public_key().clone());
    let keys = keys.collect();
    Some((folder, keys))
}

fn tbs_certificate(keys: &[PublicKey], dice: &mut Dice) -> TbsCertificate {
    let not_before = time(dice);
    let lifetime = i64::try_from(dice.below(4_000_000_000)).unwrap();
    let mut extensions = extensions(dice);
    if extensions.is_empty() {
        let value = ExtensionValue::SubjectKeyIdentifier(octets(dice, 20));
        extensions = Extensions::new(vec![Extension::non_critical(value)]).unwrap();
    }
    TbsCertificate {
        serial: serial(dice),
        signature: loop {
            let scheme = *dice.pick(&SignatureScheme::ALL);
            if scheme.is_matched() {
                break scheme;
            }
        },
        issuer: name(dice),
        not_before: UnixTime(not_before),
        not_after: UnixTime((not_before + lifetime).min(LAST_SECOND)),
        subject: if dice.below(8) == 0 { Name::empty() } else { name(dice) },
        public_key: dice.pick(keys).clone(),
        extensions,
    }
}

fn time(dice: &mut Dice) -> i64 {
    match dice.below(4) {
        // Around the change from UTCTime to GeneralizedTime.
        0 => 2_524_607_990 + i64::try_from(dice.below(20)).unwrap(),
        1 => i64::try_from(dice.below(250_000_000_000)).unwrap(),
        _ => i64::try_from(dice.below(4_000_000_000)).unwrap(),
    }
}

fn serial(dice: &mut Dice) -> Serial {
    let length = 1 + dice.below(20);
    let mut magnitude = octets(dice, length);
    magnitude[0] &= 0x7f;
    magnitude[length - 1] |= 1;
    Serial::from_unsigned(&magnitude).unwrap()
}

fn octets(dice: &mut Dice, length: usize) -> Vec<u8> {
    (0..length).map(|_| dice.octet()).collect()
}

fn word(dice: &mut Dice) -> String {
    let letters = (0..=dice.below(12)).map(|_| char::from(*dice.pick(b"abcdefghij0189")));
    letters.collect()
}

fn host(dice: &mut Dice) -> String {
    format!("{}.{}.example", word(dice), word(dice))
}

fn name(dice: &mut Dice) -> Name {
    use AttributeType as T;
    let texts = ["Caf\u{e9}", "a, b", "#1", " x ", "\u{2603}\u{1f512}", "q\"<>;\\+=", "plain"];
    let types = [T::CommonName, T::Organization, T::OrganizationalUnit, T::Locality, T::Title];
    let mut attributes = vec![(T::Country, "CH".to_owned())];
    for attribute_type in &types[..=dice.below(types.len())] {
        let text = if dice.below(2) == 0 { word(dice) } else { (*dice.pick(&texts)).to_owned() };
        attributes.push((*attribute_type, text));
    }
    attributes.push((T::DomainComponent, word(dice)));
    let attributes: Vec<_> =
        attributes.iter().map(|(attribute_type, text)| (*attribute_type, text.as_str())).collect();
    Name::from_attributes(&attributes).unwrap()
}

fn general_names(dice: &mut Dice) -> Vec<GeneralName> {
    (0..=dice.below(6)).map(|_| general_name(dice)).collect()
}

fn general_name(dice: &mut Dice) -> GeneralName {
    match dice.below(10) {
        0 => GeneralName::Ip(IpAddr::V4(Ipv4Addr::from_bits(u32::from_le_bytes(
            octets(dice, 4).try_into().unwrap(),
        )))),
        1 => GeneralName::Ip(IpAddr::V6(Ipv6Addr::from_bits(u128::from_le_bytes(
            octets(dice, 16).try_into().unwrap(),
        )))),
        2 => GeneralName::Email(format!("{}@{}", word(dice), host(dice))),
        3 => GeneralName::Uri(format!("https://{}/{}", host(dice), word(dice))),
        4 => GeneralName::Upn(format!("{}@corp.example", word(dice))),
        5 => GeneralName::Directory(name(dice)),
        6 => GeneralName::RegisteredId(x509::Oid::new_unwrap("1.2.840.113549.1")),
        7 => GeneralName::Dns(format!("*.{}", host(dice))),
        _ => GeneralName::Dns(host(dice)),
    }
}

/// Any subset of the extensions that a certificate may carry, in any order.
fn extensions(dice: &mut Dice) -> Extensions {
    let mut values = common_extensions(dice);
    values.extend(rare_extensions(dice));
    let mut chosen = Vec::new();
    for _ in 0..dice.below(values.len() + 1) {
        let value = values.swap_remove(dice.below(values.len()));
        let critical = dice.below(2) == 0;
        chosen.push(Extension { critical, value });
    }
    Extensions::new(chosen).unwrap()
}

fn common_extensions(dice: &mut Dice) -> Vec<ExtensionValue> {
    vec![
        ExtensionValue::BasicConstraints(BasicConstraints {
            ca: true,
            path_len: (dice.below(2) == 0).then(|| dice.octet() & 0x7f),
        }),
        ExtensionValue::KeyUsage(
            KeyUsage::from_bits(1 + u16::try_from(dice.below(511)).unwrap()).unwrap(),
        ),
        ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_SERVER_AUTH, oids::EKU_CLIENT_AUTH]),
        ExtensionValue::SubjectAltName(general_names(dice)),
        ExtensionValue::IssuerAltName(general_names(dice)),
        ExtensionValue::SubjectKeyIdentifier(octets(dice, 20)),
        ExtensionValue::AuthorityKeyIdentifier(AuthorityKeyIdentifier::from_key_id(&octets(
            dice, 20,
        ))),
        ExtensionValue::CrlDistributionPoints(vec![DistributionPoint::uri(format!(
            "http://{}/1.crl",
            host(dice)
        ))]),
        ExtensionValue::AuthorityInfoAccess(vec![AccessDescription::uri(
            oids::AD_OCSP,
            format!("http://{}/", host(dice)),
        )]),
    ]
}

fn rare_extensions(dice: &mut Dice) -> Vec<ExtensionValue> {
    vec![
        ExtensionValue::NameConstraints(NameConstraints {
            permitted: vec![
                NameSubtree::Dns(host(dice)),
                NameSubtree::Ip { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), prefix: 8 },
            ],
            excluded: vec![NameSubtree::Email(host(dice)), NameSubtree::Directory(name(dice))],
        }),
        ExtensionValue::CertificatePolicies(vec![PolicyInformation::new(x509::Oid::new_unwrap(
            "2.23.140.1.2.1",
        ))]),
        ExtensionValue::PolicyConstraints(PolicyConstraints {
            require_explicit_policy: Some(u32::from(dice.octet())),
            inhibit_policy_mapping: None,
        }),
        ExtensionValue::InhibitAnyPolicy(u32::from(dice.octet())),
        ExtensionValue::TlsFeature(vec![5, 17]),
        ExtensionValue::OcspNoCheck,
        ExtensionValue::MicrosoftSid("S-1-5-21-1-2-3-500".to_owned()),
    ]
}
