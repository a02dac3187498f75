//! External account keys (RFC 8555 §7.3.4).

use x509::UnixTime;

use crate::{Id, ProfileName};

/// Is a MAC key that an operator handed out, with what accounts bound to it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccountKey {
    /// Identifies it: the `kid` of the binding.
    pub id: Id<ExternalAccountKey>,
    /// The operator's name for it.
    pub name: String,
    /// The profile that it is for.
    pub profile: ProfileName,
    /// Patterns that identifiers must match besides the profile's; empty: the profile's alone.
    pub names: Vec<String>,
    /// The secret, sealed by the signer.
    pub sealed: Vec<u8>,
    /// How many accounts may be bound to it; none: any number.
    pub max_accounts: Option<i64>,
    /// How many are.
    pub accounts: i64,
    /// When it was made.
    pub created_at: UnixTime,
    /// The first second at which nobody binds to it any more, and its accounts order no more.
    pub expires_at: Option<UnixTime>,
    /// When an operator took it back.
    pub revoked_at: Option<UnixTime>,
}

impl ExternalAccountKey {
    /// Tells whether it is good at `now`.
    #[must_use]
    pub fn is_good(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Tells whether another account may be bound to it.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.max_accounts.is_none_or(|most| self.accounts < most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_until_expired_or_revoked_and_full_at_its_number() {
        let key = ExternalAccountKey {
            id: Id::from_parts(1, &[1; 10]),
            name: "web".to_owned(),
            profile: ProfileName::new("acme").unwrap(),
            names: vec![],
            sealed: vec![],
            max_accounts: Some(2),
            accounts: 1,
            created_at: UnixTime(0),
            expires_at: Some(UnixTime(10)),
            revoked_at: None,
        };
        assert!(key.is_good(UnixTime(9)) && !key.is_good(UnixTime(10)));
        assert!(
            !ExternalAccountKey { revoked_at: Some(UnixTime(1)), ..key.clone() }
                .is_good(UnixTime(2))
        );
        assert!(key.has_room());
        assert!(!ExternalAccountKey { accounts: 2, ..key.clone() }.has_room());
        assert!(ExternalAccountKey { accounts: 2, max_accounts: None, ..key }.has_room());
    }
}
