//! How much one address may ask, in this process; order limits are the store's.

mod bucket;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use bucket::Buckets;

use crate::problem::Problem;
use crate::settings::Limits;

/// Is who asks, as an extension of every request; without it no address is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applicant(pub IpAddr);

impl Applicant {
    /// An IPv6 client has a whole network of 64 bits (RFC 4291 §2.5.4) and counts once.
    fn key(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                if v6.to_ipv4_mapped().is_none() {
                    octets[8..].fill(0);
                }
                octets
            }
        }
    }
}

/// Counts what addresses ask.
pub(crate) struct AddressLimits {
    limits: Limits,
    requests: Buckets,
    accounts: Buckets,
    /// How many servers share the database: each lets its part through.
    servers: AtomicU32,
}

/// Seconds of [`Limits::requests_per_ip`].
const REQUESTS: u32 = 10;
/// Seconds of [`Limits::accounts_per_ip`].
const ACCOUNTS: u32 = 3_600;

impl AddressLimits {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            requests: Buckets::default(),
            accounts: Buckets::default(),
            servers: AtomicU32::new(1),
        }
    }

    /// Takes over how many servers live.
    pub(crate) fn divide_by(&self, servers: u32) {
        self.servers.store(servers.max(1), Ordering::Relaxed);
    }

    /// Counts a request.
    pub(crate) fn request(&self, who: Option<Applicant>, millis: u64) -> Result<(), Problem> {
        let most = self.limits.requests_per_ip;
        self.count(&self.requests, who, (most, REQUESTS), millis)
            .map_err(|wait| Problem::rate_limited("too many requests from this address", wait))
    }

    /// Counts a new account.
    pub(crate) fn account(&self, who: Option<Applicant>, millis: u64) -> Result<(), Problem> {
        let most = self.limits.accounts_per_ip;
        self.count(&self.accounts, who, (most, ACCOUNTS), millis)
            .map_err(|wait| Problem::rate_limited("too many new accounts from this address", wait))
    }

    fn count(
        &self,
        buckets: &Buckets,
        who: Option<Applicant>,
        (most, seconds): (u32, u32),
        millis: u64,
    ) -> Result<(), u32> {
        let (Some(who), true) = (who, most > 0) else {
            return Ok(());
        };
        let part = (most / self.servers.load(Ordering::Relaxed)).max(1);
        buckets.take(who.key(), (part, seconds), millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<Applicant> {
        Some(Applicant(text.parse().expect("an address")))
    }

    #[test]
    fn an_address_has_its_part_and_waits_for_the_rest() {
        let limits = Limits { requests_per_ip: 4, ..Limits::default() };
        let addresses = AddressLimits::new(limits);
        let one = from("10.0.0.1");
        for _ in 0..4 {
            assert_eq!(addresses.request(one, 0), Ok(()));
        }
        assert!(addresses.request(one, 0).is_err());
        assert_eq!(addresses.request(from("10.0.0.2"), 0), Ok(()));
        assert_eq!(addresses.request(None, 0), Ok(()));
        assert_eq!(addresses.request(one, 2_500), Ok(()));
        assert!(addresses.request(one, 2_500).is_err());
        addresses.divide_by(2);
        let other = from("10.0.0.3");
        assert_eq!(addresses.request(other, 0), Ok(()));
        assert_eq!(addresses.request(other, 0), Ok(()));
        assert!(addresses.request(other, 0).is_err());
    }

    #[test]
    fn a_network_of_ipv6_counts_once_and_zero_is_no_limit() {
        let limits = Limits { accounts_per_ip: 1, requests_per_ip: 0, ..Limits::default() };
        let addresses = AddressLimits::new(limits);
        assert_eq!(addresses.account(from("fd00::1"), 0), Ok(()));
        assert!(addresses.account(from("fd00::2"), 0).is_err());
        assert_eq!(addresses.account(from("fd00:0:0:1::2"), 0), Ok(()));
        for _ in 0..100 {
            assert_eq!(addresses.request(from("fd00::1"), 0), Ok(()));
        }
    }
}
