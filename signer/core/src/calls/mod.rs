//! One file a call: look up, admit, reserve, sign, verify, journal, answer.

mod accept_gap;
mod adopt_key;
mod anchor_audit;
mod asked;
mod build_crl;
mod courier;
mod describe;
mod follow;
mod generate_key;
mod health;
mod hold;
mod import_inventory;
mod inspect_serial;
mod issuance;
mod mint_serials;
mod promote;
mod propose;
mod read_checkpoint;
mod read_driver;
mod read_journal;
mod read_operators;
mod read_policy;
mod read_proof;
mod read_tile;
mod record_ceremony;
mod record_validation;
mod release;
mod revocation;
mod revocation_delta;
mod revoke;
mod seal;
mod set_freeze;
mod set_key_state;
mod set_operators;
mod set_policy;
mod show_checkpoint;
mod sign_authority;
mod sign_ca_request;
mod sign_certificate;
mod sign_handshake;
mod sign_ocsp;
mod unlock;
mod unlock_share;
mod unseal;

use std::sync::Arc;

use signer_proto::{Call, Kind, Refusal, Rule, Wire};

use crate::keeper::Keeper;
use crate::listen::{Dispatch, Peer, Reply, Request};

pub(crate) use asked::Asked;
pub(crate) use health::report as health_report;
pub(crate) use set_freeze::write as write_freeze;
pub(crate) use unlock::{refuse as refuse_unlock, unlock_now};
pub(crate) use unlock_share::Gathered;

/// What the listening side hands its requests to.
pub(crate) struct Calls(pub(crate) Arc<Keeper>);

impl Dispatch for Calls {
    fn dispatch(&self, request: Request, reply: Reply) {
        let Request { peer, kind, body, deadline, .. } = request;
        let asked = Asked::new(&self.0, peer, kind, deadline, reply);
        // The listening side held the kind against the socket; a second look costs nothing.
        if !kind.permitted_on(peer.socket) {
            let detail = format!("{kind} is not spoken on {}", peer.socket);
            return asked.refuse(Refusal::new(Rule::KindNotPermitted, detail));
        }
        route(&self.0, kind, &body, asked);
    }

    fn refused(&self, peer: &Peer, kind: Option<Kind>, refusal: &Refusal) {
        asked::note(&self.0, peer, kind, refusal);
    }
}

