//! Orders (RFC 8555 §7.1.3, §7.1.6).

use x509::{CsrDer, UnixTime};

use super::{AcmeAccount, AcmeAuthorization, AcmeAuthorizationState, AcmeFailure, AcmeIdentifier};
use crate::{AcmeErrorKind, Id, IssuedCertificate, ProfileName, TransitionError};

/// Is what an order asks for; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderContent {
    /// Identifies it in its URL.
    pub id: Id<AcmeOrder>,
    /// Whose it is.
    pub account: Id<AcmeAccount>,
    /// The profile to issue from.
    pub profile: ProfileName,
    /// What the certificate shall name, in the client's order, none twice.
    pub identifiers: Vec<AcmeIdentifier>,
    /// The wished first second of validity.
    pub not_before: Option<UnixTime>,
    /// The wished last second of validity.
    pub not_after: Option<UnixTime>,
    /// The certificate that the new one takes over from (RFC 9773 §5).
    pub replaces: Option<Id<IssuedCertificate>>,
    /// When it was made.
    pub created_at: UnixTime,
    /// The first second at which it can no longer be finalized.
    pub expires_at: UnixTime,
}

impl OrderContent {
    /// Gives SHA-256 of the sorted identifiers: the same for the same set.
    #[must_use]
    pub fn name_set(&self) -> [u8; 32] {
        let mut texts: Vec<String> = self.identifiers.iter().map(ToString::to_string).collect();
        texts.sort_unstable();
        x509::sha256(texts.join("\n").as_bytes())
    }
}

/// Is an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeOrder {
    /// What it asks for.
    pub content: OrderContent,
    /// How far it is.
    pub state: AcmeOrderState,
    /// Its authorisations, one an identifier, in the same order.
    pub authorizations: Vec<AcmeAuthorization>,
}

/// Is how far an order is. `ready` follows from its authorisations and is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeOrderState {
    /// Authorisations are missing.
    Pending,
    /// It can be finalized.
    Ready,
    /// The certificate is being issued.
    Processing {
        /// The CSR.
        csr: CsrDer,
        /// Since when.
        since: UnixTime,
    },
    /// The certificate is there.
    Valid {
        /// Which.
        certificate: Id<IssuedCertificate>,
    },
    /// It will not be.
    Invalid {
        /// Why not.
        failure: AcmeFailure,
    },
}

impl AcmeOrderState {
    /// Gives the state's name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing { .. } => "processing",
            Self::Valid { .. } => "valid",
            Self::Invalid { .. } => "invalid",
        }
    }
}

impl AcmeOrder {
    /// Brings a stored order to `now`: authorisations expire, and a pending order becomes ready or
    /// invalid by them (RFC 8555 §7.1.6).
    #[must_use]
    pub fn at(self, now: UnixTime) -> Self {
        let Self { content, state, authorizations } = self;
        let authorizations: Vec<AcmeAuthorization> = authorizations
            .into_iter()
            .map(|a| AcmeAuthorization { state: a.state.at(now, a.expires_at), ..a })
            .collect();
        let state = match state {
            AcmeOrderState::Pending => settled(&authorizations, content.expires_at, now),
            other => other,
        };
        Self { content, state, authorizations }
    }

    /// Begins to issue.
    ///
    /// # Errors
    /// [`TransitionError`] unless the order is ready.
    pub fn begin_finalize(self, csr: CsrDer, since: UnixTime) -> Result<Self, TransitionError> {
        match self.state {
            AcmeOrderState::Ready => {
                Ok(Self { state: AcmeOrderState::Processing { csr, since }, ..self })
            }
            other => Err(TransitionError { from: other.as_str(), verb: "finalize" }),
        }
    }

    /// Takes the certificate.
    ///
    /// # Errors
    /// [`TransitionError`] unless it is being issued.
    pub fn complete(self, certificate: Id<IssuedCertificate>) -> Result<Self, TransitionError> {
        match self.state {
            AcmeOrderState::Processing { .. } => {
                Ok(Self { state: AcmeOrderState::Valid { certificate }, ..self })
            }
            other => Err(TransitionError { from: other.as_str(), verb: "complete" }),
        }
    }

    /// Gives up.
    ///
    /// # Errors
    /// [`TransitionError`] if the order is valid or invalid.
    pub fn fail(self, failure: AcmeFailure) -> Result<Self, TransitionError> {
        match self.state {
            AcmeOrderState::Pending | AcmeOrderState::Ready | AcmeOrderState::Processing { .. } => {
                Ok(Self { state: AcmeOrderState::Invalid { failure }, ..self })
            }
            other => Err(TransitionError { from: other.as_str(), verb: "fail" }),
        }
    }

    /// Gives the positions of the validation records that stand for the order.
    #[must_use]
    pub fn records(&self) -> Vec<u64> {
        let record = |a: &AcmeAuthorization| match &a.state {
            AcmeAuthorizationState::Valid(proof) => proof.record,
            _ => None,
        };
        self.authorizations.iter().filter_map(record).collect()
    }
}

