//! Only RSA keys encipher keys; only EC keys agree on them; signature keys do neither.

use x509::{KeyKind, KeyUsage, TbsCertificate};

use super::{Lint, Severity, fail_if};

/// Only RSA keys encipher keys; only EC keys agree on them; signature keys do neither.
pub const LINT: Lint = Lint {
    name: "key-usage-fits-key",
    section: "RFC 8813 §3, RFC 8410 §5, RFC 9881 §5",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let usage = tbs.extensions.key_usage()?;
    let enciphers =
        usage.contains(KeyUsage::KEY_ENCIPHERMENT) || usage.contains(KeyUsage::DATA_ENCIPHERMENT);
    let agrees = usage.contains(KeyUsage::KEY_AGREEMENT);
    let kind = tbs.public_key.kind();
    let bad = match kind {
        KeyKind::Rsa2048 | KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::RsaOther(_) => agrees,
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => enciphers,
        KeyKind::Ed25519 | KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
            agrees || enciphers
        }
    };
    fail_if(bad, || format!("the key usage does not fit a key of kind {}", kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_encipherment_by_ec() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, true, x509::ExtensionValue::KeyUsage(KeyUsage::KEY_ENCIPHERMENT));
        assert!((LINT.check)(&tbs).is_some());
    }
}
