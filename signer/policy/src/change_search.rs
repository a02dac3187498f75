//! A long random search for a policy that is called narrower and admits more.

use signer_proto::{
    Digest, Evidence, Identifier, Positions, Purpose, ValidationMethod, ValidationRecorded,
};
use x509::{
    DistributionPoint, Extension, ExtensionValue, GeneralName, KeyUsage, NameConstraints,
    NameSubtree, Oid, PolicyInformation, UnixTime, oids,
};

use super::change_fields::{Field, SCHEMAS, text};
use super::change_tests::{between, parse};
use super::sample::*;
use super::sample_keys as keys;
use super::{Change, ChangeKind, KeyPolicy, NeverIssued, Validation};

/// A small random source of its own, so that a found case can be told by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }

    fn now_and_then(&mut self) -> bool {
        self.roll(6) == 0
    }
}

/// Picks values that are mostly the usual ones, and one to three edits.
fn pair(dice: &mut Dice, fields: &[Field]) -> (Vec<usize>, Vec<usize>) {
    let mut usually =
        |field: &Field| if dice.now_and_then() { dice.roll(field.values.len()) } else { 0 };
    let old: Vec<usize> = fields.iter().map(&mut usually).collect();
    let mut new = old.clone();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(fields.len());
        new[at] = dice.roll(fields[at].values.len());
    }
    (old, new)
}

fn leaf(dice: &mut Dice) -> Draft {
    let mut draft = match dice.roll(8) {
        0 => responder(),
        1 => subject("CN=ra", &[oids::EKU_CMC_RA], vec![]),
        2 => subject("CN=Ann Example,O=Corp", &[oids::EKU_CLIENT_AUTH], vec![]),
        _ => server(),
    };
    if draft.extensions.iter().all(|extension| extension.oid() != oids::EXT_OCSP_NO_CHECK) {
        names(dice, &mut draft);
        let usages: [&[Oid]; 5] = [
            &[oids::EKU_SERVER_AUTH],
            &[oids::EKU_SERVER_AUTH, oids::EKU_CLIENT_AUTH],
            &[oids::EKU_EMAIL],
            &[oids::EKU_CODE_SIGNING],
            &[oids::EKU_ANY],
        ];
        if dice.now_and_then() {
            draft.extended(dice.pick(&usages));
        }
    }
    match dice.roll(12) {
        0 => draft.rekey(keys::RSA),
        1 => draft.rekey(keys::P384),
        2 => draft.rekey(keys::ED),
        3 => draft.rekey(keys::LEAF),
        _ => {}
    }
    if dice.now_and_then() {
        let bits =
            [KeyUsage::KEY_AGREEMENT, KeyUsage::KEY_ENCIPHERMENT, KeyUsage::CONTENT_COMMITMENT];
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(dice.pick(&bits)));
    }
    extensions(dice, &mut draft);
    times(dice, &mut draft, &[5, 30, 60, 90, 398, 500]);
    draft
}

fn names(dice: &mut Dice, draft: &mut Draft) {
    let pool = [
        dns("www.corp.example"),
        dns("a.corp.example"),
        dns("b.a.corp.example"),
        dns("*.a.corp.example"),
        dns("*.corp.example"),
        dns("x.secret.corp.example"),
        dns("www.lab.test"),
        GeneralName::Ip("10.1.2.3".parse().unwrap()),
        GeneralName::Ip("10.200.2.3".parse().unwrap()),
        GeneralName::Ip("10.9.9.1".parse().unwrap()),
        GeneralName::Ip("fd00::1".parse().unwrap()),
        GeneralName::Email("ann@a.corp.example".into()),
        GeneralName::Email("ann@lab.test".into()),
        GeneralName::Uri("spiffe://a.corp.example/x".into()),
        GeneralName::Uri("tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500".into()),
        GeneralName::Upn("ann@corp.example".into()),
        GeneralName::Upn("ann@lab.test".into()),
    ];
    let some: Vec<GeneralName> = (0..=dice.roll(2) / 2).map(|_| dice.pick(&pool)).collect();
    let mut subjects = vec!["CN=Ann Example,O=Corp".to_owned(), "O=Corp".to_owned(), String::new()];
    subjects.push("emailAddress=ann@a.corp.example".to_owned());
    if let Some(GeneralName::Dns(host)) = some.first() {
        subjects.extend([format!("CN={host}"), format!("CN={host}")]);
    }
    let subject = dice.pick(&subjects);
    draft.subject = if subject.is_empty() { x509::Name::empty() } else { name(&subject) };
    draft.names(some);
}

