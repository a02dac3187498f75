//! One leaf after another.

use signer_proto::{Digest, Event, Genesis, IdempotencyKey, KeyId, Leaf, UnlockAttempt, Wire};
use x509::{TbsCertificateDer, UnixTime, sha256};

use super::anchors::anchor;
use super::error::StateError;
use super::glance::glance;
use super::issued::Issued;
use super::key::{Key, house_label};
use super::key_leaves::public_key;
use super::names::name_keys;
use super::{RingIdentity, State, UnlockFailures};
use signer_policy::{RingKey, Validation};

impl State {
    /// Applies an encoded leaf: what a restart does.
    pub(crate) fn replay(&mut self, position: u64, bytes: &[u8]) -> Result<(), StateError> {
        let leaf =
            Leaf::from_wire(bytes).map_err(|source| StateError::Unreadable { position, source })?;
        self.apply(position, leaf.at_ms, &leaf.event)
    }

    /// Applies what happened at `at_ms` and is durable at `position`.
    pub(crate) fn apply(
        &mut self,
        position: u64,
        at_ms: i64,
        event: &Event,
    ) -> Result<(), StateError> {
        if position != self.size {
            return Err(StateError::OutOfTurn { expected: self.size, found: position });
        }
        if at_ms < self.newest_ms {
            return Err(StateError::TimeBackwards(position));
        }
        if (position == 0) != matches!(event, Event::Genesis(_)) {
            return Err(StateError::GenesisMisplaced(position));
        }
        let decision = self.confirm(position, at_ms, event)?;
        self.event(position, at_ms, event)?;
        self.intents.done(event);
        self.take_up(position, at_ms, event, decision.as_ref())?;
        self.newest_ms = at_ms;
        self.size += 1;
        Ok(())
    }

    fn event(&mut self, position: u64, at_ms: i64, event: &Event) -> Result<(), StateError> {
        match event {
            Event::Genesis(genesis) => self.genesis(genesis, at_ms)?,
            Event::UnlockAttempt(attempt) => self.unlock_attempt(attempt, at_ms),
            Event::UnlockRotated(rotated) => self.unlock_line.rotated(position, rotated)?,
            Event::KeyGenerated(generated) => self.key_generated(generated)?,
            Event::KeyAdopted(adopted) => self.key_adopted(position, adopted)?,
            Event::InventoryImported(imported) => {
                self.inventory_imported(position, UnixTime(at_ms.div_euclid(1000)), imported)?;
            }
            Event::PolicySet(set) => self.policy_set(position, set)?,
            Event::CertificateSigned(signed) => {
                let asked = (signed.key, signed.idempotency);
                self.certificate(position, at_ms, asked, &signed.tbs)?;
            }
            Event::AuthoritySigned(signed) => {
                let asked = (signed.key, signed.idempotency);
                self.certificate(position, at_ms, asked, &signed.tbs)?;
                self.note_root(position, signed)?;
            }
            Event::ValidationRecorded(recorded) => {
                let at = UnixTime(at_ms.div_euclid(1000));
                self.validations.push(position, Validation { recorded: recorded.clone(), at });
            }
            Event::OperatorsSet(set) => self.operators_set(position, set)?,
            Event::KeyStateSet(set) => self.key_state_set(position, set)?,
            Event::RevocationChanged(changed) => self.revocation(position, at_ms, changed)?,
            Event::CrlSigned(signed) => self.crl(position, signed)?,
            Event::RequestSigned(signed) => {
                self.known(position, signed.key)?;
            }
            Event::OcspSigned(signed) => {
                self.known(position, signed.responder)?;
                // The issuer of a followed ring is in that ring's journal.
                if self.followed().is_empty() {
                    self.known(position, signed.issuer)?;
                }
            }
            Event::HandshakesSigned(signed) => {
                self.known(position, signed.key)?;
            }
            Event::SignIntended(intended) => {
                self.known(position, intended.key)?;
                self.intents.intend(position, intended);
            }
            Event::AuditAnchored(anchored) => {
                self.audit_anchor = Some(anchor(position, self.audit_anchor, anchored)?);
            }
            Event::GapAccepted(gap) => {
                self.gap_accepted(position, UnixTime(at_ms.div_euclid(1000)), gap)?;
            }
            Event::Promoted(new) => self.promoted(position, new)?,
            Event::RingFollowed(ring) => self.ring_followed(position, ring)?,
            Event::FollowedRead(read) => self.followed_read(position, read)?,
            Event::IssuanceFrozen(_)
            | Event::CeremonyRecorded(_)
            | Event::Opened(_)
            | Event::Refused(_) => {}
        }
        Ok(())
    }

