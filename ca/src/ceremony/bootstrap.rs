//! The first hierarchy of an installation: a root, an issuing CA below it, and its responder.

use model::{IssuerKind, IssuerName};
use signer_proto::KeySpec;
use x509::{CertificateDer, UnixTime};

use super::CeremonyError;
use super::execute::{Executed, Parent, execute};
use super::operator::Operator;
use super::ring::{Ring, label};
use super::tls::tls_key;
use crate::hierarchy::CaRequest;
use crate::profile::Seconds;
use crate::urls::PublicUrls;

/// One CA of the first hierarchy.
#[derive(Debug, Clone)]
pub struct AuthorityPlan {
    /// Its name in URLs and its key's label.
    pub name: IssuerName,
    /// Its subject as RFC 4514 writes it.
    pub subject: String,
    /// Its key.
    pub spec: KeySpec,
    /// How long it lasts.
    pub validity: Seconds,
}

/// What the first hierarchy is to be.
#[derive(Debug, Clone)]
pub struct BootstrapPlan {
    /// Domains and networks that the issuing CA may certify; empty: any.
    pub names: Vec<String>,
    /// Where status is found.
    pub urls: PublicUrls,
    /// The root.
    pub root: AuthorityPlan,
    /// The issuing CA.
    pub issuing: AuthorityPlan,
    /// The longest validity of leaves.
    pub leaf_validity: Seconds,
    /// Names and addresses of the server, which its TLS key is for; empty: any.
    pub server_names: Vec<String>,
}

/// The first hierarchy.
#[derive(Debug, Clone)]
pub struct Bootstrapped {
    /// The root's certificate.
    pub root: CertificateDer,
    /// The issuing CA's certificate.
    pub issuing: CertificateDer,
    /// Whether anything was made now; nothing if all was there.
    pub made: bool,
}

impl BootstrapPlan {
    /// Plans a P-384 root for 20 years and a P-256 issuing CA for 5, for an organization.
    #[must_use]
    pub fn new(organization: &str, names: Vec<String>, urls: PublicUrls) -> Self {
        let plan = |name: &str, title: &str, spec, validity| AuthorityPlan {
            name: IssuerName::new(name).expect("`root` and `issuing` are names"),
            subject: format!("CN={0} {title},O={0}", escaped(organization)),
            spec,
            validity,
        };
        Self {
            names,
            urls,
            root: plan("root", "Root CA", KeySpec::P384, Seconds::days(7_305)),
            issuing: plan("issuing", "Issuing CA", KeySpec::P256, Seconds::days(1_826)),
            leaf_validity: Seconds::days(1_095),
            server_names: Vec::new(),
        }
    }

    fn request(&self, plan: &AuthorityPlan, kind: IssuerKind) -> CaRequest {
        CaRequest {
            version: 1,
            name: plan.name.clone(),
            kind,
            parent: (kind != IssuerKind::Root).then(|| self.root.name.clone()),
            ring: None,
            subject: plan.subject.clone(),
            key: plan.spec.to_string(),
            validity: plan.validity,
            path_len: None,
            constraints: Vec::new(),
            names: match kind {
                IssuerKind::Issuing => self.names.clone(),
                IssuerKind::Root | IssuerKind::Intermediate => Vec::new(),
            },
            leaf_validity: self.leaf_validity,
        }
    }
}

/// Makes the first hierarchy, or what is missing of it.
pub async fn bootstrap(
    operator: &Operator,
    plan: &BootstrapPlan,
    now: UnixTime,
) -> Result<Bootstrapped, CeremonyError> {
    let before = Ring(operator).count().await?;
    let request = plan.request(&plan.root, IssuerKind::Root);
    let root = signed(execute(operator, &request, None, &plan.urls, now).await?)?;
    let parent = Parent {
        name: plan.root.name.clone(),
        key_label: label(plan.root.name.as_str())?.to_string(),
        certificate: root.clone(),
    };
    let request = plan.request(&plan.issuing, IssuerKind::Issuing);
    let issuing = signed(execute(operator, &request, Some(&parent), &plan.urls, now).await?)?;
    tls_key(operator, &plan.server_names).await?;
    Ok(Bootstrapped { root, issuing, made: Ring(operator).count().await? != before })
}

fn signed(executed: Executed) -> Result<CertificateDer, CeremonyError> {
    match executed {
        Executed::Signed(certificate) => Ok(certificate),
        // Both have a parent or are their own.
        Executed::Request(_) => Err(CeremonyError::NoKey("the parent's".into())),
    }
}

/// Escapes what has a meaning in RFC 4514 §2.4.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, c) in text.trim().chars().enumerate() {
        if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') || index == 0 && c == '#' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_named_as_it_is() {
        for organization in ["Example", "A, B + C = \"D\"", "#1", "Größe \\ Co"] {
            let urls = PublicUrls::new("http://pki.corp.example").expect("a base");
            let plan = BootstrapPlan::new(organization, vec![], urls);
            let name = x509::Name::parse_rfc4514(&plan.root.subject).expect("a name");
            assert_eq!(name.common_names(), [format!("{organization} Root CA")]);
        }
    }
}
