//! What the server notes of every act.

use std::fmt;
use std::str::FromStr;

use x509::UnixTime;

use crate::JournalPosition;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// Is the act that an audit event tells of.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[non_exhaustive]
        pub enum AuditAction {
            $($(#[$doc])* $variant,)*
        }

        impl AuditAction {
            /// Lists every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Gives the action's name, as in `certificate.issue`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

actions! {
    /// A certificate was issued.
    CertificateIssue = "certificate.issue";
    /// A certificate was issued in another's place.
    CertificateRenew = "certificate.renew";
    /// A certificate was revoked.
    CertificateRevoke = "certificate.revoke";
    /// A certificate was put on hold.
    CertificateHold = "certificate.hold";
    /// A certificate was released from hold.
    CertificateRelease = "certificate.release";
    /// Certificates that an adopted CA issued before were recorded.
    CertificateAdopt = "certificate.adopt";
    /// A certificate was found in the journal and recorded after a crash.
    CertificateRecover = "certificate.recover";
    /// Inventory and journal do not agree.
    InventoryAlarm = "inventory.alarm";
    /// Somebody had inventory and journal compared.
    InventoryReconcile = "inventory.reconcile";
    /// A request for a certificate was refused.
    CertificateRefuse = "certificate.refuse";
    /// An issuer was created, pending its certificate.
    IssuerCreate = "issuer.create";
    /// An issuer that was elsewhere before was taken over.
    IssuerAdopt = "issuer.adopt";
    /// An issuer got its certificate.
    IssuerActivate = "issuer.activate";
    /// An issuer got a new certificate for the same key.
    IssuerRenew = "issuer.renew";
    /// An issuer issues no more, but still signs status.
    IssuerDrain = "issuer.drain";
    /// An issuer was retired.
    IssuerRetire = "issuer.retire";
    /// An issuer's OCSP responder certificate was replaced.
    IssuerResponder = "issuer.responder";
    /// A profile was created.
    ProfileCreate = "profile.create";
    /// A profile was changed.
    ProfileUpdate = "profile.update";
    /// A profile was deleted.
    ProfileDelete = "profile.delete";
    /// An API token was made.
    TokenCreate = "token.create";
    /// An API token was revoked.
    TokenRevoke = "token.revoke";
    /// A request was refused for want of a permission.
    AccessDenied = "access.denied";
    /// The server started.
    ServerStart = "server.start";
    /// An ACME account was made.
    AcmeAccountCreate = "acme-account.create";
    /// An ACME account got another key.
    AcmeAccountRollover = "acme-account.rollover";
    /// An ACME account was given up or taken away.
    AcmeAccountDeactivate = "acme-account.deactivate";
    /// An external account key was made.
    EabKeyCreate = "eab-key.create";
    /// An external account key was taken back.
    EabKeyRevoke = "eab-key.revoke";
    /// Renewals were planned.
    RenewalPlanCreate = "renewal-plan.create";
    /// A plan for renewals was given up.
    RenewalPlanDelete = "renewal-plan.delete";
    /// A backup was made.
    BackupCreate = "backup.create";
    /// A backup was restored.
    BackupRestore = "backup.restore";
}

/// Says that a text names no audit action. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no audit action")]
pub struct UnknownAuditAction;

impl FromStr for AuditAction {
    type Err = UnknownAuditAction;

    fn from_str(text: &str) -> Result<Self, UnknownAuditAction> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(UnknownAuditAction)
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is an audit event that is not yet recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEvent {
    /// The time of the act.
    pub at: UnixTime,
    /// Who acted: a token's name, a protocol account, or `system`.
    pub actor: String,
    /// The act.
    pub action: AuditAction,
    /// What was acted upon: an id or a name.
    pub target: String,
    /// Particulars as a JSON object; `{}` if there are none. No secrets.
    pub detail: String,
    /// The leaf of the signer's journal that belongs to it.
    pub journal: Option<JournalPosition>,
}

/// Is a recorded audit event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Grows from event to event; gaps are possible.
    pub seq: i64,
    /// The time of the act.
    pub at: UnixTime,
    /// Who acted.
    pub actor: String,
    /// The act.
    pub action: AuditAction,
    /// What was acted upon.
    pub target: String,
    /// Particulars as a JSON object.
    pub detail: String,
    /// The leaf of the signer's journal that belongs to it.
    pub journal: Option<JournalPosition>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_roundtrip_and_differ() {
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert_eq!("certificate.eat".parse::<AuditAction>(), Err(UnknownAuditAction));
    }
}
