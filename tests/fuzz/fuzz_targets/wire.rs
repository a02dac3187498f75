//! Every wire type: the first octet chooses it; whatever reads encodes back to the same octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signer_proto::*;

fn canonical<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = T::from_wire(bytes) {
        assert_eq!(value.to_wire(), bytes, "a second encoding was read");
    }
}

macro_rules! types {
    ($($t:ty),* $(,)?) => {
        const READERS: &[fn(&[u8])] = &[$(canonical::<$t>),*];
    };
}

types! {
    Health, HealthReport, Describe, Description, ReadPolicy, PolicyInForce, ReadJournal,
    JournalSlice, MintSerials, Serials, SignCertificate, SignedCertificate, Seal, Sealed, Unseal,
    Plaintext, BuildCrl, BuiltCrl, SignOcsp, SignedOcsp, Revoke, Hold, Release, RevocationChange,
    RevocationDelta, RevocationSlice, Unlock, GenerateKey, KeyDescription, SetPolicy, PolicyRef,
    SignAuthority, SignCaRequest, Refusal, Leaf, AnchorAudit, NewestAnchor, ReadCheckpoint,
    Checkpoints, ShowCheckpoint, CheckpointShown, ReadProof, TreeProof, ReadTile, TileBytes,
    SignHandshake, SignedHandshake, InspectSerial, SerialInspection, RecordValidation,
    ValidationRecord, UnlockShare, ShareTaken, Propose, Proposed, ReadOperators, OperatorsInForce,
    SetOperators, SetKeyState, SetFreeze, RecordCeremony, Recorded, AcceptGap, Promote, Follow,
    Courier, FollowedRing, AdoptKey, ImportInventory, InventoryTaken, ReadDriver, DriverReport,
    SignKeyExchange,
}

fuzz_target!(|input: &[u8]| {
    if let Some((choice, bytes)) = input.split_first()
        && let Some(read) = READERS.get(usize::from(*choice) % READERS.len())
    {
        read(bytes);
    }
});
