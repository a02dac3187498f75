//! What somebody wishes a CA to be: the text that a pending issuer keeps until an operator
//! executes it.

use model::{IssuerKind, IssuerName, NameError, RingName};
use serde::{Deserialize, Serialize};
use signer_proto::KeySpec;
use x509::{Name, NameConstraints, NameSubtree};

use super::policy_text::{NameScope, NotAScope};
use crate::profile::Seconds;

/// The only version there is.
const VERSION: u32 = 1;

/// The longest a CA or what it signs may last: a century.
pub(crate) const LONGEST: Seconds = Seconds::days(36_525);

/// A wish for a CA, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaRequest {
    /// Always 1.
    pub version: u32,
    /// Its name in URLs, and its key's label in the ring.
    pub name: IssuerName,
    /// Its place in the hierarchy.
    pub kind: IssuerKind,
    /// The CA of ours above it; none for a root, and for one that somebody else is to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IssuerName>,
    /// The ring that is to hold its key, by the server's name of it; none: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring: Option<RingName>,
    /// Its subject as RFC 4514 writes it: `CN=Issuing CA,O=Example`.
    pub subject: String,
    /// What key to generate: `p-256`, `p-384`, `rsa-4096`, `ml-dsa-65`, ...
    pub key: String,
    /// How long its certificate shall last.
    pub validity: Seconds,
    /// How many CAs may stand below it. An issuing CA has 0; an intermediate at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_len: Option<u8>,
    /// Domains and networks that stand as permitted subtrees in its certificate
    /// (RFC 5280 §4.2.1.10); empty: no such extension.
    #[serde(default)]
    pub constraints: Vec<String>,
    /// Domains and networks that its key policy admits in leaves; empty: any.
    #[serde(default)]
    pub names: Vec<String>,
    /// The longest validity of its leaves.
    #[serde(default = "a_year_and_some")]
    pub leaf_validity: Seconds,
}

fn a_year_and_some() -> Seconds {
    Seconds::days(1_095)
}

/// Why a wish is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaRequestError {
    /// The text does not read.
    #[error("the request does not read: {0}")]
    Text(String),
    /// Another version.
    #[error("version {0} is not 1")]
    Version(u32),
    /// The subject does not read, or is empty.
    #[error("the subject `{0}` is no distinguished name, as in CN=Issuing CA,O=Example")]
    Subject(String),
    /// The key is of no kind that signs.
    #[error("`{0}` is no kind of key, as in p-256, p-384, rsa-4096, ml-dsa-65")]
    Key(String),
    /// The span is not positive, or longer than a century.
    #[error("a validity must be positive and at most {LONGEST}")]
    Validity,
    /// The path length does not fit the kind.
    #[error("{0}")]
    PathLength(&'static str),
    /// A root has no parent, and others have one or somebody else signs them.
    #[error("a root has no parent")]
    RootWithParent,
    /// A name is neither a domain nor a network.
    #[error(transparent)]
    Scope(#[from] NotAScope),
    /// The label of the responder's key would be too long or the name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// The parts of a wish, read and checked.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) subject: Name,
    pub(crate) spec: KeySpec,
    pub(crate) path_len: Option<u8>,
    pub(crate) constraints: Option<NameConstraints>,
    pub(crate) scope: NameScope,
}

impl CaRequest {
    /// Reads the text of a wish.
    pub fn parse(text: &str) -> Result<Self, CaRequestError> {
        let request: Self =
            toml::from_str(text).map_err(|error| CaRequestError::Text(error.to_string()))?;
        request.check()?;
        Ok(request)
    }

    /// Writes the text that [`Self::parse`] reads.
    pub fn to_text(&self) -> Result<String, CaRequestError> {
        toml::to_string(self).map_err(|error| CaRequestError::Text(error.to_string()))
    }

    /// Checks what can be checked without the parent.
    pub(crate) fn check(&self) -> Result<Checked, CaRequestError> {
        if self.version != VERSION {
            return Err(CaRequestError::Version(self.version));
        }
        if self.kind == IssuerKind::Root && self.parent.is_some() {
            return Err(CaRequestError::RootWithParent);
        }
        let fits = |span: Seconds| span.0 > 0 && span <= LONGEST;
        if !fits(self.validity) || !fits(self.leaf_validity) {
            return Err(CaRequestError::Validity);
        }
        let subject = Name::parse_rfc4514(&self.subject)
            .ok()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| CaRequestError::Subject(self.subject.clone()))?;
        let spec: Option<KeySpec> = self.key.parse().ok();
        let spec = spec
            .filter(|spec| spec.kind().is_some())
            .ok_or_else(|| CaRequestError::Key(self.key.clone()))?;
        let scope = match self.names.as_slice() {
            [] => NameScope::any(),
            names => NameScope::parse(&names.join(","))?,
        };
        Ok(Checked {
            subject,
            spec,
            path_len: self.checked_path_len()?,
            constraints: permitted(&self.constraints)?,
            scope,
        })
    }

    fn checked_path_len(&self) -> Result<Option<u8>, CaRequestError> {
        match (self.kind, self.path_len) {
            (IssuerKind::Issuing, None | Some(0)) => Ok(Some(0)),
            (IssuerKind::Issuing, Some(_)) => {
                Err(CaRequestError::PathLength("an issuing CA signs no CA: its path length is 0"))
            }
            (IssuerKind::Intermediate, None) => Ok(Some(1)),
            (IssuerKind::Intermediate | IssuerKind::Root, Some(0)) => Err(
                CaRequestError::PathLength("a CA that signs CAs has a path length of at least 1"),
            ),
            (IssuerKind::Intermediate | IssuerKind::Root, given) => Ok(given),
        }
    }
}

