//! An officer's signature: a person read what the certificate says, and put his name to it.

use core::fmt::{Display, Write as _};
use core::hash::Hash;
use std::collections::HashSet;

use signer_proto::{Evidence, EvidenceRecord, OfficerSignature, Refusal, Rule};
use signer_quorum::{Operator, SshSignature};
use x509::{GeneralName, TbsCertificate, sha256};

use super::demand::Proof;
use crate::change::{Diff, in_one_line};
use crate::section::Section;
use crate::usage::{extended_of, name_of};

/// The namespace of OpenSSH signatures (`ssh-keygen -Y sign -n`) over summaries.
pub const OFFICER_NAMESPACE: &str = "chancery/officer/v1";

/// How many can be demanded: a certificate has eight pieces of evidence, and others beside these.
const MOST: i64 = 6;

/// The section `[officers]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Officers {
    keys: Vec<Operator>,
    /// How many people must sign where an officer is demanded.
    threshold: u64,
}

impl Default for Officers {
    fn default() -> Self {
        Self { keys: Vec::new(), threshold: 1 }
    }
}

impl Officers {
    pub(super) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self::default();
        };
        let keys =
            section.list("keys", |line| Operator::parse(line).map_err(|why| why.to_string()));
        let threshold = section.number("threshold", MOST).unwrap_or(1);
        if threshold != 1 && !(2..=count(keys.iter().map(Operator::person))).contains(&threshold) {
            section.wrong("threshold", "is not 1 to the number of officers");
        }
        section.finish();
        Self { keys, threshold }
    }

    /// Tells whether as many people signed as must. Who is no officer counts here, and is refused
    /// as that when the signatures are checked.
    pub(super) fn enough(&self, evidence: &[Evidence]) -> bool {
        let signer = |evidence: &Evidence| {
            let Evidence::Officer(signature) = evidence else { return None };
            let Ok(read) = SshSignature::parse(&signature.0) else { return Some(String::new()) };
            let known = self.keys.iter().find(|officer| officer.key() == read.key());
            Some(known.map_or_else(|| read.key().fingerprint(), Operator::person))
        };
        count(evidence.iter().filter_map(signer)) >= self.threshold
    }

    /// Tells whether there are as many signatures as must be, none of them twice: the journal has
    /// digests of them, which do not tell whose they are.
    pub(super) fn enough_records(&self, records: &[EvidenceRecord]) -> bool {
        let officers =
            records.iter().filter(|record| Proof::of_kind(record.kind) == Some(Proof::Officer));
        count(officers.map(|record| record.digest)) >= self.threshold
    }

    /// Says how many must sign.
    pub(super) fn threshold(&self) -> u64 {
        self.threshold
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { keys, threshold } = self;
        let same_key = |one: &Operator, other: &Operator| one.key() == other.key();
        diff.section("officers", |diff| {
            diff.list("keys", (keys, &new.keys), same_key, Operator::shown);
            diff.floor("threshold", threshold, &new.threshold, u64::to_string);
        });
    }

    /// Refuses a signature that is not a pinned officer's over the summary of this certificate.
    pub(super) fn check(
        &self,
        tbs: &TbsCertificate,
        signature: &OfficerSignature,
    ) -> Result<(), Refusal> {
        let refuse = |why: String| Refusal::new(Rule::OfficerRefused, why);
        let signature = SshSignature::parse(&signature.0).map_err(|why| refuse(why.to_string()))?;
        if !self.keys.iter().any(|officer| officer.key() == signature.key()) {
            let key = signature.key().fingerprint();
            return Err(refuse(format!("{key} is no officer of the policy")));
        }
        let summary = certificate_summary(tbs)?;
        signature
            .verify(OFFICER_NAMESPACE, summary.as_bytes())
            .map(|_| ())
            .map_err(|fault| refuse(fault.to_string()))
    }
}

/// Counts what is different.
fn count<T: Eq + Hash>(all: impl Iterator<Item = T>) -> u64 {
    u64::try_from(all.collect::<HashSet<_>>().len()).unwrap_or_default()
}

