//! A certificate of the stack with what stands above it, as files for foreign programs.

use kit::{Openssl, Stack, http_get};
use serde_json::Value;

/// A certificate that was issued, in the folder of an [`Openssl`].
pub struct Issued {
    /// Its id in the inventory.
    pub id: String,
    /// Its serial, in lower-case hex.
    pub serial: String,
    /// The file with the leaf.
    pub leaf: String,
    /// The file with what stands between leaf and root.
    pub between: String,
    /// The file with the root.
    pub root: String,
}

impl Issued {
    /// Writes what the API answered into files.
    pub fn write(openssl: &Openssl, name: &str, answer: &Value) -> Self {
        let text = |member: &Value| member.as_str().expect("a text").to_owned();
        let mut chain: Vec<String> =
            answer["chain"].as_array().expect("a chain").iter().map(text).collect();
        let root = chain.pop().expect("the root");
        let file = |kind: &str, content: String| {
            let file = format!("{name}.{kind}.pem");
            openssl.write(&file, content);
            file
        };
        Self {
            id: text(&answer["id"]),
            serial: text(&answer["serial"]),
            leaf: file("leaf", text(&answer["certificate"])),
            between: file("between", chain.concat()),
            root: file("root", root),
        }
    }

    /// Makes a P-256 key by openssl and has it certified for a host.
    pub fn new(stack: &Stack, openssl: &Openssl, name: &str) -> Self {
        let host = format!("{name}.corp.example");
        let csr = openssl.request(name, "ec/ec_paramgen_curve:P-256", &host);
        Self::write(openssl, name, &stack.issue("tls-server", &csr))
    }

    /// Asks `openssl verify`, with more options.
    pub fn verify(&self, openssl: &Openssl, options: &[&str]) -> (bool, String) {
        let fixed = ["verify", "-x509_strict", "-CAfile", &self.root, "-untrusted", &self.between];
        openssl.ask(&[&fixed, options, &[&self.leaf]].concat())
    }

    /// Returns the URL of the responder that the certificate names.
    pub fn ocsp_url(&self, openssl: &Openssl) -> String {
        let url = openssl.must(&["x509", "-noout", "-ocsp_uri", "-in", &self.leaf]);
        url.trim().to_owned()
    }

    /// Asks the responder that the certificate names, by openssl, with more options.
    pub fn ocsp(&self, openssl: &Openssl, options: &[&str]) -> String {
        let url = self.ocsp_url(openssl);
        let names = ["-issuer", &self.between, "-cert", &self.leaf, "-url", &url];
        let trust = ["-CAfile", &self.root, "-verify_other", &self.between];
        let (_, text) = openssl.ask(&[&["ocsp"][..], options, &names, &trust].concat());
        text
    }

    /// Returns the URL of the CRL that the certificate names.
    pub fn crl_url(&self, openssl: &Openssl) -> String {
        let text =
            openssl.must(&["x509", "-noout", "-ext", "crlDistributionPoints", "-in", &self.leaf]);
        let (_, url) = text.split_once("URI:").expect("a distribution point");
        url.split_whitespace().next().expect("a URL").to_owned()
    }

    /// Fetches the CRL that the certificate names, has openssl verify it, and returns it as text.
    pub fn crl(&self, openssl: &Openssl, name: &str) -> String {
        let response = http_get(&self.crl_url(openssl), &[]);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/pkix-crl"));
        openssl.write(name, &response.body);
        let arguments = ["crl", "-inform", "DER", "-in", name, "-noout", "-text", "-CAfile"];
        let text = openssl.must(&[&arguments, &[self.between.as_str()][..]].concat());
        assert!(text.contains("verify OK"), "{text}");
        text
    }

    /// Tells whether the CRL that the certificate names lists it.
    pub fn is_listed(&self, openssl: &Openssl) -> bool {
        self.crl(openssl, "now.crl").to_lowercase().contains(&self.serial)
    }

    /// Revokes it by the API.
    pub fn revoke(&self, stack: &Stack, reason: &str) {
        let path = format!("/api/v1/certificates/{}/revoke", self.id);
        let response = stack.api().post(&path, &serde_json::json!({ "reason": reason }));
        assert_eq!(response.status, 200, "{}", response.text());
    }
}
