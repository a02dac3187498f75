//! What the operator chooses for the whole server; profiles have their own `[acme]`.

use model::ProfileName;

/// What the operator chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile of `/acme/directory`.
    pub default_profile: ProfileName,
    /// The terms of service, to which accounts must agree then.
    pub terms: Option<String>,
    /// A page about the CA.
    pub website: Option<String>,
    /// The names by which CAA records mean this CA (RFC 8659); none: CAA is not checked.
    pub caa_identities: Vec<String>,
    /// A page for clients that are told when to renew.
    pub explanation: Option<String>,
    /// How much clients may ask.
    pub limits: Limits,
    /// Refuses one good nonce in twenty, and reuses authorizations or not by chance: for tests of
    /// clients, as Pebble does.
    pub dangerous_chaos: bool,
}

/// How much clients may ask; 0 sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests in ten seconds from one address. All servers of a database share it.
    pub requests_per_ip: u32,
    /// New accounts in an hour from one address. All servers of a database share it.
    pub accounts_per_ip: u32,
    /// New orders in an hour of one account.
    pub orders_per_account: u32,
    /// New orders in a week for exactly the same names; renewals by ARI are free.
    pub orders_per_names: u32,
    /// Identifiers of an order.
    pub identifiers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_ip: 20_000,
            accounts_per_ip: 500,
            orders_per_account: 3_000,
            orders_per_names: 500,
            identifiers: 100,
        }
    }
}

impl Settings {
    /// The settings of a server that nobody configured.
    ///
    /// # Panics
    /// Never: `acme` is a profile's name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            default_profile: ProfileName::new("acme").expect("`acme` is a profile name"),
            terms: None,
            website: None,
            caa_identities: Vec::new(),
            explanation: None,
            limits: Limits::default(),
            dangerous_chaos: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
