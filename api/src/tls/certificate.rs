//! The server's own certificate as it lies in `tls.pem`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use model::Issuer;
use x509::{Certificate, CertificateDer, GeneralName, PublicKey, Serial, UnixTime, pem};

const LABEL: &str = "CERTIFICATE";
const FILE: &str = "tls.pem";

/// Is a certificate with the path that is sent along: leaf first, without the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate {
    path: Vec<CertificateDer>,
    leaf: Certificate,
}

/// Says why a certificate is no longer the one to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Two thirds of its time are over.
    Old,
    /// It has other names.
    Names,
    /// It has another key.
    Key,
    /// Its issuer is not, or no more, one of ours.
    Issuer,
    /// It was revoked.
    Revoked,
}

impl OwnCertificate {
    /// Takes a leaf and what stands above it, root last.
    #[must_use]
    pub fn new(leaf: &CertificateDer, above: &[CertificateDer]) -> Option<Self> {
        let mut path = vec![leaf.clone()];
        // RFC 8446 §4.4.2: the root may be left out, clients have it.
        path.extend(above.iter().filter(|der| !is_self_issued(der)).cloned());
        Some(Self { leaf: Certificate::parse(leaf.as_bytes()).ok()?, path })
    }

    /// Reads it from the folder; nothing if it is missing or not readable.
    #[must_use]
    pub fn load(directory: &Path) -> Option<Self> {
        let text = fs::read_to_string(directory.join(FILE)).ok()?;
        let mut blocks = pem::decode(&text).ok()?.into_iter();
        let mut next = || {
            let (label, der) = blocks.next()?;
            (label == LABEL).then(|| CertificateDer::from_vec(der))
        };
        let leaf = next()?;
        let above: Vec<CertificateDer> = std::iter::from_fn(next).collect();
        Self::new(&leaf, &above)
    }

    /// Writes it into the folder.
    ///
    /// # Errors
    /// What the system said.
    pub fn save(&self, directory: &Path) -> std::io::Result<()> {
        let blocks = self.path.iter();
        let text: String = blocks.map(|der| pem::encode(LABEL, der.as_bytes())).collect();
        write_whole(&directory.join(FILE), text.as_bytes())
    }

    /// Gives what is sent in a handshake.
    #[must_use]
    pub fn path(&self) -> &[CertificateDer] {
        &self.path
    }

    /// Gives the last second of its validity.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.leaf.tbs().not_after
    }

    /// Gives its serial number.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.leaf.tbs().serial
    }

    /// Gives the key that it is for.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.leaf.tbs().public_key
    }

    /// Finds its issuer among ours.
    #[must_use]
    pub fn issuer<'a>(&self, issuers: &'a [Issuer]) -> Option<&'a Issuer> {
        let tbs = self.leaf.tbs();
        issuers.iter().find(|issuer| {
            let held = issuer.state.certificate();
            let held = held
                .and_then(|held| x509::ForeignCertificate::parse(held.certificate.as_bytes()).ok());
            held.is_some_and(|held| {
                *held.subject() == tbs.issuer && self.leaf.verify_by(held.public_key()).is_ok()
            })
        })
    }

    /// Says why it should be replaced now.
    #[must_use]
    pub fn due(
        &self,
        now: UnixTime,
        names: &[GeneralName],
        key: &PublicKey,
        issuers: &[Issuer],
    ) -> Option<Due> {
        let tbs = self.leaf.tbs();
        let span = tbs.not_after.seconds_since(tbs.not_before);
        if tbs.public_key != *key {
            Some(Due::Key)
        } else if tbs.extensions.subject_alt_name().unwrap_or_default() != names {
            Some(Due::Names)
        } else if now >= tbs.not_before.plus_seconds(span / 3 * 2) {
            Some(Due::Old)
        } else if self.issuer(issuers).is_none() {
            Some(Due::Issuer)
        } else {
            None
        }
    }
}

fn is_self_issued(der: &CertificateDer) -> bool {
    x509::ForeignCertificate::parse(der.as_bytes())
        .is_ok_and(|certificate| certificate.subject() == certificate.issuer())
}

