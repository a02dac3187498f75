//! CSRs: whatever is accepted has an info part that encodes back to the same octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use x509::{CertificationRequestInfo, Csr};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(csr) = Csr::parse(bytes) {
        assert_eq!(csr.der().as_bytes(), bytes);
        let again = Csr::assemble(csr.info_der(), csr.scheme(), csr.signature());
        assert_eq!(again.as_bytes(), bytes);
        let _ = csr.verify_self_signature();
    }
    if let Ok(info) = CertificationRequestInfo::parse(bytes) {
        let encoded = info.encode().expect("what was read can be written");
        assert_eq!(encoded.as_bytes(), bytes);
    }
});
