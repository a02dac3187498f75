//! Nonces of one process: a number and its MAC. A window of bits says which were redeemed.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// So many nonces are good at a time: older ones were forgotten. Half a megabyte of bits.
const WINDOW: u64 = 1 << 21;
/// Bits that are there: twice the window, so that a word is cleared long after its last use.
const BITS: u64 = WINDOW * 2;
/// Octets of the MAC.
const MAC: usize = 16;

/// Issues and redeems without locks and without growing.
pub(crate) struct Memory {
    key: hmac::Key,
    next: AtomicU64,
    redeemed: Vec<AtomicU64>,
}

impl Memory {
    /// Takes a secret that lives no longer than the process: after a restart no nonce is good.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let words = usize::try_from(BITS / 64).unwrap_or(0);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            next: AtomicU64::new(0),
            redeemed: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(crate) fn issue(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(64) {
            // A word is cleared long before its turn, when what stands there is more than a window
            // behind: cleared by whoever issues its first nonce, it could forget the second, which
            // another thread had issued and redeemed meanwhile.
            self.word(number + WINDOW / 2).store(0, Ordering::Relaxed);
        }
        let octets = number.to_be_bytes();
        let tag = hmac::sign(&self.key, &octets);
        URL_SAFE_NO_PAD.encode([&octets[..], &tag.as_ref()[..MAC]].concat())
    }

    pub(crate) fn redeem(&self, nonce: &str) -> bool {
        let Ok(octets) = URL_SAFE_NO_PAD.decode(nonce) else {
            return false;
        };
        let Some((number, mac)) = octets.split_first_chunk::<8>() else {
            return false;
        };
        let tag = hmac::sign(&self.key, number);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC], mac);
        if same.is_err() {
            return false;
        }
        let number = u64::from_be_bytes(*number);
        if number + WINDOW <= self.next.load(Ordering::Relaxed) {
            return false;
        }
        let bit = 1 << (number % 64);
        self.word(number).fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn word(&self, number: u64) -> &AtomicU64 {
        let place = usize::try_from(number % BITS / 64).unwrap_or(0);
        &self.redeemed[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once() {
        let nonces = Memory::new(&[1; 32]);
        let (first, second) = (nonces.issue(), nonces.issue());
        assert_ne!(first, second);
        assert!(nonces.redeem(&second) && nonces.redeem(&first));
        assert!(!nonces.redeem(&second) && !nonces.redeem(&first));
    }

    #[test]
    fn refuses_what_was_not_issued_here() {
        let nonces = Memory::new(&[1; 32]);
        let nonce = nonces.issue();
        let other = Memory::new(&[2; 32]).issue();
        let long = format!("{nonce}AA");
        for bad in ["", "AAAA", &nonce[1..], &other, &long, &format!("{nonce}=")] {
            assert!(!nonces.redeem(bad), "{bad}");
        }
        assert!(nonces.redeem(&nonce));
    }

    #[test]
    fn an_old_nonce_is_not_good_and_its_place_is_used_again() {
        let nonces = Memory::new(&[1; 32]);
        let (unused, used) = (nonces.issue(), nonces.issue());
        assert!(nonces.redeem(&used));
        nonces.next.store(WINDOW, Ordering::Relaxed);
        assert!(!nonces.redeem(&unused));
        nonces.next.store(BITS - WINDOW / 2, Ordering::Relaxed);
        nonces.issue();
        assert!(!nonces.redeem(&used), "its bit was cleared, and it is too old");
        nonces.next.store(BITS, Ordering::Relaxed);
        let (fresh, next) = (nonces.issue(), nonces.issue());
        assert!(!nonces.redeem(&used));
        assert!(nonces.redeem(&fresh) && nonces.redeem(&next));
    }

    #[test]
    fn many_threads_redeem_each_nonce_once() {
        let nonces = Memory::new(&[1; 32]);
        let issued: Vec<String> = (0..2_000).map(|_| nonces.issue()).collect();
        let count = || issued.iter().filter(|nonce| nonces.redeem(nonce)).count();
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(total, issued.len());
    }
}