/// Writes a file, mode 0600, that appears whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut making = path.as_os_str().to_owned();
    making.push(".making");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&making)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&making, path)?;
    match path.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::SubjectKey;
    use model::{
        ActiveIssuer, Id, IssuerCertificate, IssuerKind, IssuerName, IssuerState, RingName,
    };
    use x509::{Extension, ExtensionValue, Extensions, Name, SignatureScheme, TbsCertificate};

    const START: i64 = 1_800_000_000;
    const SPAN: i64 = 90 * 86_400;

    fn key() -> SubjectKey {
        SubjectKey::new()
    }

    fn name(text: &str) -> Name {
        Name::parse_rfc4514(text).expect("a name")
    }

    fn localhost() -> Vec<GeneralName> {
        vec![GeneralName::Dns("localhost".into())]
    }

    /// Makes a certificate for `key`, signed by `issuer` under the name CN=CA.
    fn certificate(key: &SubjectKey, subject: &str, issuer: &SubjectKey) -> CertificateDer {
        let names = Extension::non_critical(ExtensionValue::SubjectAltName(localhost()));
        let tbs = TbsCertificate {
            serial: Serial::from_unsigned(&[1]).expect("a serial"),
            signature: SignatureScheme::default_for(issuer.public().kind()).expect("a scheme"),
            issuer: name("CN=CA"),
            not_before: UnixTime(START),
            not_after: UnixTime(START + SPAN),
            subject: name(subject),
            public_key: key.public().clone(),
            extensions: Extensions::new(vec![names]).expect("extensions"),
        };
        let der = tbs.encode().expect("DER");
        Certificate::assemble(&der, tbs.signature, &issuer.sign(der.as_bytes()).1)
    }

    fn active(certificate: CertificateDer) -> Issuer {
        Issuer {
            id: Id::from_parts(1, &[1; 10]),
            name: IssuerName::new("ca").expect("a name"),
            subject: name("CN=CA").der().clone(),
            parent: None,
            ring: RingName::default(),
            key_label: "ca".into(),
            kind: IssuerKind::Issuing,
            is_issuing: true,
            state: IssuerState::Active(ActiveIssuer {
                certificate: IssuerCertificate {
                    certificate,
                    chain: Vec::new(),
                    not_after: UnixTime(START + SPAN),
                },
            }),
            responder: None,
            revision: 1,
            created_at: UnixTime(START),
        }
    }

    #[test]
    fn is_due_by_age_name_key_and_issuer() {
        let (own, ca, other) = (key(), key(), key());
        let shown = OwnCertificate::new(&certificate(&own, "CN=x", &ca), &[]).expect("readable");
        let issuers = [active(certificate(&ca, "CN=CA", &ca))];
        let strangers = [active(certificate(&other, "CN=CA", &other))];
        let late = START + SPAN / 3 * 2;
        let names = localhost();
        let more = [localhost(), vec![GeneralName::Ip([127, 0, 0, 1].into())]].concat();
        for (at, names, key, issuers, expected) in [
            (START, &names, &own, &issuers, None),
            (late - 1, &names, &own, &issuers, None),
            (late, &names, &own, &issuers, Some(Due::Old)),
            (START, &more, &own, &issuers, Some(Due::Names)),
            (START, &names, &other, &issuers, Some(Due::Key)),
            (START, &names, &own, &strangers, Some(Due::Issuer)),
        ] {
            let due = shown.due(UnixTime(at), names, key.public(), issuers);
            assert_eq!(due, expected);
        }
        assert_eq!(shown.due(UnixTime(START), &names, own.public(), &[]), Some(Due::Issuer));
    }

    #[test]
    fn is_kept_in_its_file_without_the_root() {
        let (own, ca) = (key(), key());
        let leaf = certificate(&own, "CN=x", &ca);
        let intermediate = certificate(&ca, "CN=Between", &ca);
        let root = certificate(&ca, "CN=CA", &ca);
        let shown = OwnCertificate::new(&leaf, &[intermediate.clone(), root]).expect("readable");
        assert_eq!(shown.path(), [leaf, intermediate]);
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(OwnCertificate::load(folder.path()), None);
        shown.save(folder.path()).expect("saved");
        assert_eq!(OwnCertificate::load(folder.path()), Some(shown));
        fs::write(folder.path().join(FILE), "nonsense").expect("written");
        assert_eq!(OwnCertificate::load(folder.path()), None);
    }
}