fn extensions(dice: &mut Dice, draft: &mut Draft) {
    if dice.now_and_then() {
        let oid = if dice.now_and_then() { "1.2.3.5" } else { "1.2.3.4" };
        let policies = vec![PolicyInformation::new(Oid::new_unwrap(oid))];
        draft.set(Extension::non_critical(ExtensionValue::CertificatePolicies(policies)));
    }
    if dice.now_and_then() {
        let places = ["http://crl.corp.example/1.crl", "http://pki.corp.example/1.crl"];
        let point = DistributionPoint::uri(dice.pick(&places));
        draft.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    }
    if dice.now_and_then() {
        draft.without(oids::EXT_CRL_DISTRIBUTION_POINTS);
        draft.without(oids::EXT_AUTHORITY_INFO_ACCESS);
        draft.without(oids::EXT_BASIC_CONSTRAINTS);
    }
    if dice.roll(10) == 0 {
        draft.set(Extension::non_critical(ExtensionValue::TlsFeature(vec![5])));
    }
    if dice.roll(10) == 0 {
        let sid = ExtensionValue::MicrosoftSid("S-1-5-21-1-2-3-500".into());
        draft.set(Extension::non_critical(sid));
    }
    if dice.roll(20) == 0 {
        draft.issuer = name("CN=Other");
    }
    if dice.roll(20) == 0 {
        draft.signature = x509::SignatureScheme::EcdsaP384Sha384;
    }
}

fn times(dice: &mut Dice, draft: &mut Draft, days: &[i64]) {
    draft.not_before = now().plus_seconds(dice.pick(&[-60, -60, -45, -30, 0, -1_000, -5_000, 200]));
    draft.not_after = draft.not_before.plus_seconds(dice.pick(days) * DAY);
}

fn authority(dice: &mut Dice) -> Draft {
    let mut draft = if dice.now_and_then() { root() } else { subordinate() };
    let is_root = draft.subject.der() == draft.issuer.der();
    if !is_root {
        draft.constraints(true, dice.pick(&[Some(0), Some(0), Some(1), Some(2), None]));
        if !dice.now_and_then() {
            constrain(dice, &mut draft);
        }
        match dice.roll(6) {
            0 => draft.rekey(keys::RSA),
            1 => draft.rekey(keys::LEAF),
            _ => {}
        }
        if dice.roll(10) == 0 {
            draft.extended(&[oids::EKU_SERVER_AUTH]);
        }
    }
    extensions(dice, &mut draft);
    draft.without(oids::EXT_TLS_FEATURE);
    draft.without(oids::MS_SID);
    if draft.extensions.iter().all(|extension| extension.oid() != oids::EXT_BASIC_CONSTRAINTS) {
        draft.constraints(true, Some(0));
    }
    times(dice, &mut draft, &[1_000, 2_000, 3_650, 7_300, 8_000]);
    draft
}