/// Reads domains and networks as permitted subtrees; none: no constraints at all.
/// A network whose address has bits beyond its prefix reads as the network that it is in.
///
/// # Errors
/// [`CaRequestError::Scope`].
pub fn permitted(names: &[String]) -> Result<Option<NameConstraints>, CaRequestError> {
    if names.is_empty() {
        return Ok(None);
    }
    let scope = NameScope::parse(&names.join(","))?;
    let mut permitted: Vec<NameSubtree> = scope.dns.iter().cloned().map(NameSubtree::Dns).collect();
    // RFC 5280 §4.2.1.10: a host alone means its mailboxes, a leading dot those below it.
    for domain in &scope.email {
        permitted.push(NameSubtree::Email(domain.clone()));
        permitted.push(NameSubtree::Email(format!(".{domain}")));
    }
    for network in &scope.ip {
        let network: ipnet::IpNet = network.parse().map_err(|_| NotAScope(network.clone()))?;
        permitted.push(NameSubtree::Ip { addr: network.addr(), prefix: network.prefix_len() });
    }
    Ok(Some(NameConstraints { permitted, excluded: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: IssuerKind) -> CaRequest {
        CaRequest {
            version: 1,
            name: "web".parse().expect("a name"),
            kind,
            parent: (kind != IssuerKind::Root).then(|| "root".parse().expect("a name")),
            ring: (kind == IssuerKind::Issuing).then(|| "hsm".parse().expect("a name")),
            subject: "CN=Web CA,O=Example".into(),
            key: "p-256".into(),
            validity: Seconds::days(1_000),
            path_len: None,
            constraints: vec!["corp.example".into(), "10.0.0.0/8".into()],
            names: vec![],
            leaf_validity: Seconds::days(90),
        }
    }

    #[test]
    fn the_text_reads_back() {
        for kind in IssuerKind::ALL {
            let request = request(kind);
            let text = request.to_text().expect("a text");
            assert_eq!(CaRequest::parse(&text), Ok(request), "{text}");
        }
    }

    #[test]
    fn path_lengths_follow_the_kind() {
        let of = |kind, path_len| {
            let wish = CaRequest { path_len, ..request(kind) };
            wish.check().map(|checked| checked.path_len)
        };
        assert_eq!(of(IssuerKind::Issuing, None), Ok(Some(0)));
        assert_eq!(of(IssuerKind::Intermediate, None), Ok(Some(1)));
        assert_eq!(of(IssuerKind::Root, None), Ok(None));
        for (kind, path_len) in
            [(IssuerKind::Issuing, 1), (IssuerKind::Intermediate, 0), (IssuerKind::Root, 0)]
        {
            let refused = of(kind, Some(path_len));
            assert!(matches!(refused, Err(CaRequestError::PathLength(_))), "{kind}");
        }
    }

    #[test]
    fn every_fault_has_its_error() {
        let good = request(IssuerKind::Issuing);
        let bad_subject = CaRequest { subject: String::new(), ..good.clone() };
        assert_eq!(bad_subject.check().err(), Some(CaRequestError::Subject(String::new())));
        let bad_key = CaRequest { key: "aes-256".into(), ..good.clone() };
        assert_eq!(bad_key.check().err(), Some(CaRequestError::Key("aes-256".into())));
        let root = CaRequest { kind: IssuerKind::Root, ..good.clone() };
        assert_eq!(root.check().err(), Some(CaRequestError::RootWithParent));
        let never = CaRequest { validity: Seconds(0), ..good.clone() };
        assert_eq!(never.check().err(), Some(CaRequestError::Validity));
        let later = CaRequest { version: 2, ..good };
        assert_eq!(later.check().err(), Some(CaRequestError::Version(2)));
    }
}