/// Writes what an officer signs: what the certificate says, in lines for a person, and the digest
/// of the whole to-be-signed certificate for everything else. Each line ends with a line feed and
/// holds none.
///
/// # Errors
/// `der-not-strict` if the certificate has no encoding.
pub fn certificate_summary(tbs: &TbsCertificate) -> Result<String, Refusal> {
    let der = tbs.encode().map_err(|error| Refusal::new(Rule::DerNotStrict, error.to_string()))?;
    let mut text = String::from("Chancery certificate v1\n");
    let mut line = |field: &str, value: &dyn Display| {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{field}: {}", in_one_line(&value.to_string()));
    };
    line("Issuer", &tbs.issuer);
    line("Serial", &tbs.serial);
    line("Subject", &tbs.subject);
    for name in tbs.extensions.subject_alt_name().unwrap_or_default() {
        line("Name", &shown(name));
    }
    line("Not before", &tbs.not_before);
    line("Not after", &tbs.not_after);
    line("Key", &format!("{} {}", tbs.public_key.kind(), hex(&tbs.public_key.spki_sha256())));
    let usage = tbs.extensions.key_usage().map(|usage| usage.names().join(", "));
    line("Key usage", &usage.unwrap_or_else(|| "any".to_owned()));
    let extended = extended_of(&tbs.extensions)
        .map(|usages| usages.iter().map(name_of).collect::<Vec<_>>().join(", "));
    line("Extended key usage", &extended.unwrap_or_else(|| "any".to_owned()));
    line("SHA-256 of the whole", &hex(&sha256(der.as_bytes())));
    Ok(text)
}

fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::Dns(name) => format!("DNS {name}"),
        GeneralName::Ip(address) => format!("IP {address}"),
        GeneralName::Email(address) => format!("e-mail {address}"),
        GeneralName::Uri(uri) => format!("URI {uri}"),
        GeneralName::Upn(name) => format!("UPN {name}"),
        other => format!("{other:?}"),
    }
}