fn constrain(dice: &mut Dice, draft: &mut Draft) {
    let host = |text: &str| NameSubtree::Dns(text.to_owned());
    let net = |addr: &str, prefix| NameSubtree::Ip { addr: addr.parse().unwrap(), prefix };
    let mail = |text: &str| NameSubtree::Email(text.to_owned());
    let everything = vec![net("0.0.0.0", 0), net("::", 0)];
    let (mut permitted, mut excluded) = (Vec::new(), Vec::new());
    match dice.roll(6) {
        0 => excluded.push(host("")),
        1 => {}
        2 => permitted.push(host("corp.example")),
        3 => permitted.push(host("lab.test")),
        _ => permitted.push(host("a.corp.example")),
    }
    match dice.roll(6) {
        0 => excluded.extend(everything),
        1 => permitted.push(net("10.0.0.0", 8)),
        2 => permitted.extend([net("10.2.0.0", 16), net("fd00::", 8)]),
        3 => permitted.push(net("10.9.0.0", 16)),
        _ => permitted.push(net("10.2.0.0", 16)),
    }
    match dice.roll(4) {
        0 => permitted.push(mail("lab.test")),
        1 => {}
        _ => permitted.push(mail("a.corp.example")),
    }
    if dice.now_and_then() {
        permitted.push(NameSubtree::Uri("a.corp.example".into()));
        permitted.push(NameSubtree::Upn("@a.corp.example".into()));
    }
    let hidden = [
        vec![host("secret.corp.example"), net("10.9.0.0", 16)],
        vec![host("corp.example"), net("10.8.0.0", 15)],
        vec![host("a.secret.corp.example"), net("10.9.9.0", 24)],
        vec![],
    ];
    for tree in dice.pick(&hidden) {
        if !excluded.contains(&tree) {
            excluded.push(tree);
        }
    }
    if permitted.is_empty() && excluded.is_empty() {
        return;
    }
    let value = ExtensionValue::NameConstraints(NameConstraints { permitted, excluded });
    draft.set(Extension::critical(value));
}

/// What a search found, so that it can be held against what it was meant to try.
#[derive(Debug, Default)]
struct Found {
    narrowings: usize,
    widenings: usize,
    /// Certificates that both admit, under a narrowing.
    admitted: usize,
    /// Certificates that the old one admits and the new one refuses, under a narrowing.
    shut_out: usize,
    /// Certificates that only the new one admits, under a widening.
    let_in: usize,
}

fn search(
    fields: &'static [Field],
    purpose: &str,
    pairs: u64,
    draw: fn(&mut Dice) -> Draft,
) -> Found {
    let mut found = Found::default();
    for seed in 0..pairs {
        let mut dice = Dice(seed);
        let (old, new) = pair(&mut dice, fields);
        let (old, new) = (text(purpose, fields, &old), text(purpose, fields, &new));
        let change = between(&old, &new);
        if change.kind == ChangeKind::Same {
            continue;
        }
        let narrowing = change.kind == ChangeKind::Narrowing;
        let tries = if narrowing { 32 } else { 8 };
        found.narrowings += usize::from(narrowing);
        found.widenings += usize::from(!narrowing);
        let (mut old, mut new) = (World::with(&old), World::with(&new));
        let context = format!("seed {seed}: {change:?}");
        check_limits(&mut dice, &change, &old.policy, &new.policy);
        for _ in 0..tries {
            let draft = draw(&mut dice);
            old.evidence = evidence(&mut dice, &draft, &mut old.facts, &mut new.facts);
            new.evidence.clone_from(&old.evidence);
            let der = draft.der();
            match (narrowing, old.verdict_der(&der), new.verdict_der(&der)) {
                (true, Ok(()), Ok(())) => found.admitted += 1,
                (true, Ok(()), Err(_)) => found.shut_out += 1,
                (true, Err(rule), Ok(())) => {
                    panic!("{context}\nlets in what {rule} refused: {}", hex::encode(der))
                }
                (false, Err(_), Ok(())) => found.let_in += 1,
                _ => {}
            }
        }
    }
    found
}

/// Sometimes the CSR, sometimes records of the names, more or less fresh.
fn evidence(dice: &mut Dice, draft: &Draft, old: &mut Journal, new: &mut Journal) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if draft.key == key(keys::LEAF) && dice.now_and_then() {
        evidence.push(request(dice.pick(&[keys::LEAF_REQUEST, keys::P384_REQUEST])));
    }
    if dice.now_and_then() {
        let names = draft.extensions.iter().find_map(|extension| match &extension.value {
            ExtensionValue::SubjectAltName(names) => Some(names.as_slice()),
            _ => None,
        });
        let age = dice.pick(&[0, 1_800, 7_200, 30 * DAY, 30 * DAY + 1_800, 32 * DAY]);
        let record = |name: &GeneralName| {
            let identifier = match name {
                GeneralName::Dns(name) => Identifier::dns(name.trim_start_matches("*.")).ok()?,
                GeneralName::Ip(address) => Identifier::ip(*address).ok()?,
                _ => return None,
            };
            let method = ValidationMethod::Dns01;
            let recorded = ValidationRecorded { identifier, method, account: Digest([7; 32]) };
            let validation = Validation { recorded, at: now().plus_seconds(-age) };
            old.validate(validation.clone());
            Some(new.validate(validation))
        };
        let positions = names.unwrap_or_default().iter().filter_map(record).collect();
        evidence.push(Evidence::Validation(Positions(positions)));
    }
    evidence
}

