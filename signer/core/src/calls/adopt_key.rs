//! AdoptKey: the key of a CA that was elsewhere before. It signs nothing before its inventory is
//! here, and before it has a policy.

use std::sync::Arc;

use keystore::{AdoptSource, DriverError, KeyIdentity};
use signer_proto::{AdoptKey, Digest, Event, KeyAdopted, KeyFile, KeySource, Refusal, Rule};
use signer_quorum::{Inventory, adopted_ca};
use x509::sha256;

use super::Asked;
use super::generate_key::{finish, new_id, reserve_label};
use crate::acting::{Acting, sanction};
use crate::approve::refuse_driver;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: AdoptKey, asked: Asked) {
    let label = call.label.clone();
    let acting = match reserve(keeper, &call) {
        Ok(acting) => acting,
        Err(refusal) => return asked.refuse(refusal),
    };
    let made = asked.check_deadline().and_then(|()| adopt(keeper, call));
    finish(keeper, (label, acting), made.map(Event::from), asked);
}

/// Checks the request and takes its turn and the label.
fn reserve(keeper: &Arc<Keeper>, call: &AdoptKey) -> Result<Acting, Refusal> {
    let acting = sanction(keeper, &call.clone().into())?;
    keeper.opened()?;
    if !call.purpose.is_authority() {
        let detail = format!("no key for {} is adopted", call.purpose);
        return Err(Refusal::new(Rule::PurposeMismatch, detail));
    }
    if i64::try_from(call.crl_number).is_err() || Inventory::begin(&call.inventory).is_none() {
        let detail = "the CRL number has more than 63 bits, or the inventory is none";
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    let ca = adopted_ca(&call.certificate)?;
    if keeper.live().state.has_public(ca.public_key()) {
        let detail = "the key is in this ring, under another label";
        return Err(Refusal::new(Rule::KeyExists, detail));
    }
    reserve_label(keeper, &call.label).map(|()| acting)
}

fn adopt(keeper: &Keeper, call: AdoptKey) -> Result<KeyAdopted, Refusal> {
    let ca = adopted_ca(&call.certificate)?;
    let id = new_id(keeper)?;
    let identity = KeyIdentity { id, label: call.label, purpose: call.purpose, spec: ca.spec };
    let source = match (&call.source, call.file.0.as_deref()) {
        (KeySource::Location(location), None) => AdoptSource::Location(location),
        (KeySource::File(digest), Some(KeyFile { encrypted, passphrase }))
            if *digest == Digest(sha256(&encrypted.0)) =>
        {
            AdoptSource::Pkcs8 { encrypted: &encrypted.0, passphrase: &passphrase.0 }
        }
        _ => {
            let detail = "the file of the key is not the one that was approved";
            return Err(Refusal::new(Rule::AdoptionRefused, detail));
        }
    };
    let driver = &keeper.opened()?.driver;
    let adopter = driver
        .adopter()
        .ok_or_else(|| Refusal::new(Rule::AdoptionRefused, "this driver adopts no keys"))?;
    let spki = ca.public_key().spki();
    let adopted = adopter.adopt(&identity, source, spki).map_err(|error| match error {
        DriverError::PublicKeyDiffers { .. } | DriverError::LocationUnusable { .. } => {
            Refusal::new(Rule::AdoptionRefused, error.to_string())
        }
        other => refuse_driver(&other),
    })?;
    let imported = adopted.could_have_left || matches!(call.source, KeySource::File(_));
    Ok(KeyAdopted {
        id: identity.id,
        label: identity.label,
        purpose: identity.purpose,
        spec: identity.spec,
        spki: spki.clone(),
        source: call.source,
        imported,
        certificate: call.certificate,
        crl_number: call.crl_number,
        inventory: call.inventory,
        warrant: call.warrant,
    })
}
