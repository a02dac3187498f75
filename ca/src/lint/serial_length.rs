//! A serial is positive, has at most 20 octets and, by our own rule, at least 8.

use x509::TbsCertificate;

use super::{Lint, Severity, fail_if};

/// A serial is positive, has at most 20 octets and, by our own rule, at least 8.
pub const LINT: Lint = Lint {
    name: "serial-length",
    section: "RFC 5280 §4.1.2.2",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let octets = tbs.serial.as_bytes();
    let sign = usize::from(octets.first().is_some_and(|first| first & 0x80 != 0));
    fail_if(octets.len() < 8 || octets.len() + sign > 20, || {
        format!("the serial has {} octets", octets.len() + sign)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_short_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        tbs.serial = x509::Serial::from_unsigned(&[1]).expect("positive");
        assert!((LINT.check)(&tbs).is_some());
    }
}