    fn genesis(&mut self, genesis: &Genesis, at_ms: i64) -> Result<(), StateError> {
        for house in &genesis.house_keys.0 {
            if let Some(spki) = &house.spki {
                let label = house_label(house.purpose).ok_or(StateError::GenesisMisplaced(0))?;
                let public = public_key(&label, spki)?;
                self.list(&public, RingKey::new(label, house.purpose));
            }
        }
        let leaf = Leaf { at_ms, event: Event::Genesis(genesis.clone()) };
        let digest = Digest(sha256(&leaf.to_wire()));
        self.found_quorum(genesis, digest)?;
        self.ring = Some(RingIdentity { genesis: genesis.clone(), digest });
        Ok(())
    }

    fn unlock_attempt(&mut self, attempt: &UnlockAttempt, at_ms: i64) {
        self.unlock_failures = if attempt.opened {
            UnlockFailures::default()
        } else {
            UnlockFailures {
                count: self.unlock_failures.count.saturating_add(attempt.failed.max(1)),
                last_ms: at_ms,
            }
        };
    }

    fn certificate(
        &mut self,
        position: u64,
        at_ms: i64,
        (key, idempotency): (KeyId, IdempotencyKey),
        tbs: &TbsCertificateDer,
    ) -> Result<(), StateError> {
        let (serial, not_after) = glance(tbs.as_bytes()).ok_or(StateError::Tbs(position))?;
        let names_since_ms = self.names_since_ms;
        let key = self.known(position, key)?;
        let issued = Issued { position, not_after };
        if !key.issued.insert(serial, issued) {
            return Err(StateError::SerialTwice(serial));
        }
        key.budget.count(at_ms);
        if key.counts_names() && at_ms >= names_since_ms {
            key.names.count(at_ms, &name_keys(tbs.as_bytes()));
        }
        self.idempotency.insert(idempotency, position);
        Ok(())
    }

