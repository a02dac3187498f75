//! What a `tls` key signs: the server's part of TLS 1.3 handshakes, and nothing else.
//!
//! The request carries the hash of a transcript, which nobody here can check. It is no digest to
//! sign: it goes into the frame of RFC 8446 §4.4.3, whose 64 spaces were chosen so that it is no
//! beginning of anything else that is signed. A DER structure begins otherwise.

use core::fmt;
use std::net::IpAddr;

use signer_proto::{Refusal, Rule, Transcript};
use x509::{GeneralName, SignatureScheme, check_dns_name};

use super::admitted::{Admitted, Meaning};
use super::change::{Diff, equal};
use super::issuer;
use super::section::{Scope, Section};

/// RFC 8446 §4.4.3: the octet that is repeated, how often, and the context string of a server.
const PAD: u8 = 0x20;
const PADS: usize = 64;
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify";

/// The policy of a `tls` key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsRules {
    pub(crate) scheme: SignatureScheme,
    names: ServerNames,
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
        Some(Self { scheme: scheme?, names })
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { scheme, names } = self;
        diff.fixed("signature", scheme, &new.scheme, SignatureScheme::to_string);
        diff.scope("server_names", (&names.0, &new.names.0), equal, ServerName::to_string);
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
        let refuse = |detail: String| Err(Refusal::new(Rule::HandshakeRefused, detail));
        if scheme != self.scheme {
            return refuse(format!("{scheme} instead of {}", self.scheme));
        }
        let hash = &transcript.0;
        if !matches!(hash.len(), 32 | 48) {
            return refuse(format!("{} octets are no hash of a transcript", hash.len()));
        }
        let content = [&[PAD; PADS], CONTEXT, &[0], hash].concat();
        Ok(HandshakeAdmission { scheme, content })
    }
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

/// The content that a `tls` key may sign: built here, from the hash of the transcript.
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
