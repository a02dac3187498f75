//! To-be-signed certificates: whatever is accepted encodes back to the same octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use x509::TbsCertificate;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tbs) = TbsCertificate::parse(bytes) {
        let encoded = tbs.encode().expect("what was read can be written");
        assert_eq!(encoded.as_bytes(), bytes);
        let _ = tbs.public_key.check_strength();
    }
});
