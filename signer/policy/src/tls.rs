//! What a `tls` key signs: the server's part of TLS 1.3 handshakes, of TLS 1.2 where its policy says
//! so, and nothing else.
//!
//! The request carries the hash of a transcript, which nobody here can check. It is no digest to
//! sign: it goes into the frame of RFC 8446 §4.4.3, whose 64 spaces were chosen so that it is no
//! beginning of anything else that is signed. A DER structure begins otherwise.
//!
//! TLS 1.2 signs two randoms and an ephemeral key (RFC 8422 §5.4). The randoms are whatever client
//! and server say, so the content is told from that of TLS 1.3 by the octet behind them: curve type
//! 3, where the context string of §4.4.3 has a `T`.

use core::fmt;
use std::net::IpAddr;

use signer_proto::{NamedGroup, Refusal, Rule, SignKeyExchange, Transcript};
use x509::{GeneralName, SignatureScheme, check_dns_name};

use super::admitted::{Admitted, Meaning};
use super::change::{Diff, equal};
use super::issuer;
use super::section::{Scope, Section};

/// RFC 8446 §4.4.3: the octet that is repeated, how often, and the context string of a server.
const PAD: u8 = 0x20;
const PADS: usize = 64;
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify";
/// RFC 8422 §5.4: the curve type of a named group.
const NAMED_CURVE: u8 = 3;
/// RFC 8422 §5.4.1: the first octet of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// The policy of a `tls` key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsRules {
    pub(crate) scheme: SignatureScheme,
    names: ServerNames,
    /// Whether it signs key exchanges of TLS 1.2, too.
    tls12: bool,
}

/// The names that a `tls` key's certificates may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNames(Scope<ServerName>);

/// A host name in lower case, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ServerName {
    Dns(String),
    Ip(IpAddr),
}

impl TlsRules {
    pub(crate) fn read(section: &mut Section) -> Option<Self> {
        let scheme = issuer::scheme(section);
        if scheme.is_some_and(|scheme| !is_of_handshakes(scheme)) {
            section.wrong("signature", "is not signed with in a TLS 1.3 handshake here");
        }
        let names = ServerNames(section.scope("server_names", ServerName::parse));
        let tls12 = section.flag("tls12", false);
        Some(Self { scheme: scheme?, names, tls12 })
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { scheme, names, tls12 } = self;
        diff.fixed("signature", scheme, &new.scheme, SignatureScheme::to_string);
        diff.scope("server_names", (&names.0, &new.names.0), equal, ServerName::to_string);
        diff.allowance("tls12", *tls12, new.tls12);
    }

    /// Gives the names that the key's certificates may have.
    #[must_use]
    pub fn names(&self) -> &ServerNames {
        &self.names
    }

    /// Refuses another algorithm than the policy's, and what cannot be the hash of a transcript:
    /// the cipher suites of TLS 1.3 have SHA-256 or SHA-384 (RFC 8446 §B.4).
    pub(crate) fn check(
        &self,
        scheme: SignatureScheme,
        transcript: &Transcript,
    ) -> Result<HandshakeAdmission, Refusal> {
        self.check_scheme(scheme)?;
        let hash = &transcript.0;
        if !matches!(hash.len(), 32 | 48) {
            return Err(refused(format!("{} octets are no hash of a transcript", hash.len())));
        }
        let content = [&[PAD; PADS], CONTEXT, &[0], hash].concat();
        Ok(HandshakeAdmission { scheme, content })
    }