    pub(super) fn known(&mut self, position: u64, key: KeyId) -> Result<&mut Key, StateError> {
        self.key_by_id_mut(key).ok_or(StateError::KeyUnknown { position, key })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use signer_proto::{
        CertificateSigned, CrlSigned, EvidenceRecords, HouseKeys, InstanceId, KeyGenerated,
        KeyLabel, KeySpec, OperatorKeys, PolicySet, PolicyText, Purpose, RevocationChanged,
        RevocationStatus, Version, Warrant,
    };
    use x509::{CrlReason, Serial, Signature, SignatureScheme, SpkiDer};

    use super::*;

    const KEY: KeyId = KeyId([5; 16]);

    fn genesis() -> Event {
        Event::from(Genesis {
            instance: InstanceId([1; 16]),
            serial_prefix: 0x21,
            house_keys: HouseKeys(vec![]),
            operators: OperatorKeys(vec![]),
            threshold: 0,
            made_by: Version(String::new()),
        })
    }

    fn key(id: KeyId, label: &str) -> Event {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki = pair.public_key().as_der().unwrap();
        Event::from(KeyGenerated {
            id,
            label: KeyLabel::new(label).unwrap(),
            purpose: Purpose::CertAndCrl,
            spec: KeySpec::P256,
            spki: Some(SpkiDer::from_vec(spki.as_ref().to_vec())),
            warrant: Warrant::none(),
        })
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    /// As much of a TBS as the fold looks at.
    fn certificate(serial: u8) -> Event {
        let validity = [tlv(0x17, b"240101000000Z"), tlv(0x17, b"300101000000Z")].concat();
        let fields = [
            tlv(0xa0, &[2, 1, 2]),
            tlv(0x02, &[serial]),
            tlv(0x30, &[]),
            tlv(0x30, &[]),
            tlv(0x30, &validity),
        ];
        Event::from(CertificateSigned {
            key: KEY,
            policy: Digest([0; 32]),
            profile: Digest([0; 32]),
            idempotency: IdempotencyKey([serial; 16]),
            evidence: EvidenceRecords(vec![]),
            tbs: TbsCertificateDer::from_vec(tlv(0x30, &fields.concat())),
            scheme: SignatureScheme::EcdsaP256Sha256,
            signature: Signature::from_vec(vec![]),
        })
    }

    fn change(serial: u8, status: RevocationStatus) -> Event {
        Event::from(RevocationChanged {
            key: KEY,
            serial: Serial::from_unsigned(&[serial]).unwrap(),
            status,
            reason: CrlReason::Superseded,
            invalidity: None,
        })
    }

    fn crl(number: u64, this_update: i64, revocations: u64) -> Event {
        Event::from(CrlSigned {
            key: KEY,
            shard: 0,
            number,
            this_update: UnixTime(this_update),
            next_update: UnixTime(this_update + 1),
            revocations,
            tbs_digest: Digest([0; 32]),
            scheme: SignatureScheme::EcdsaP256Sha256,
            signature: Signature::from_vec(vec![]),
        })
    }

    fn policy(previous: Option<Digest>, version: u32, text: &str) -> Event {
        Event::from(PolicySet {
            key: KEY,
            version,
            previous,
            text: PolicyText(text.to_owned()),
            warrant: Warrant::none(),
        })
    }

    /// Applies events one second apart; gives the state or the error with its position.
    fn fold(events: &[Event]) -> Result<State, StateError> {
        let mut state = State::default();
        for (position, event) in (0u64..).zip(events) {
            state.apply(position, i64::try_from(position).unwrap() * 1000, event)?;
        }
        Ok(state)
    }

    /// A genesis, a key, a certificate and what follows.
    fn after(events: impl IntoIterator<Item = Event>) -> Result<State, StateError> {
        let mut all = vec![genesis(), key(KEY, "issuing"), certificate(7)];
        all.extend(events);
        fold(&all)
    }

    #[test]
    fn the_fold_counts_what_happened() {
        use RevocationStatus::Revoked;
        let events = [certificate(8), change(7, Revoked), crl(1, 50, 1), crl(2, 50, 1)];
        let state = after(events).unwrap();
        let described = state.key_by_id(KEY).unwrap().describe();
        assert_eq!((described.issued, described.revocations, described.crl_number), (2, 1, 2));
        assert_eq!(state.position_of(&IdempotencyKey([8; 16])), Some(3));
        assert_eq!(state.newest_ms(), 6000);
        assert_eq!(state.serial_prefix(), 0x21);
    }

    #[test]
    fn refuses_leaves_out_of_turn_or_time() {
        let mut state = fold(&[genesis()]).unwrap();
        let wrong = state.apply(2, 0, &key(KEY, "issuing"));
        assert!(matches!(wrong, Err(StateError::OutOfTurn { expected: 1, found: 2 })));
        let wrong = state.apply(1, -1, &key(KEY, "issuing"));
        assert!(matches!(wrong, Err(StateError::TimeBackwards(1))));
        let wrong = state.apply(1, 0, &genesis());
        assert!(matches!(wrong, Err(StateError::GenesisMisplaced(1))));
        let wrong = fold(&[key(KEY, "issuing")]);
        assert!(matches!(wrong, Err(StateError::GenesisMisplaced(0))));
        let wrong = state.replay(1, &[9]);
        assert!(matches!(wrong, Err(StateError::Unreadable { position: 1, .. })));
        // A refused leaf leaves no trace.
        assert!(state.apply(1, 0, &key(KEY, "issuing")).is_ok());
    }

    #[test]
    fn refuses_keys_that_are_there_and_leaves_of_keys_that_are_not() {
        for (id, label) in [(KEY, "other"), (KeyId([6; 16]), "issuing")] {
            let wrong = after([key(id, label)]);
            assert!(matches!(wrong, Err(StateError::KeyTwice(_))), "{label}");
        }
        let wrong = fold(&[genesis(), certificate(7)]);
        assert!(matches!(wrong, Err(StateError::KeyUnknown { position: 1, key: KEY })));
    }

    #[test]
    fn refuses_a_second_certificate_for_a_serial() {
        let wrong = after([certificate(7)]);
        assert!(matches!(wrong, Err(StateError::SerialTwice(_))));
    }

    #[test]
    fn refuses_changes_that_do_not_follow() {
        use RevocationStatus::{Held, Released, Revoked};
        let wrong: [&[(u8, RevocationStatus)]; 6] = [
            &[(9, Revoked)],
            &[(7, Released)],
            &[(7, Revoked), (7, Revoked)],
            &[(7, Revoked), (7, Released)],
            &[(7, Revoked), (7, Held)],
            &[(7, Held), (7, Held)],
        ];
        for changes in wrong {
            let events = changes.iter().map(|(serial, status)| change(*serial, *status));
            assert!(matches!(after(events), Err(StateError::Revocation(_))), "{changes:?}");
        }
        let right = [Held, Released, Held, Revoked].map(|status| change(7, status));
        assert!(after(right).is_ok());
    }

    #[test]
    fn refuses_crls_that_do_not_follow() {
        for (number, this_update, revocations) in [(1, 60, 0), (3, 60, 0), (2, 49, 0), (2, 60, 1)] {
            let wrong = after([crl(1, 50, 0), crl(number, this_update, revocations)]);
            assert!(matches!(wrong, Err(StateError::Crl(4))), "{number} {this_update}");
        }
    }

    #[test]
    fn refuses_policies_that_do_not_follow_or_are_none() {
        let other = Some(Digest([9; 32]));
        for (previous, version) in [(other, 1), (None, 2), (None, 0)] {
            let wrong = after([policy(previous, version, "")]);
            assert!(matches!(wrong, Err(StateError::PolicyChain(3))), "{version}");
        }
        let wrong = after([policy(None, 1, "no policy")]);
        assert!(matches!(wrong, Err(StateError::Policy { position: 3, .. })));
    }
}
