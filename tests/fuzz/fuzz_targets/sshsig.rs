//! OpenSSH signatures: whatever is accepted has one armour, and a key that reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signer_quorum::{NAMESPACE, Operator, SshSignature, armour};

fuzz_target!(|bytes: &[u8]| {
    // As it comes, and behind the armour, which a mutation hardly ever keeps whole.
    let armoured = armour(bytes);
    for text in [bytes, armoured.as_bytes()] {
        if let Ok(signature) = SshSignature::parse(text) {
            let line = signature.key().to_text();
            let operator = Operator::parse(&line).expect("a key that signs is an operator's");
            assert_eq!(operator.key(), signature.key());
            assert_eq!(operator.to_line(), line);
            let _ = signature.verify(NAMESPACE, b"message");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(operator) = Operator::parse(text)
    {
        assert_eq!(operator.to_line(), text);
    }
});