    /// Refuses what TLS 1.2 signs unless the policy allows it, and what is no ephemeral key of the
    /// group by its length and form.
    pub(crate) fn check_key_exchange(
        &self,
        call: &SignKeyExchange,
    ) -> Result<HandshakeAdmission, Refusal> {
        if !self.tls12 {
            return Err(refused("TLS 1.2, and the policy does not say `tls12 = true`".to_owned()));
        }
        self.check_scheme(call.scheme)?;
        let point = &call.ephemeral.0;
        let fits = match call.group {
            NamedGroup::Secp256r1 => point.len() == 65 && point.first() == Some(&UNCOMPRESSED),
            NamedGroup::Secp384r1 => point.len() == 97 && point.first() == Some(&UNCOMPRESSED),
            NamedGroup::X25519 => point.len() == 32,
        };
        let length = u8::try_from(point.len()).ok().filter(|_| fits).ok_or_else(|| {
            refused(format!("{} octets are no key of {}", point.len(), call.group))
        })?;
        let [high, low] = call.group.code().to_be_bytes();
        // RFC 8422 §5.4: ServerECDHParams behind both randoms.
        let content = [
            &call.client_random.0[..],
            &call.server_random.0,
            &[NAMED_CURVE, high, low, length],
            point,
        ]
        .concat();
        Ok(HandshakeAdmission { scheme: call.scheme, content })
    }

    fn check_scheme(&self, scheme: SignatureScheme) -> Result<(), Refusal> {
        if scheme == self.scheme {
            return Ok(());
        }
        Err(refused(format!("{scheme} instead of {}", self.scheme)))
    }
}

fn refused(detail: String) -> Refusal {
    Refusal::new(Rule::HandshakeRefused, detail)
}

/// ECDSA and Ed25519 of RFC 8446 §4.2.3; RSA would cost a handshake a hundred times as much.
fn is_of_handshakes(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::EcdsaP256Sha256
            | SignatureScheme::EcdsaP384Sha384
            | SignatureScheme::EcdsaP521Sha512
            | SignatureScheme::Ed25519
    )
}

impl ServerNames {
    /// Refuses a subject alternative name that operators did not list for the key.
    pub(crate) fn check(&self, name: &GeneralName) -> Result<(), Refusal> {
        let listed = match name {
            GeneralName::Dns(found) => self.0.admits(
                |name| matches!(name, ServerName::Dns(name) if name.eq_ignore_ascii_case(found)),
            ),
            GeneralName::Ip(found) => {
                self.0.admits(|name| matches!(name, ServerName::Ip(ip) if ip == found))
            }
            _ => false,
        };
        if listed {
            return Ok(());
        }
        let detail = format!("{name:?} is no server name of the tls key");
        Err(Refusal::new(Rule::NameNotPermitted, detail))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl ServerName {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            let canonical = address.to_string() == text;
            return canonical
                .then_some(Self::Ip(address))
                .ok_or_else(|| format!("is written {address}"));
        }
        check_dns_name(text, false).map_err(|error| format!("is no host name: {error}"))?;
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err("is written in lower case".to_owned());
        }
        Ok(Self::Dns(text.to_owned()))
    }
}

/// The content that a `tls` key may sign: built here, from what the handshake was asked with.
#[derive(Debug)]
pub struct HandshakeAdmission {
    scheme: SignatureScheme,
    content: Vec<u8>,
}