fn route(keeper: &Arc<Keeper>, kind: Kind, body: &[u8], asked: Asked) {
    match kind {
        Kind::Health => at_once(keeper, body, asked, health::run),
        Kind::Describe => at_once(keeper, body, asked, describe::run),
        Kind::ReadPolicy => at_once(keeper, body, asked, read_policy::run),
        Kind::ReadJournal => at_once(keeper, body, asked, read_journal::run),
        Kind::AnchorAudit => writing(keeper, body, asked, anchor_audit::run),
        Kind::ReadCheckpoint => at_once(keeper, body, asked, read_checkpoint::run),
        Kind::ShowCheckpoint => at_once(keeper, body, asked, show_checkpoint::run),
        Kind::ReadProof => at_once(keeper, body, asked, read_proof::run),
        Kind::InspectSerial => at_once(keeper, body, asked, inspect_serial::run),
        Kind::ReadTile => at_once(keeper, body, asked, read_tile::run),
        Kind::ReadOperators => at_once(keeper, body, asked, read_operators::run),
        Kind::ReadDriver => at_once(keeper, body, asked, read_driver::run),
        Kind::MintSerials => at_once(keeper, body, asked, mint_serials::run),
        Kind::SignCertificate => writing(keeper, body, asked, sign_certificate::run),
        Kind::SignHandshake => writing(keeper, body, asked, sign_handshake::run),
        Kind::SignKeyExchange => writing(keeper, body, asked, sign_handshake::run_key_exchange),
        Kind::Seal => at_once(keeper, body, asked, seal::run),
        Kind::Unseal => at_once(keeper, body, asked, unseal::run),
        Kind::RecordValidation => writing(keeper, body, asked, record_validation::run),
        Kind::BuildCrl => writing(keeper, body, asked, build_crl::run),
        Kind::SignOcsp => writing(keeper, body, asked, sign_ocsp::run),
        Kind::Revoke => writing(keeper, body, asked, revoke::run),
        Kind::Hold => writing(keeper, body, asked, hold::run),
        Kind::Release => writing(keeper, body, asked, release::run),
        Kind::RevocationDelta => at_once(keeper, body, asked, revocation_delta::run),
        Kind::Unlock => writing(keeper, body, asked, unlock::run),
        Kind::UnlockShare => writing(keeper, body, asked, unlock_share::run),
        Kind::GenerateKey => writing(keeper, body, asked, generate_key::run),
        Kind::AdoptKey => writing(keeper, body, asked, adopt_key::run),
        Kind::ImportInventory => writing(keeper, body, asked, import_inventory::run),
        Kind::SetPolicy => writing(keeper, body, asked, set_policy::run),
        Kind::SignAuthority => writing(keeper, body, asked, sign_authority::run),
        Kind::SignCaRequest => writing(keeper, body, asked, sign_ca_request::run),
        Kind::Propose => at_once(keeper, body, asked, propose::run),
        Kind::SetOperators => writing(keeper, body, asked, set_operators::run),
        Kind::SetKeyState => writing(keeper, body, asked, set_key_state::run),
        Kind::SetFreeze => writing(keeper, body, asked, set_freeze::run),
        Kind::RecordCeremony => writing(keeper, body, asked, record_ceremony::run),
        // The one call that writes while the ring is marked as rolled back.
        Kind::AcceptGap => mending(keeper, body, asked, accept_gap::run),
        Kind::Promote => mending(keeper, body, asked, promote::run),
        Kind::Follow => writing(keeper, body, asked, follow::run),
        Kind::Courier => mending(keeper, body, asked, courier::run),
    }
}

/// Runs a call that reads, and answers.
fn at_once<C: Call>(
    keeper: &Arc<Keeper>,
    body: &[u8],
    asked: Asked,
    run: fn(&Keeper, C) -> Result<C::Answer, Refusal>,
) {
    match decode(body).and_then(|call| run(keeper, call)) {
        Ok(answer) => asked.answer(&answer),
        Err(refusal) => asked.refuse(refusal),
    }
}

/// Runs a call that writes and answers when its leaf is durable.
fn writing<C: Call>(
    keeper: &Arc<Keeper>,
    body: &[u8],
    asked: Asked,
    run: fn(&Arc<Keeper>, C, Asked),
) {
    match decode(body).and_then(|call| keeper.check_writable().map(|()| call)) {
        Ok(call) => run(keeper, call, asked),
        Err(refusal) => asked.refuse(refusal),
    }
}

/// Runs a call that writes while others may not, and says itself when it may.
fn mending<C: Call>(
    keeper: &Arc<Keeper>,
    body: &[u8],
    asked: Asked,
    run: fn(&Arc<Keeper>, C, Asked),
) {
    match decode(body).and_then(|call| keeper.check_journal().map(|()| call)) {
        Ok(call) => run(keeper, call, asked),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn decode<C: Wire>(body: &[u8]) -> Result<C, Refusal> {
    C::from_wire(body).map_err(|error| Refusal::new(Rule::BodyMalformed, error.to_string()))
}

/// Refuses a number outside its range.
fn check_range(what: &str, number: u32, most: u32) -> Result<(), Refusal> {
    if (1..=most).contains(&number) {
        Ok(())
    } else {
        let detail = format!("{what} {number} is not within 1 to {most}");
        Err(Refusal::new(Rule::FieldMalformed, detail))
    }
}

/// Puts the position into an encoding that was made before it was known. Every answer that goes
/// with a leaf starts with the position, eight octets.
fn with_position(mut answer: Vec<u8>, position: u64) -> Vec<u8> {
    if let Some(place) = answer.first_chunk_mut::<8>() {
        *place = position.to_be_bytes();
    }
    answer
}
