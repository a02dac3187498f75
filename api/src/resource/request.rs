//! Certification requests in bodies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
