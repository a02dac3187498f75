//! Who may do what by the API.

use std::fmt;
use std::str::FromStr;

/// Is what a token's bearer may do.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Does everything that the API does.
    Admin,
    /// Issues, renews and revokes.
    Operator,
    /// Reads the inventory.
    Viewer,
    /// Reads the inventory, the audit log and the journal.
    Auditor,
}

/// Is one thing that an API route does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Permission {
    /// List and read certificates.
    ReadCertificates,
    /// Issue and renew certificates.
    IssueCertificates,
    /// Revoke, hold and release certificates.
    RevokeCertificates,
    /// List and read issuers.
    ReadIssuers,
    /// Create, import, renew and retire issuers.
    ManageIssuers,
    /// List and read profiles.
    ReadProfiles,
    /// Create, change and delete profiles.
    ManageProfiles,
    /// List, make and revoke tokens.
    ManageTokens,
    /// Read the audit log.
    ReadAudit,
    /// Read journal entries with their to-be-signed bytes.
    ReadJournal,
    /// Read the metrics.
    ReadMetrics,
}

impl Permission {
    /// Lists every permission.
    pub const ALL: [Self; 11] = [
        Self::ReadCertificates,
        Self::IssueCertificates,
        Self::RevokeCertificates,
        Self::ReadIssuers,
        Self::ManageIssuers,
        Self::ReadProfiles,
        Self::ManageProfiles,
        Self::ManageTokens,
        Self::ReadAudit,
        Self::ReadJournal,
        Self::ReadMetrics,
    ];

    /// Gives the permission's name, as in `certificates:issue`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadCertificates => "certificates:read",
            Self::IssueCertificates => "certificates:issue",
            Self::RevokeCertificates => "certificates:revoke",
            Self::ReadIssuers => "issuers:read",
            Self::ManageIssuers => "issuers:manage",
            Self::ReadProfiles => "profiles:read",
            Self::ManageProfiles => "profiles:manage",
            Self::ManageTokens => "tokens:manage",
            Self::ReadAudit => "audit:read",
            Self::ReadJournal => "journal:read",
            Self::ReadMetrics => "metrics:read",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a text names no role. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no role: expected admin, operator, viewer or auditor")]
pub struct UnknownRole;

impl Role {
    /// Lists every role.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Viewer, Self::Auditor];

    /// Tells whether the role includes the permission.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        use Role as R;
        match (permission, self) {
            (P::ReadCertificates | P::ReadIssuers | P::ReadProfiles | P::ReadMetrics, _) => true,
            (
                P::IssueCertificates
                | P::RevokeCertificates
                | P::ManageIssuers
                | P::ManageProfiles
                | P::ManageTokens
                | P::ReadAudit
                | P::ReadJournal,
                R::Admin,
            ) => true,
            (P::IssueCertificates | P::RevokeCertificates, R::Operator) => true,
            (P::ReadAudit | P::ReadJournal, R::Auditor) => true,
            (P::IssueCertificates | P::RevokeCertificates, R::Viewer | R::Auditor) => false,
            (
                P::ManageIssuers | P::ManageProfiles | P::ManageTokens,
                R::Operator | R::Viewer | R::Auditor,
            ) => false,
            (P::ReadAudit | P::ReadJournal, R::Operator | R::Viewer) => false,
        }
    }

    /// Gives the role's name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_exactly_its_permissions() {
        let of = |role: Role| -> Vec<&str> {
            Permission::ALL
                .into_iter()
                .filter(|p| role.allows(*p))
                .map(Permission::as_str)
                .collect()
        };
        let read = ["certificates:read", "issuers:read", "profiles:read", "metrics:read"];
        assert_eq!(of(Role::Admin).len(), Permission::ALL.len());
        assert_eq!(of(Role::Viewer), read);
        assert_eq!(
            of(Role::Operator),
            [
                "certificates:read",
                "certificates:issue",
                "certificates:revoke",
                "issuers:read",
                "profiles:read",
                "metrics:read"
            ]
        );
        assert_eq!(
            of(Role::Auditor),
            [
                "certificates:read",
                "issuers:read",
                "profiles:read",
                "audit:read",
                "journal:read",
                "metrics:read"
            ]
        );
    }

    #[test]
    fn names_roundtrip() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
    }
}