fn settled(
    authorizations: &[AcmeAuthorization],
    expires: UnixTime,
    now: UnixTime,
) -> AcmeOrderState {
    let invalid =
        |kind, detail: String| AcmeOrderState::Invalid { failure: AcmeFailure::new(kind, detail) };
    for authorization in authorizations {
        match &authorization.state {
            AcmeAuthorizationState::Pending | AcmeAuthorizationState::Valid(_) => {}
            AcmeAuthorizationState::Invalid { failure, .. } => {
                return AcmeOrderState::Invalid { failure: failure.clone() };
            }
            other => {
                let name = authorization.identifier.value();
                return invalid(
                    AcmeErrorKind::Unauthorized,
                    format!("the authorization of {name} is {}", other.as_str()),
                );
            }
        }
    }
    if now >= expires {
        return invalid(AcmeErrorKind::Malformed, "the order has expired".to_owned());
    }
    let all = authorizations.iter().all(|a| matches!(a.state, AcmeAuthorizationState::Valid(_)));
    if all { AcmeOrderState::Ready } else { AcmeOrderState::Pending }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::{AuthorizationKey, ChallengeMethod, ChallengeMethods, Proof};

    const NOW: UnixTime = UnixTime(100);
    const END: UnixTime = UnixTime(200);

    fn authorization(state: AcmeAuthorizationState) -> AcmeAuthorization {
        AcmeAuthorization {
            key: AuthorizationKey { order: Id::from_parts(1, &[1; 10]), number: 0 },
            account: Id::from_parts(1, &[2; 10]),
            identifier: "dns:a.example".parse().unwrap(),
            wildcard: false,
            token: "t".to_owned(),
            methods: ChallengeMethods::default(),
            state,
            expires_at: END,
        }
    }

    fn order(states: &[AcmeAuthorizationState]) -> AcmeOrder {
        AcmeOrder {
            content: OrderContent {
                id: Id::from_parts(1, &[1; 10]),
                account: Id::from_parts(1, &[2; 10]),
                profile: ProfileName::new("acme").unwrap(),
                identifiers: vec!["dns:a.example".parse().unwrap()],
                not_before: None,
                not_after: None,
                replaces: None,
                created_at: UnixTime(0),
                expires_at: END,
            },
            state: AcmeOrderState::Pending,
            authorizations: states.iter().cloned().map(authorization).collect(),
        }
    }

    fn valid(record: u64) -> AcmeAuthorizationState {
        let method = Some(ChallengeMethod::Http01);
        AcmeAuthorizationState::Valid(Proof { method, at: NOW, record: Some(record) })
    }

    #[test]
    fn a_pending_order_follows_its_authorizations() {
        use AcmeAuthorizationState as A;
        let failure = AcmeFailure::new(AcmeErrorKind::Dns, "no such name");
        let invalid = A::Invalid { method: ChallengeMethod::Dns01, failure };
        for (states, now, expected) in [
            (vec![valid(1), A::Pending], NOW, "pending"),
            (vec![valid(1), valid(2)], NOW, "ready"),
            (vec![valid(1), invalid], NOW, "invalid"),
            (vec![valid(1), A::Deactivated], NOW, "invalid"),
            (vec![A::Revoked], NOW, "invalid"),
            (vec![valid(1)], END, "invalid"),
            (vec![A::Pending], END, "invalid"),
        ] {
            assert_eq!(order(&states).at(now).state.as_str(), expected, "{states:?}");
        }
        assert_eq!(order(&[valid(3), valid(9)]).at(NOW).records(), [3, 9]);
    }

    #[test]
    fn transitions_are_those_of_rfc_8555() {
        let csr = || CsrDer::from_vec(vec![1]);
        let certificate = Id::from_parts(1, &[7; 10]);
        let failure = || AcmeFailure::new(AcmeErrorKind::BadCsr, "weak");
        let pending = order(&[AcmeAuthorizationState::Pending]).at(NOW);
        let refused = |from, verb| TransitionError { from, verb };
        let early = pending.clone().begin_finalize(csr(), NOW);
        assert_eq!(early.unwrap_err(), refused("pending", "finalize"));
        assert_eq!(pending.complete(certificate).unwrap_err(), refused("pending", "complete"));

        let ready = order(&[valid(1)]).at(NOW);
        assert_eq!(ready.clone().complete(certificate).unwrap_err(), refused("ready", "complete"));
        let processing = ready.begin_finalize(csr(), NOW).unwrap();
        assert_eq!(
            processing.clone().begin_finalize(csr(), NOW).unwrap_err(),
            refused("processing", "finalize")
        );
        // Time does nothing to what is being issued.
        assert_eq!(processing.clone().at(END).state.as_str(), "processing");
        assert_eq!(processing.clone().fail(failure()).unwrap().state.as_str(), "invalid");
        let done = processing.complete(certificate).unwrap();
        assert_eq!(done.state, AcmeOrderState::Valid { certificate });
        assert_eq!(done.clone().fail(failure()).unwrap_err(), refused("valid", "fail"));
        assert_eq!(done.begin_finalize(csr(), NOW).unwrap_err(), refused("valid", "finalize"));
    }

    #[test]
    fn the_same_set_has_the_same_digest() {
        let with = |texts: &[&str]| {
            let mut order = order(&[]);
            order.content.identifiers = texts.iter().map(|text| text.parse().unwrap()).collect();
            order.content.name_set()
        };
        assert_eq!(
            with(&["dns:a.example", "ip:10.0.0.1"]),
            with(&["ip:10.0.0.1", "dns:a.example"])
        );
        assert_ne!(with(&["dns:a.example"]), with(&["dns:b.example"]));
    }
}
