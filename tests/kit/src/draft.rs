//! A certificate as an honest server drafts it, for tests to bend.

use x509::{
    AuthorityKeyIdentifier, BasicConstraints, Extension, ExtensionValue, Extensions, GeneralName,
    KeyUsage, Name, Oid, PublicKey, Serial, SignatureScheme, TbsCertificate, TbsCertificateDer,
    UnixTime, oids,
};

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Reads a name as RFC 4514 writes it.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn name(text: &str) -> Name {
    Name::parse_rfc4514(text).expect("a name")
}

/// Reads a time as RFC 3339 writes it.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn time(text: &str) -> UnixTime {
    UnixTime::parse_rfc3339(text).expect("a time")
}

/// Makes a dNSName.
#[must_use]
pub fn dns(text: &str) -> GeneralName {
    GeneralName::Dns(text.to_owned())
}

/// Makes an rfc822Name.
#[must_use]
pub fn email(text: &str) -> GeneralName {
    GeneralName::Email(text.to_owned())
}

/// A certificate to be.
#[derive(Clone)]
pub struct Draft {
    /// The serial.
    pub serial: Serial,
    /// How it says that it will be signed.
    pub signature: SignatureScheme,
    /// The issuer.
    pub issuer: Name,
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
    /// The subject.
    pub subject: Name,
    /// The subject's key.
    pub key: PublicKey,
    /// The extensions.
    pub extensions: Vec<Extension>,
}

impl Draft {
    /// Replaces the extension of the same type, or adds it.
    pub fn set(&mut self, extension: Extension) {
        self.without(extension.oid());
        self.extensions.push(extension);
    }

    /// Takes an extension away.
    pub fn without(&mut self, oid: Oid) {
        self.extensions.retain(|extension| extension.oid() != oid);
    }

    /// Makes an extension critical or not.
    pub fn make_critical(&mut self, oid: Oid, critical: bool) {
        for extension in self.extensions.iter_mut().filter(|e| e.oid() == oid) {
            extension.critical = critical;
        }
    }

    /// Sets the alternative names, critical exactly if there is no subject.
    pub fn names(&mut self, names: Vec<GeneralName>) {
        let critical = self.subject.is_empty();
        self.set(Extension { critical, value: ExtensionValue::SubjectAltName(names) });
    }

    /// Names one host and nothing else.
    pub fn host(&mut self, host: &str) {
        self.subject = name("O=Corp");
        self.names(vec![dns(host)]);
    }

    /// Sets the key usage.
    pub fn usage(&mut self, usage: KeyUsage) {
        self.set(Extension::critical(ExtensionValue::KeyUsage(usage)));
    }

    /// Sets the extended key usage.
    pub fn extended(&mut self, usages: &[Oid]) {
        let usages = ExtensionValue::ExtendedKeyUsage(usages.to_vec());
        self.set(Extension::non_critical(usages));
    }

    /// Sets the basic constraints.
    pub fn constraints(&mut self, ca: bool, path_len: Option<u8>) {
        let value = ExtensionValue::BasicConstraints(BasicConstraints { ca, path_len });
        self.set(Extension { critical: ca, value });
    }

    /// Asks for a CA's certificate in place of a leaf's.
    pub fn become_authority(&mut self, path_len: Option<u8>) {
        self.constraints(true, path_len);
        self.usage(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN));
    }

    /// Takes another key and the identifier that belongs to it.
    pub fn rekey(&mut self, key: &PublicKey) {
        self.key = key.clone();
        let identifier = key.key_identifier().to_vec();
        self.set(Extension::non_critical(ExtensionValue::SubjectKeyIdentifier(identifier)));
    }

    /// Names another issuer's key.
    pub fn issued_by(&mut self, key: &PublicKey) {
        let authority = AuthorityKeyIdentifier::from_key_id(&key.key_identifier());
        self.set(Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(authority)));
    }

    /// Asks for a responder's certificate in place of a server's.
    pub fn become_responder(&mut self, key: &PublicKey) {
        self.without(oids::EXT_SUBJECT_ALT_NAME);
        self.without(oids::EXT_BASIC_CONSTRAINTS);
        self.subject = name("CN=Corp OCSP");
        self.usage(KeyUsage::DIGITAL_SIGNATURE);
        self.extended(&[oids::EKU_OCSP_SIGNING]);
        self.set(Extension::non_critical(ExtensionValue::OcspNoCheck));
        self.rekey(key);
    }

    /// Returns the bytes to be signed.
    ///
    /// # Panics
    /// If the encoder refuses them: bend the bytes instead ([`crate::der`]).
    #[must_use]
    pub fn tbs(&self) -> TbsCertificateDer {
        let tbs = TbsCertificate {
            serial: self.serial,
            signature: self.signature,
            issuer: self.issuer.clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            subject: self.subject.clone(),
            public_key: self.key.clone(),
            extensions: Extensions::new(self.extensions.clone()).expect("no extension twice"),
        };
        tbs.encode().expect("a TBSCertificate encodes")
    }

    /// Returns the bytes to be signed, for bending.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        self.tbs().into_vec()
    }
}

/// A TLS server's certificate for `www.corp.example` and 10.1.2.3.
pub(crate) fn server(serial: Serial, issuer: (&Name, &PublicKey), now: UnixTime) -> Draft {
    let mut draft = blank(serial, issuer, now, crate::SubjectKey::new().public());
    draft.subject = name("CN=www.corp.example");
    draft.constraints(false, None);
    draft.usage(KeyUsage::DIGITAL_SIGNATURE);
    draft.extended(&[oids::EKU_SERVER_AUTH]);
    let address = GeneralName::Ip([10, 1, 2, 3].into());
    draft.names(vec![dns("www.corp.example"), address]);
    draft
}

/// A subordinate's certificate, or the issuer's own.
pub(crate) fn authority(
    serial: Serial,
    issuer: (&Name, &PublicKey),
    now: UnixTime,
    subject: (&Name, &PublicKey),
) -> Draft {
    let (name, key) = subject;
    let mut draft = blank(serial, issuer, now, key);
    draft.signature = SignatureScheme::default_for(issuer.1.kind()).expect("a known kind");
    draft.subject = name.clone();
    draft.not_after = time("2044-01-01T00:00:00Z");
    let own = name == issuer.0;
    draft.become_authority(if own { None } else { Some(0) });
    if own {
        draft.not_after = time("2045-01-01T00:00:00Z");
        draft.without(oids::EXT_AUTHORITY_KEY_IDENTIFIER);
    } else {
        draft.permit("corp.example");
    }
    draft
}

impl Draft {
    /// Constrains a subordinate to a domain (RFC 5280 §4.2.1.10).
    pub fn permit(&mut self, domain: &str) {
        let subtree = x509::NameSubtree::Dns(domain.to_owned());
        let constraints = x509::NameConstraints { permitted: vec![subtree], excluded: Vec::new() };
        self.set(Extension::critical(ExtensionValue::NameConstraints(constraints)));
    }
}

fn blank(
    serial: Serial,
    (issuer, issuer_key): (&Name, &PublicKey),
    now: UnixTime,
    key: &PublicKey,
) -> Draft {
    let mut draft = Draft {
        serial,
        signature: SignatureScheme::EcdsaP256Sha256,
        issuer: issuer.clone(),
        not_before: now.plus_seconds(-60),
        not_after: now.plus_seconds(30 * DAY),
        subject: Name::empty(),
        key: key.clone(),
        extensions: Vec::new(),
    };
    draft.rekey(key);
    draft.issued_by(issuer_key);
    draft
}