impl HandshakeAdmission {
    /// Gives what is signed.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Admits it.
    #[must_use]
    pub fn built(&self) -> Admitted<'_> {
        Admitted::new(&self.content, self.scheme, Meaning::Handshake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPolicy;
    use crate::sample::{label, now, responder_policy};

    const TEXT: &str = "version = 1\npurpose = \"tls\"\nsignature = \"ecdsa-p256-sha256\"\n\
        server_names = [\"ca.corp.example\", \"10.0.0.1\", \"::1\"]\n";

    fn policy() -> KeyPolicy {
        KeyPolicy::parse(TEXT).unwrap()
    }

    fn rule<T>(result: Result<T, Refusal>) -> Option<Rule> {
        result.err().map(|refusal| refusal.rule)
    }

    #[test]
    fn the_content_is_that_of_the_rfc() {
        // RFC 8446 §4.4.3: the example with 32 octets of 01.
        let rfc = "2020202020202020202020202020202020202020202020202020202020202020\
                   2020202020202020202020202020202020202020202020202020202020202020\
                   544c5320312e332c207365727665722043657274696669636174655665726966\
                   7900\
                   0101010101010101010101010101010101010101010101010101010101010101";
        let admission = policy()
            .admit_handshake(SignatureScheme::EcdsaP256Sha256, &Transcript(vec![1; 32]))
            .unwrap();
        assert_eq!(hex::encode(admission.content()), rfc);
        let admitted = admission.built();
        assert_eq!(admitted.bytes(), admission.content());
        assert_eq!(admitted.scheme(), SignatureScheme::EcdsaP256Sha256);
        assert_eq!(admitted.meaning(), &Meaning::Handshake);
        let longer = Transcript(vec![2; 48]);
        assert!(policy().admit_handshake(SignatureScheme::EcdsaP256Sha256, &longer).is_ok());
    }

    fn key_exchange(group: NamedGroup, ephemeral: Vec<u8>) -> SignKeyExchange {
        SignKeyExchange {
            key: label("tls"),
            scheme: SignatureScheme::EcdsaP256Sha256,
            client_random: signer_proto::HelloRandom([0x20; 32]),
            server_random: signer_proto::HelloRandom([0x20; 32]),
            group,
            ephemeral: signer_proto::EphemeralKey(ephemeral),
        }
    }

    fn with_tls12() -> KeyPolicy {
        KeyPolicy::parse(&format!("{TEXT}tls12 = true\n")).unwrap()
    }

    #[test]
    fn a_key_exchange_is_that_of_the_rfc_and_never_a_certificate_verify() {
        let policy = with_tls12();
        for (group, point, head) in [
            (NamedGroup::Secp256r1, [&[4][..], &[7; 64]].concat(), "03001741"),
            (NamedGroup::Secp384r1, [&[4][..], &[7; 96]].concat(), "03001861"),
            (NamedGroup::X25519, vec![7; 32], "03001d20"),
        ] {
            let admission = policy.admit_key_exchange(&key_exchange(group, point.clone())).unwrap();
            let expected = format!("{}{head}{}", "20".repeat(64), hex::encode(&point));
            assert_eq!(hex::encode(admission.content()), expected);
            assert_eq!(admission.built().meaning(), &Meaning::Handshake);
            // These randoms are the pads of TLS 1.3: what stands behind them differs.
            assert!(!admission.content()[PADS..].starts_with(&CONTEXT[..1]));
        }
    }

    #[test]
    fn refuses_a_key_exchange_that_the_policy_does_not_allow_or_that_is_none() {
        let good = || key_exchange(NamedGroup::X25519, vec![7; 32]);
        let without = policy().admit_key_exchange(&good());
        assert_eq!(rule(without), Some(Rule::HandshakeRefused));
        let denied = KeyPolicy::parse(&format!("{TEXT}tls12 = false\n")).unwrap();
        assert_eq!(rule(denied.admit_key_exchange(&good())), Some(Rule::HandshakeRefused));
        let policy = with_tls12();
        for (group, point) in [
            (NamedGroup::X25519, vec![7; 31]),
            (NamedGroup::X25519, vec![4; 65]),
            (NamedGroup::X25519, vec![]),
            (NamedGroup::Secp256r1, vec![7; 32]),
            (NamedGroup::Secp256r1, vec![2; 33]),
            (NamedGroup::Secp256r1, vec![6; 65]),
            (NamedGroup::Secp384r1, vec![4; 65]),
            (NamedGroup::Secp384r1, vec![4; 133]),
        ] {
            let length = point.len();
            let asked = policy.admit_key_exchange(&key_exchange(group, point));
            assert_eq!(rule(asked), Some(Rule::HandshakeRefused), "{group} {length}");
        }
        let other = SignKeyExchange { scheme: SignatureScheme::EcdsaP384Sha384, ..good() };
        assert_eq!(rule(policy.admit_key_exchange(&other)), Some(Rule::HandshakeRefused));
        let responder = KeyPolicy::parse(&responder_policy()).unwrap();
        assert_eq!(rule(responder.admit_key_exchange(&good())), Some(Rule::PurposeMismatch));
    }

    #[test]
    fn refuses_other_lengths_and_algorithms() {
        for length in [0, 1, 20, 31, 33, 47, 49, 64] {
            let hash = Transcript(vec![7; length]);
            let asked = policy().admit_handshake(SignatureScheme::EcdsaP256Sha256, &hash);
            assert_eq!(rule(asked), Some(Rule::HandshakeRefused), "{length}");
        }
        for scheme in [
            SignatureScheme::EcdsaP256Sha384,
            SignatureScheme::EcdsaP384Sha384,
            SignatureScheme::Ed25519,
            SignatureScheme::RsaPkcs1Sha256,
        ] {
            let asked = policy().admit_handshake(scheme, &Transcript(vec![7; 32]));
            assert_eq!(rule(asked), Some(Rule::HandshakeRefused), "{scheme}");
        }
    }

    #[test]
    fn refuses_everything_else_under_a_tls_policy() {
        let policy = policy();
        let crl = policy.admit_crl(now(), None, now().plus_seconds(60));
        assert_eq!(rule(crl), Some(Rule::PurposeMismatch));
        let ocsp = policy.admit_ocsp(&label("issuing"), now(), now().plus_seconds(60));
        assert_eq!(rule(ocsp), Some(Rule::PurposeMismatch));
        assert_eq!(policy.issuer(), None);
        assert_eq!(policy.budget(), None);
        let other = KeyPolicy::parse(&responder_policy()).unwrap();
        let asked =
            other.admit_handshake(SignatureScheme::EcdsaP256Sha256, &Transcript(vec![7; 32]));
        assert_eq!(rule(asked), Some(Rule::PurposeMismatch));
    }

    #[test]
    fn server_names_are_listed_one_by_one() {
        let policy = policy();
        let names = policy.tls().unwrap().names();
        for name in ["ca.corp.example", "CA.corp.example"] {
            assert_eq!(names.check(&GeneralName::Dns(name.to_owned())), Ok(()));
        }
        assert_eq!(names.check(&GeneralName::Ip("10.0.0.1".parse().unwrap())), Ok(()));
        for name in [
            GeneralName::Dns("corp.example".to_owned()),
            GeneralName::Dns("www.ca.corp.example".to_owned()),
            GeneralName::Dns("*.corp.example".to_owned()),
            GeneralName::Ip("10.0.0.2".parse().unwrap()),
            GeneralName::Email("a@ca.corp.example".to_owned()),
        ] {
            assert_eq!(rule(names.check(&name)), Some(Rule::NameNotPermitted), "{name:?}");
        }
    }

    #[test]
    fn refuses_texts_that_are_no_tls_policy() {
        for (from, to, why) in [
            ("ecdsa-p256-sha256", "rsa-pss-sha256", "signature: is not signed with in a TLS 1.3"),
            ("ecdsa-p256-sha256", "ml-dsa-44", "signature: is not signed with in a TLS 1.3"),
            ("ca.corp.example", "CA.corp.example", "server_names[0]: is written in lower case"),
            ("ca.corp.example", "*.corp.example", "server_names[0]: is no host name"),
            ("\"::1\"", "\"0:0::1\"", "server_names[2]: is written ::1"),
            ("\"::1\"", "\"any\"", "server_names: \"any\" stands alone"),
            ("version = 1", "version = 1\nissuer = \"\"", "issuer: is not known here"),
        ] {
            let text = TEXT.replace(from, to);
            let errors = KeyPolicy::parse(&text).unwrap_err().to_string();
            assert!(errors.starts_with(why), "{errors}");
        }
    }
}
