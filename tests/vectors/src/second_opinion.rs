//! What the openssl command reads in a document, as text that both sides can be brought to.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::campaign::hex;
use crate::facts::AlternativeName;
use crate::openssl;
use crate::tree::{self, Body};

/// Attribute types as numbers, values as the hexadecimal of their DER: nothing to escape.
const NAMES: [&str; 2] = ["-nameopt", "oid,sep_comma_plus,dump_all,dump_der"];

/// What `openssl x509`, `openssl req` or `openssl crl` prints of a document.
pub struct Printed(String);

impl Printed {
    /// Has the command read a DER document, by one call.
    ///
    /// # Errors
    /// The command refuses the document.
    pub fn of(folder: &Path, der: &[u8], kind: Kind) -> Result<Self> {
        fs::write(folder.join("mutant.der"), der)?;
        let mut arguments = match kind {
            Kind::Certificate => vec![
                "x509",
                "-serial",
                "-dates",
                "-dateopt",
                "iso_8601",
                "-issuer",
                "-subject",
                "-pubkey",
                "-ext",
                "subjectAltName",
            ],
            Kind::Csr => vec!["req", "-subject", "-pubkey", "-text"],
            Kind::Crl => vec![
                "crl",
                "-issuer",
                "-lastupdate",
                "-nextupdate",
                "-dateopt",
                "iso_8601",
                "-crlnumber",
                "-text",
            ],
        };
        arguments.extend(["-noout", "-inform", "DER", "-in", "mutant.der"]);
        arguments.extend(NAMES);
        openssl::text(folder, &arguments).map(Self)
    }

    /// Gives the rest of the line that begins so.
    ///
    /// # Errors
    /// There is no such line.
    pub fn line(&self, beginning: &str) -> Result<&str> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(beginning))
            .with_context(|| format!("no {beginning:?} in {}", self.0))
    }

    /// Gives a serial or CRL number without leading zeros.
    ///
    /// # Errors
    /// There is no such line.
    pub fn number(&self, beginning: &str) -> Result<String> {
        let digits = self.line(beginning)?.trim_start_matches("0x");
        Ok(digits.trim_start_matches('0').to_lowercase())
    }

    /// Gives a time as RFC 3339 writes it.
    ///
    /// # Errors
    /// There is no such line.
    pub fn time(&self, beginning: &str) -> Result<String> {
        Ok(self.line(beginning)?.replace(' ', "T"))
    }

    /// Gives the DER of the public key that was printed as PEM.
    ///
    /// # Errors
    /// There is none.
    pub fn public_key(&self) -> Result<Vec<u8>> {
        let start = self.0.find("-----BEGIN PUBLIC KEY").context("no key")?;
        let end_mark = "-----END PUBLIC KEY-----\n";
        let end = self.0.find(end_mark).context("no end of key")? + end_mark.len();
        let blocks = x509::pem::decode(&self.0[start..end])?;
        let (_, der) = blocks.into_iter().next().context("no block")?;
        Ok(der)
    }

    /// Gives the alternative names of the forms that are printed without loss: mail, DNS, URI, IP.
    ///
    /// # Errors
    /// An address cannot be read.
    pub fn alternative_names(&self) -> Result<Vec<AlternativeName>> {
        let mut lines = self.0.lines();
        if !lines.any(|line| line.trim_start().starts_with("X509v3 Subject Alternative Name")) {
            return Ok(vec![]);
        }
        let mut names = Vec::new();
        for item in lines.next().context("no names")?.trim().split(", ") {
            let (form, value) = item.split_once(':').unwrap_or((item, ""));
            match form {
                "email" => names.push((1, value.as_bytes().to_vec())),
                "DNS" => names.push((2, value.as_bytes().to_vec())),
                "URI" => names.push((6, value.as_bytes().to_vec())),
                "IP Address" => names.push((
                    7,
                    match value.parse()? {
                        IpAddr::V4(ip) => ip.octets().to_vec(),
                        IpAddr::V6(ip) => ip.octets().to_vec(),
                    },
                )),
                _ => {}
            }
        }
        Ok(names)
    }

    /// Gives every serial number of a CRL's entries, in order, without leading zeros.
    pub fn revoked(&self) -> Vec<String> {
        self.0
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("Serial Number: "))
            .map(|digits| digits.trim_start_matches('0').to_lowercase())
            .collect()
    }
}

/// The kinds of documents that can be printed.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A certificate.
    Certificate,
    /// A certification request.
    Csr,
    /// A certificate revocation list.
    Crl,
}

/// Writes a Name as openssl does with [`NAMES`].
///
/// # Panics
/// The octets are not a Name.
pub fn name_text(der: &[u8]) -> String {
    let rdns = inside(tree::parse(der).expect("a Name").remove(0).body);
    let rdn_text = |rdn: tree::Node| {
        let attributes = inside(rdn.body).into_iter().map(|attribute| {
            let mut pair = inside(attribute.body).into_iter();
            let oid = tree::encode(&[pair.next().expect("a type")]);
            let oid = <x509::Oid as der::Decode>::from_der(&oid).expect("an identifier");
            let value = tree::encode(&pair.collect::<Vec<_>>());
            format!("{oid}=#{}", hex(&value).to_uppercase())
        });
        attributes.collect::<Vec<_>>().join("+")
    };
    rdns.into_iter().map(rdn_text).collect::<Vec<_>>().join(",")
}

fn inside(body: Body) -> Vec<tree::Node> {
    match body {
        Body::Values(_, values) => values,
        Body::Octets(octets) => panic!("values expected: {}", hex(&octets)),
    }
}

/// Keeps the names of the forms that [`Printed::alternative_names`] gives.
pub fn printable(names: &[AlternativeName]) -> Vec<AlternativeName> {
    let forms = [1, 2, 6, 7];
    let kept = names.iter().filter(|(form, _)| forms.contains(form));
    kept.cloned().collect()
}
