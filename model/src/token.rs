//! API tokens: only their digest is kept.

use x509::UnixTime;

use crate::{Id, Role};

/// Is what is kept of a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Identifies the token in lists and audit events.
    pub id: Id<ApiToken>,
    /// The operator's name for it.
    pub name: String,
    /// SHA-256 of the token's text.
    pub sha256: [u8; 32],
    /// What its bearer may do.
    pub role: Role,
    /// The time of its making.
    pub created_at: UnixTime,
    /// The first second at which it is no longer good.
    pub expires_at: Option<UnixTime>,
    /// The time of its revocation.
    pub revoked_at: Option<UnixTime>,
}

impl ApiToken {
    /// Tells whether the token is good at `now`.
    #[must_use]
    pub fn is_good(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_until_expired_or_revoked() {
        let token = ApiToken {
            id: Id::from_parts(1, &[1; 10]),
            name: "ci".to_owned(),
            sha256: [7; 32],
            role: Role::Operator,
            created_at: UnixTime(0),
            expires_at: Some(UnixTime(10)),
            revoked_at: None,
        };
        assert!(token.is_good(UnixTime(9)));
        assert!(!token.is_good(UnixTime(10)));
        assert!(ApiToken { expires_at: None, ..token.clone() }.is_good(UnixTime(i64::MAX)));
        assert!(!ApiToken { revoked_at: Some(UnixTime(3)), ..token }.is_good(UnixTime(2)));
    }
}
