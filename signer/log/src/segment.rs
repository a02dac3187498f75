//! Segments: a header of 64 octets, then records. The format is final (docs/wire/journal.md).

use aws_lc_rs::digest::{Context, SHA256};
use signer_proto::{Digest, MAX_LEAF};

/// What every segment starts with.
pub const MAGIC: [u8; 16] = *b"CHANCERY-SEG\0\x01\0\0";
/// Octets of a segment's header.
pub const HEADER: usize = 64;
/// Octets of a record besides its leaf: the length before it and the check after it.
pub const FRAMING: usize = LENGTH + CHECK;
/// Octets of the length before a leaf.
pub const LENGTH: usize = 4;
/// Octets of the check after a leaf.
pub const CHECK: usize = 8;
/// The shortest leaf: version, type and time.
pub const MIN_LEAF: usize = 10;
/// The name that a segment has until its header is durable.
pub const UNBORN: &str = "next.tmp";

/// The first octets of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Zero in the segment that holds genesis itself.
    pub genesis: Digest,
    /// The position of the first leaf.
    pub first: u64,
}

impl SegmentHeader {
    /// Returns the 64 octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.genesis.0);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        out
    }
}

/// Returns the name of the segment whose first leaf is `first`.
pub fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// Returns the position of the first leaf of the segment with this name, if it is a segment's.
pub fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let all = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// Returns the Merkle hash of a leaf: SHA-256(0x00 | leaf) (RFC 9162 §2.1.1).
pub fn leaf_hash(leaf: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(leaf);
    octets(context)
}

/// Returns the check that binds a leaf to its place: SHA-256(leaf hash | position), cut to 8.
pub fn check(leaf_hash: &[u8; 32], position: u64) -> [u8; CHECK] {
    let mut context = Context::new(&SHA256);
    context.update(leaf_hash);
    context.update(&position.to_be_bytes());
    octets(context)
}

fn octets<const N: usize>(context: Context) -> [u8; N] {
    let digest = context.finish();
    let mut out = [0; N];
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Appends the record of `leaf` at `position` and returns the leaf's hash. The caller has held the
/// leaf against [`MAX_LEAF`].
pub fn put_record(out: &mut Vec<u8>, position: u64, leaf: &[u8]) -> [u8; 32] {
    debug_assert!((MIN_LEAF..=MAX_LEAF).contains(&leaf.len()));
    let length = u32::try_from(leaf.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(leaf);
    let hash = leaf_hash(leaf);
    out.extend_from_slice(&check(&hash, position));
    hash
}

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Front<'a> {
    /// A whole record: its leaf, the leaf's hash, and how many octets the record has.
    Record(&'a [u8], [u8; 32], usize),
    /// More octets are needed, at least this many in all.
    Short(usize),
    /// No record.
    Bad(&'static str),
}

/// Reads the record at `position` off the front of `bytes`.
pub fn front(bytes: &[u8], position: u64) -> Front<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Front::Short(LENGTH);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if !(MIN_LEAF..=MAX_LEAF).contains(&length) {
        return Front::Bad("the length is none of a leaf");
    }
    let record = length + FRAMING;
    let Some((leaf, rest)) = rest.split_at_checked(length) else {
        return Front::Short(record);
    };
    let Some((found, _)) = rest.split_first_chunk::<CHECK>() else {
        return Front::Short(record);
    };
    let hash = leaf_hash(leaf);
    if *found == check(&hash, position) {
        Front::Record(leaf, hash, record)
    } else {
        Front::Bad("the check does not fit the leaf at this position")
    }
}

/// Returns the time of an encoded leaf, in milliseconds since 1970.
pub fn leaf_time(leaf: &[u8]) -> Option<i64> {
    let (time, _) = leaf.get(2..)?.split_first_chunk::<8>()?;
    Some(i64::from_be_bytes(*time))
}

/// Sets the time of an encoded leaf to `at_ms`.
pub fn set_leaf_time(leaf: &mut [u8], at_ms: i64) {
    if let Some(time) = leaf.get_mut(2..10) {
        time.copy_from_slice(&at_ms.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Final from the first commit: docs/wire/journal.md shows the same octets.
    #[test]
    fn golden_segment_header() {
        let header = SegmentHeader { genesis: Digest([0xa5; 32]), first: 0x0102_0304_0506_0708 };
        let golden = concat!(
            "4348414e434552592d53454700010000",
            "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
            "0102030405060708",
            "0000000000000000",
        );
        assert_eq!(hex::encode(header.encode()), golden);
        assert_eq!(header.encode().len(), HEADER);
    }

    /// Final from the first commit. The check was computed with Python's hashlib:
    /// SHA-256(SHA-256(00 | leaf) | 0000000000000007), first 8 octets.
    #[test]
    fn golden_record() {
        let leaf = hex::decode("0103000001926f3c88000100000002").unwrap();
        let mut out = Vec::new();
        let hash = put_record(&mut out, 7, &leaf);
        assert_eq!(hex::encode(&out), "0000000f0103000001926f3c88000100000002153ffe0689497b50");
        assert_eq!(front(&out, 7), Front::Record(&leaf, hash, out.len()));
    }

    #[test]
    fn a_record_is_bound_to_its_place_and_to_every_bit() {
        let mut out = Vec::new();
        put_record(&mut out, 7, &[1; 40]);
        assert!(matches!(front(&out, 8), Front::Bad(_)));
        for bit in 0..out.len() * 8 {
            let mut bent = out.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(front(&bent, 7), Front::Record(..)), "bit {bit} is not covered");
        }
        for cut in 0..out.len() {
            assert!(matches!(front(&out[..cut], 7), Front::Short(_)));
        }
    }

    #[test]
    fn names_have_twenty_digits_and_nothing_else() {
        assert_eq!(name(42), "00000000000000000042.seg");
        assert_eq!(first_of(&name(u64::MAX)), Some(u64::MAX));
        for other in [
            "42.seg",
            "00000000000000000042.seg.bak",
            "0000000000000000004x.seg",
            "99999999999999999999.seg",
            UNBORN,
        ] {
            assert_eq!(first_of(other), None, "{other}");
        }
    }
}
