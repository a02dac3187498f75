//! The public URLs that stand in certificates.

use model::IssuerName;

/// Where relying parties find CRLs, OCSP and CA certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrls {
    base: String,
}

/// A base that is no http URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no http URL without query, as in http://pki.corp.example")]
pub struct NotABase(pub String);

impl PublicUrls {
    /// Takes the base, with or without a slash at its end. Plain http is right here: CRLs and
    /// OCSP responses are signed, and https would need the very status that they give.
    pub fn new(base: &str) -> Result<Self, NotABase> {
        let bare = base.trim_end_matches('/');
        let host = bare
            .strip_prefix("http://")
            .or_else(|| bare.strip_prefix("https://"))
            .unwrap_or_default();
        let plain = host.bytes().all(|b| b.is_ascii_graphic() && !b"?#<>\"\\".contains(&b));
        if host.is_empty() || host.starts_with('/') || !plain {
            return Err(NotABase(base.to_owned()));
        }
        Ok(Self { base: bare.to_owned() })
    }

    /// Returns the base without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Returns the URL of an issuer's CRL.
    #[must_use]
    pub fn crl(&self, issuer: &IssuerName) -> String {
        format!("{}/.well-known/pki/crl/{issuer}.crl", self.base)
    }

    /// Returns the URL of an issuer's OCSP responder.
    #[must_use]
    pub fn ocsp(&self, issuer: &IssuerName) -> String {
        format!("{}/.well-known/pki/ocsp/{issuer}", self.base)
    }

    /// Returns the URL of an issuer's certificate.
    #[must_use]
    pub fn ca_certificate(&self, issuer: &IssuerName) -> String {
        format!("{}/.well-known/pki/ca/{issuer}.cer", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_an_http_url() {
        for bad in
            ["", "ftp://x", "http://", "http:///x", "pki.corp.example", "http://x?y", "http://a b"]
        {
            assert_eq!(PublicUrls::new(bad), Err(NotABase(bad.into())));
        }
        let urls = PublicUrls::new("http://pki.corp.example/").expect("a base");
        let name = IssuerName::new("issuing").expect("a name");
        assert_eq!(urls.crl(&name), "http://pki.corp.example/.well-known/pki/crl/issuing.crl");
    }
}
