//! Golden octets of the leaves about rings.

use super::*;

#[test]
fn golden_gap_accepted() {
    let seen = CrlNumberSeen { key: KeyId([0x11; 16]), number: 9 };
    check(
        GapAccepted {
            seen_size: 258,
            seen_root: Digest([0x46; 32]),
            serial_prefix: 0x22,
            crl_numbers: CrlNumbersSeen(vec![seen]),
            warrant: Warrant::none(),
        },
        "01 09 000001926eb52401 0000000000000102
         4646464646464646464646464646464646464646464646464646464646464646
         22 00000001 11111111111111111111111111111111 0000000000000009
         00000000 00000000",
    );
}

#[test]
fn golden_promoted() {
    check(
        Promoted { serial_prefix: 0x22, fence: Reason("off".to_owned()), warrant: Warrant::none() },
        "01 0a 000001926eb52401 22 00000003 6f6666 00000000 00000000",
    );
}

#[test]
fn golden_ring_followed_and_read() {
    check(
        RingFollowed { genesis: LeafBytes(vec![1, 1, 2]), warrant: Warrant::none() },
        "01 0b 000001926eb52401 00000003 010102 00000000 00000000",
    );
    check(
        FollowedRead { instance: InstanceId([0x33; 16]), size: 258, root: Digest([0x46; 32]) },
        "01 24 000001926eb52401 33333333333333333333333333333333 0000000000000102
         4646464646464646464646464646464646464646464646464646464646464646",
    );
}
