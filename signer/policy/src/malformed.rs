//! Which rule bytes break that do not even parse.

use signer_proto::{Refusal, Rule};
use x509::{DerError, DnsNameError, KeyError};

/// Names forms whose own rules are broken inside otherwise sound DER.
const NAME_FORMS: [&str; 5] =
    ["IA5String", "rfc822Name", "uniformResourceIdentifier", "iPAddress", "userPrincipalName"];

/// Turns a parse error into the refusal whose rule says most about it.
pub(crate) fn malformed(error: &DerError) -> Refusal {
    let rule = match error {
        DerError::Scheme(_) => Rule::AlgorithmRefused,
        DerError::Serial(_) => Rule::FieldMalformed,
        DerError::DnsName(DnsNameError::WildcardPlace | DnsNameError::WildcardForbidden) => {
            Rule::WildcardRefused
        }
        DerError::DnsName(_) => Rule::NameMalformed,
        DerError::Field { path, .. } if NAME_FORMS.contains(path) => Rule::NameMalformed,
        DerError::Field { path: "validity", .. } => Rule::ValidityInverted,
        DerError::Field { path: "issuer", .. } => Rule::IssuerMismatch,
        DerError::Key(KeyError::PointAtInfinity | KeyError::PointNotOnCurve) => Rule::WeakKey,
        DerError::Key(KeyError::Algorithm(_) | KeyError::Curve(_)) => Rule::KeyKindRefused,
        _ => Rule::DerNotStrict,
    };
    let source = core::error::Error::source(error);
    let detail = source.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
    Refusal::new(rule, detail)
}
