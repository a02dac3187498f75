//! Certification requests in bodies, and what stands for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::OfficerSignature;
use x509::pem::PemError;
use x509::{Csr, DerError};

use crate::problem::{Problem, chain};

/// Reads a CSR as PEM or as DER in base64. Its signature is verified by the CA.
///
/// # Errors
/// A [`Problem`] with the rule that is broken.
pub fn read_csr(text: &str) -> Result<Csr, Problem> {
    if text.contains("-----BEGIN ") {
        return Csr::from_pem(text).map_err(of_pem);
    }
    let bare: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    if bare.is_empty() {
        return Err(Problem::malformed("csr-missing", "there is no CSR"));
    }
    let der = STANDARD.decode(bare).map_err(|_| {
        Problem::malformed("csr-not-base64", "the CSR is neither PEM nor DER in base64")
    })?;
    Csr::parse(&der).map_err(|error| of_der(&error))
}

/// Octets of a signature over a renewal: the largest that is known is ML-DSA-87's, of 4,627.
const LARGEST_SIGNATURE: usize = 8 * 1024;
/// Octets of an officer's signature, as the signer takes them.
const LARGEST_OFFICERS: usize = 4096;

/// Reads a signature in base64.
///
/// # Errors
/// A [`Problem`] with the rule that is broken.
pub fn read_signature(text: &str) -> Result<Vec<u8>, Problem> {
    let bare: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let signature = STANDARD
        .decode(bare)
        .ok()
        .filter(|signature| !signature.is_empty() && signature.len() <= LARGEST_SIGNATURE);
    signature.ok_or_else(|| {
        Problem::malformed("signature-malformed", "the signature is not 1 to 8192 octets in base64")
    })
}

/// Takes an officer's signature as `ssh-keygen -Y sign` writes it; the signer reads it.
///
/// # Errors
/// A [`Problem`] with the rule that is broken.
pub fn officer_signature(text: String) -> Result<OfficerSignature, Problem> {
    if text.is_empty() || text.len() > LARGEST_OFFICERS {
        let why = format!("an officer's signature has 1 to {LARGEST_OFFICERS} octets");
        return Err(Problem::malformed("officer-signature-malformed", why));
    }
    Ok(OfficerSignature(text.into_bytes()))
}

fn of_pem(error: PemError) -> Problem {
    match error {
        PemError::Content(error) => of_der(&error),
        other => Problem::malformed("csr-not-pem", other.to_string()),
    }
}

fn of_der(error: &DerError) -> Problem {
    let rule = match error {
        DerError::NotDer { .. } => "csr-not-der",
        DerError::NonCanonical => "csr-not-canonical",
        DerError::Trailing => "csr-trailing-octets",
        DerError::TooLarge { .. } => "csr-too-large",
        DerError::Unsupported { .. } => "csr-not-supported",
        DerError::DuplicateExtension(_) => "csr-duplicate-extension",
        DerError::DnsName(_) => "dns-name-malformed",
        DerError::Scheme(_) => "csr-algorithm-refused",
        DerError::Key(_) => "csr-key-refused",
        _ => "csr-malformed",
    };
    Problem::malformed(rule, format!("the CSR is refused: {}", chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pem_and_base64_and_names_the_broken_rule() {
        let csr = kit::SubjectKey::new().request(&x509::Name::empty(), Vec::new());
        let csr = Csr::parse(csr.as_bytes()).expect("a CSR");
        let pem = csr.to_pem();
        let der = csr.der().as_bytes();
        assert_eq!(read_csr(&pem), Ok(csr.clone()));
        assert_eq!(read_csr(&STANDARD.encode(der)), Ok(csr.clone()));
        let mut indefinite = der.to_vec();
        indefinite[1] = 0x80;
        let mut long = der.to_vec();
        long.push(0);
        for (text, rule) in [
            ("\n".into(), "csr-missing"),
            ("not base64!".into(), "csr-not-base64"),
            (pem.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "csr-not-pem"),
            (STANDARD.encode(&der[..der.len() - 1]), "csr-not-der"),
            (STANDARD.encode(indefinite), "csr-not-der"),
            (STANDARD.encode(long), "csr-trailing-octets"),
        ] {
            let refused = read_csr(&text).expect_err("refused");
            assert_eq!((refused.status().as_u16(), refused.rule()), (400, rule), "{text}");
        }
    }
}
