//! The URLs of everything, all in one place.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{Uri, header};
use model::{
    AcmeAccount, AcmeOrder, AuthorizationKey, ChallengeMethod, Id, IssuedCertificate, ProfileName,
};

/// The bases that the server answers under, such as `https://ca.corp.example:8443`; no others:
/// the `url` of a JWS would say nothing if it were held against whatever Host a request has
/// (RFC 8555 §6.4).
#[derive(Debug, Clone)]
pub struct Bases(Arc<[Base]>);

/// One base, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base(Arc<str>);

impl Bases {
    /// Takes the bases.
    #[must_use]
    pub fn new(bases: impl IntoIterator<Item = String>) -> Self {
        let base = |text: String| Base(text.trim_end_matches('/').to_ascii_lowercase().into());
        Self(bases.into_iter().map(base).collect())
    }

    /// Finds the base that a request came to.
    pub(crate) fn of_request(&self, parts: &Parts) -> Option<Base> {
        // RFC 9113 §8.3.1: in HTTP/2 the authority stands in the URI, in HTTP/1.1 in Host.
        let authority = match parts.uri.authority() {
            Some(authority) => authority.as_str(),
            None => parts.headers.get(header::HOST)?.to_str().ok()?,
        };
        self.0.iter().find(|base| base.is_at(authority)).cloned()
    }

    /// Takes an account's URL apart.
    pub(crate) fn account_id(&self, url: &str) -> Option<Id<AcmeAccount>> {
        let strip = |base: &Base| url.strip_prefix(&*base.0)?.strip_prefix("/acme/account/");
        self.0.iter().find_map(strip)?.parse().ok()
    }
}

impl Base {
    fn is_at(&self, authority: &str) -> bool {
        let own = self.0.split_once("://").map_or("", |(_, authority)| authority);
        own.eq_ignore_ascii_case(authority)
            || authority
                .strip_suffix(":443")
                .is_some_and(|bare| self.0.starts_with("https:") && own.eq_ignore_ascii_case(bare))
    }

    /// Gives the URL that a request was sent to.
    pub(crate) fn request(&self, uri: &Uri) -> String {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!("{}{path}", self.0)
    }

    /// Gives the URL of an endpoint that there is one of.
    pub(crate) fn endpoint(&self, name: &str) -> String {
        format!("{}/acme/{name}", self.0)
    }

    /// Gives the URL of an endpoint of a profile; none: of the default.
    pub(crate) fn of_profile(&self, profile: Option<&ProfileName>, name: &str) -> String {
        match profile {
            Some(profile) => format!("{}/acme/profile/{profile}/{name}", self.0),
            None => self.endpoint(name),
        }
    }

    pub(crate) fn account(&self, id: Id<AcmeAccount>) -> String {
        format!("{}/acme/account/{id}", self.0)
    }

    pub(crate) fn orders(&self, id: Id<AcmeAccount>, cursor: Option<Id<AcmeOrder>>) -> String {
        let cursor = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        format!("{}/acme/account/{id}/orders{cursor}", self.0)
    }

    pub(crate) fn order(&self, id: Id<AcmeOrder>) -> String {
        format!("{}/acme/order/{id}", self.0)
    }

    pub(crate) fn finalize(&self, id: Id<AcmeOrder>) -> String {
        format!("{}/acme/order/{id}/finalize", self.0)
    }

    pub(crate) fn authorization(&self, key: AuthorizationKey) -> String {
        format!("{}/acme/authz/{}/{}", self.0, key.order, key.number)
    }

    pub(crate) fn challenge(&self, key: AuthorizationKey, method: ChallengeMethod) -> String {
        format!("{}/acme/chall/{}/{}/{method}", self.0, key.order, key.number)
    }

    pub(crate) fn certificate(&self, id: Id<IssuedCertificate>, chain: Option<usize>) -> String {
        let chain = chain.map(|chain| format!("/{chain}")).unwrap_or_default();
        format!("{}/acme/cert/{id}{chain}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn found(bases: &[&str], uri: &str, host: Option<&str>) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let bases = Bases::new(bases.iter().map(|base| (*base).to_owned()));
        bases.of_request(&parts).map(|base| base.request(&parts.uri))
    }

    #[test]
    fn a_request_is_for_a_base_that_is_ours() {
        let ours = ["https://ca.corp.example", "https://localhost:8443/"];
        for (uri, host, expected) in [
            ("/acme/x?y=1", Some("localhost:8443"), Some("https://localhost:8443/acme/x?y=1")),
            ("/acme/x", Some("CA.Corp.example"), Some("https://ca.corp.example/acme/x")),
            ("/acme/x", Some("ca.corp.example:443"), Some("https://ca.corp.example/acme/x")),
            ("https://localhost:8443/a", None, Some("https://localhost:8443/a")),
            ("/acme/x", Some("localhost"), None),
            ("/acme/x", Some("evil.example"), None),
            ("/acme/x", None, None),
        ] {
            assert_eq!(found(&ours, uri, host).as_deref(), expected, "{uri} {host:?}");
        }
    }

    #[test]
    fn an_account_is_named_by_its_whole_url() {
        let bases = Bases::new(["https://a".to_owned(), "https://b".to_owned()]);
        let id: Id<AcmeAccount> = Id::from_parts(1, &[1; 10]);
        for base in bases.0.iter() {
            assert_eq!(bases.account_id(&base.account(id)), Some(id));
        }
        for url in [format!("https://c/acme/account/{id}"), id.to_string(), String::new()] {
            assert_eq!(bases.account_id(&url), None, "{url}");
        }
    }
}