/// CRLs, OCSP responses, holds and budgets under a narrowing: what the new policy admits, the old
/// one did.
fn check_limits(dice: &mut Dice, change: &Change, old: &KeyPolicy, new: &KeyPolicy) {
    if change.kind != ChangeKind::Narrowing {
        return;
    }
    assert!(old.allows_hold() || !new.allows_hold(), "{change:?}");
    if let (Some(old), Some(new)) = (old.budget(), new.budget()) {
        assert!(new.per_hour <= old.per_hour && new.per_day <= old.per_day, "{change:?}");
        for (old, new) in [
            (old.per_second, new.per_second),
            (old.total, new.total),
            (old.per_name_per_day, new.per_name_per_day),
        ] {
            assert!(old.is_none_or(|old| new.is_some_and(|new| new <= old)), "{change:?}");
        }
    }
    let (wires, new_wires) = (old.tripwires(), new.tripwires());
    for (old, new) in [
        (wires.certificates_per_minute, new_wires.certificates_per_minute),
        (wires.refusals_per_minute, new_wires.refusals_per_minute),
    ] {
        assert!(old.is_none_or(|old| new.is_some_and(|new| new <= old)), "{change:?}");
    }
    if let (Some(old), Some(new)) = (old.ocsp(), new.ocsp()) {
        let revoked = |rules: &super::OcspRules| rules.never_issued() == NeverIssued::Revoked;
        assert!(revoked(old) || !revoked(new), "{change:?}");
    }
    for _ in 0..16 {
        let at = |seconds: i64| now().plus_seconds(seconds);
        let last = dice.pick(&[None, Some(-30), Some(-60), Some(-90), Some(-1000)]).map(at);
        let next: UnixTime = at(dice.pick(&[1, 2, 8, 9, 10, 11, 100, 400, 401]) * DAY);
        assert!(
            new.admit_crl(now(), last, next).is_err() || old.admit_crl(now(), last, next).is_ok(),
            "{change:?}"
        );
        let issuer = label(dice.pick(&["issuing", "sub"]));
        assert!(
            new.admit_ocsp(&issuer, now(), next).is_err()
                || old.admit_ocsp(&issuer, now(), next).is_ok(),
            "{change:?}"
        );
    }
}

#[test]
fn no_narrowing_admits_a_leaf_that_was_refused() {
    let found = search(SCHEMAS[0].1, "cert+crl", 3_000, leaf);
    assert!(found.narrowings > 700 && found.widenings > 700, "{found:?}");
    assert!(found.admitted > 1_000, "{found:?}");
    // The search tells the policies apart: some that were admitted are not any more, and a
    // widening is found to be one.
    assert!(found.shut_out > 300 && found.let_in > 50, "{found:?}");
}

#[test]
fn no_narrowing_admits_an_authority_that_was_refused() {
    let found = search(SCHEMAS[1].1, "ca-cert+crl", 3_000, authority);
    assert!(found.narrowings > 700 && found.widenings > 700, "{found:?}");
    assert!(found.admitted > 1_500, "{found:?}");
    assert!(found.shut_out > 300 && found.let_in > 50, "{found:?}");
}

#[test]
fn no_narrowing_admits_a_response_that_was_refused() {
    let (purpose, fields) = SCHEMAS[2];
    let mut narrowings = 0;
    for seed in 0..2_000 {
        let mut dice = Dice(seed);
        let (old, new) = pair(&mut dice, fields);
        let (old, new) = (text(purpose, fields, &old), text(purpose, fields, &new));
        let change = between(&old, &new);
        narrowings += usize::from(change.kind == ChangeKind::Narrowing);
        check_limits(&mut dice, &change, &parse(&old), &parse(&new));
    }
    assert!(narrowings > 200, "{narrowings}");
    assert_eq!(parse(&responder_policy()).purpose(), Purpose::Ocsp);
}