fn hex(octets: &[u8; 32]) -> String {
    signer_proto::Digest(*octets).to_string()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use signer_quorum::armour;

    use super::*;
    use crate::sample::*;

    /// An officer whose signatures are made as OpenSSH's PROTOCOL.sshsig says.
    struct Officer(Ed25519KeyPair);

    fn put(out: &mut Vec<u8>, octets: &[u8]) {
        out.extend_from_slice(&u32::try_from(octets.len()).unwrap().to_be_bytes());
        out.extend_from_slice(octets);
    }

    impl Officer {
        fn new() -> Self {
            Self(Ed25519KeyPair::generate().unwrap())
        }

        fn blob(&self) -> Vec<u8> {
            let mut blob = Vec::new();
            put(&mut blob, b"ssh-ed25519");
            put(&mut blob, self.0.public_key().as_ref());
            blob
        }

        fn line(&self) -> String {
            format!("ssh-ed25519 {} ann", STANDARD.encode(self.blob()))
        }

        fn sign(&self, namespace: &str, text: &str) -> Evidence {
            let mut signed = b"SSHSIG".to_vec();
            for part in [namespace.as_bytes(), b"", b"sha512", &x509::sha512(text.as_bytes())] {
                put(&mut signed, part);
            }
            let mut signature = Vec::new();
            put(&mut signature, b"ssh-ed25519");
            put(&mut signature, self.0.sign(&signed).as_ref());
            let mut whole = b"SSHSIG\0\0\0\x01".to_vec();
            for part in [&self.blob(), namespace.as_bytes(), b"", b"sha512", &signature] {
                put(&mut whole, part);
            }
            Evidence::Officer(OfficerSignature(armour(&whole).into_bytes()))
        }
    }

    fn world(officer: &Officer) -> World {
        let text = leaf_policy()
            .replace("proof_of_possession = false", "evidence = [[\"officer\"]]")
            + &format!("[officers]\nkeys = [\"{}\"]\n", officer.line());
        World::with(&text)
    }

    fn summary(draft: &Draft) -> String {
        certificate_summary(&TbsCertificate::parse(&draft.der()).unwrap()).unwrap()
    }

    #[test]
    fn a_summary_says_what_the_certificate_says() {
        let mut draft = server();
        draft.subject = name("O=Corp,CN=www.corp.example");
        let digest = hex(&sha256(&draft.der()));
        let key = hex(&draft.key.spki_sha256());
        assert_eq!(
            summary(&draft),
            format!(
                "Chancery certificate v1\n\
                 Issuer: CN=Corp Issuing CA,O=Corp\n\
                 Serial: 01020304\n\
                 Subject: O=Corp,CN=www.corp.example\n\
                 Name: DNS www.corp.example\n\
                 Name: IP 10.1.2.3\n\
                 Not before: 2026-11-22T23:59:00Z\n\
                 Not after: 2027-02-21T00:00:00Z\n\
                 Key: p-256 {key}\n\
                 Key usage: digitalSignature\n\
                 Extended key usage: serverAuth\n\
                 SHA-256 of the whole: {digest}\n"
            )
        );
    }

    #[test]
    fn an_officer_signs_for_this_certificate_only() {
        let officer = Officer::new();
        let mut world = world(&officer);
        assert_eq!(world.verdict(&server()), Err(Rule::EvidenceMissing));
        world.evidence = vec![officer.sign(OFFICER_NAMESPACE, &summary(&server()))];
        assert_eq!(world.verdict(&server()), Ok(()));
        let mut other = server();
        other.not_after = other.not_after.plus_seconds(1);
        assert_eq!(world.verdict(&other), Err(Rule::OfficerRefused));
    }

    #[test]
    fn refuses_other_keys_namespaces_and_forms() {
        let officer = Officer::new();
        let mut world = world(&officer);
        let text = summary(&server());
        for evidence in [
            Officer::new().sign(OFFICER_NAMESPACE, &text),
            officer.sign("chancery/quorum/v1", &text),
            officer.sign(OFFICER_NAMESPACE, text.trim_end()),
            officer.sign(OFFICER_NAMESPACE, ""),
            Evidence::Officer(OfficerSignature(b"ann".to_vec())),
        ] {
            world.evidence = vec![evidence];
            assert_eq!(world.verdict(&server()), Err(Rule::OfficerRefused));
        }
    }

    #[test]
    fn as_many_people_sign_as_the_policy_says() {
        let officers = [Officer::new(), Officer::new(), Officer::new()];
        let lines: Vec<String> = ["ann", "bob", "Bob"]
            .iter()
            .zip(&officers)
            .map(|(name, officer)| {
                format!("\"{}\"", officer.line().replace(" ann", &format!(" {name}")))
            })
            .collect();
        let text = |threshold: &str| {
            leaf_policy().replace("proof_of_possession = false", "evidence = [[\"officer\"]]")
                + &format!("[officers]\nkeys = [{}]\n{threshold}", lines.join(", "))
        };
        for wrong in ["threshold = 0", "threshold = 3", "threshold = 7", "threshold = \"2\""] {
            let errors = crate::KeyPolicy::parse(&text(wrong)).unwrap_err();
            assert_eq!(errors.0[0].path, "officers.threshold", "{wrong}: {errors}");
        }
        let mut world = World::with(&text("threshold = 2"));
        let summary = summary(&server());
        let sign = |nth: usize| officers[nth].sign(OFFICER_NAMESPACE, &summary);
        for (signers, expected) in [
            (vec![0, 1], Ok(())),
            (vec![0, 2], Ok(())),
            (vec![0, 1, 2], Ok(())),
            (vec![0], Err(Rule::EvidenceMissing)),
            (vec![0, 0], Err(Rule::EvidenceMissing)),
            // Two keys of one person.
            (vec![1, 2], Err(Rule::EvidenceMissing)),
        ] {
            world.evidence = signers.iter().map(|nth| sign(*nth)).collect();
            assert_eq!(world.verdict(&server()), expected, "{signers:?}");
            let records = super::super::records(&world.evidence);
            let section = Officers { keys: Vec::new(), threshold: 2 };
            let twice = signers == [0, 0] || signers.len() == 1;
            assert_eq!(section.enough_records(&records), !twice, "{signers:?}");
        }
        // Beside an officer stands somebody who is none.
        world.evidence = vec![sign(0), Officer::new().sign(OFFICER_NAMESPACE, &summary)];
        assert_eq!(world.verdict(&server()), Err(Rule::OfficerRefused));
    }

    #[test]
    fn a_demand_for_officers_names_them() {
        let text =
            leaf_policy().replace("proof_of_possession = false", "evidence = [[\"officer\"]]");
        for text in [text.clone(), text + "[officers]\nkeys = []\n"] {
            let errors = crate::KeyPolicy::parse(&text).unwrap_err();
            assert_eq!(errors.0[0].path, "officers.keys", "{errors}");
        }
    }
}
