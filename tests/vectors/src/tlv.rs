//! Just enough DER to make odd encodings.

/// Encodes a tag, a minimal length and a value.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = value.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    match value.len() {
        short @ 0..0x80 => der.push(u8::try_from(short).expect("below 128")),
        _ => {
            der.push(0x80 | u8::try_from(digits.len()).expect("at most eight"));
            der.extend(digits);
        }
    }
    der.extend(value);
    der
}
