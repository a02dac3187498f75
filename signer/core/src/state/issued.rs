//! Which serials of a key have a certificate: some fifty octets each.

use x509::{Serial, UnixTime};

use super::sharded::Sharded;

/// Where a certificate is in the journal, and how long it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Issued {
    /// The position of its leaf.
    pub(crate) position: u64,
    /// notAfter; [`UnixTime::NEVER`] for everything after 2106.
    pub(crate) not_after: UnixTime,
}

/// Forty bits of position and thirty-two of time, without padding.
#[derive(Debug, Clone, Copy)]
struct Packed {
    position: [u8; 5],
    not_after: [u8; 4],
}

impl Packed {
    fn pack(issued: Issued) -> Option<Self> {
        let [0, 0, 0, position @ ..] = issued.position.to_be_bytes() else {
            return None;
        };
        let seconds = u32::try_from(issued.not_after.0.max(0)).unwrap_or(u32::MAX);
        Some(Self { position, not_after: seconds.to_be_bytes() })
    }

    fn unpack(self) -> Issued {
        let [a, b, c, d, e] = self.position;
        let seconds = u32::from_be_bytes(self.not_after);
        Issued {
            position: u64::from_be_bytes([0, 0, 0, a, b, c, d, e]),
            not_after: match seconds {
                u32::MAX => UnixTime::NEVER,
                seconds => UnixTime(i64::from(seconds)),
            },
        }
    }
}

/// The serials that one key used.
#[derive(Debug, Default)]
pub(crate) struct IssuedIndex {
    certificates: Sharded<Serial, Packed>,
    count: u64,
}

impl IssuedIndex {
    /// Returns how many certificates there are.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Returns where the certificate with this serial is.
    pub(crate) fn get(&self, serial: &Serial) -> Option<Issued> {
        self.certificates.get(serial).map(Packed::unpack)
    }

    /// Adds a certificate; false if the serial has one, or the position has over 40 bits.
    pub(crate) fn insert(&mut self, serial: Serial, issued: Issued) -> bool {
        let Some(packed) = Packed::pack(issued) else {
            return false;
        };
        if self.certificates.get(&serial).is_some() {
            return false;
        }
        self.certificates.insert(serial, packed);
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_used_once() {
        let mut index = IssuedIndex::default();
        let serial = Serial::from_unsigned(&[0x21, 5]).unwrap();
        let issued = Issued { position: (1 << 40) - 1, not_after: UnixTime(1_800_000_000) };
        assert_eq!(index.get(&serial), None);
        assert!(index.insert(serial, issued));
        assert!(!index.insert(serial, Issued { position: 3, ..issued }));
        assert_eq!(index.get(&serial), Some(issued));
        assert_eq!(index.len(), 1);
    }

    #[test]
    fn a_far_end_reads_as_never() {
        let far = Issued { position: 1, not_after: UnixTime(5_000_000_000) };
        assert_eq!(Packed::pack(far).unwrap().unpack().not_after, UnixTime::NEVER);
        assert!(Packed::pack(Issued { position: 1 << 40, ..far }).is_none());
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<(Serial, Packed)>() <= 32);
    }
}
