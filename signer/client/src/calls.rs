//! The calls by name, each on its socket with its usual deadline.

use std::time::Duration;

use signer_proto::{
    AdoptKey, AnchorAudit, BuildCrl, BuiltCrl, CheckpointShown, Checkpoints, Describe, Description,
    DriverReport, GenerateKey, Health, HealthReport, Hold, ImportInventory, InspectSerial,
    InventoryTaken, JournalSlice, KeyDescription, MAX_DEADLINE_MS, MintSerials, NewestAnchor,
    OperatorsInForce, Plaintext, PolicyInForce, PolicyRef, Propose, Proposed, ReadCheckpoint,
    ReadDriver, ReadJournal, ReadOperators, ReadPolicy, ReadProof, ReadTile, RecordCeremony,
    RecordValidation, Recorded, Release, RevocationChange, RevocationDelta, RevocationSlice,
    Revoke, Seal, Sealed, SerialInspection, Serials, SetFreeze, SetKeyState, SetOperators,
    SetPolicy, ShowCheckpoint, SignAuthority, SignCaRequest, SignCertificate, SignHandshake,
    SignKeyExchange, SignOcsp, SignedCertificate, SignedHandshake, SignedOcsp, Socket, TileBytes,
    TreeProof, Unlock, Unseal, ValidationRecord,
};

use crate::client::SignerClient;
use crate::error::CallError;

/// The longest deadline that the protocol allows.
const LONGEST: Duration = Duration::from_millis(MAX_DEADLINE_MS as u64);

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($call:ty) -> $answer:ty, on $socket:ident, within $deadline:ident;)*) => {
        impl SignerClient {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`SignerClient::call`].
                pub async fn $name(&self, call: &$call) -> Result<$answer, CallError> {
                    let deadline = calls!(@deadline self, $deadline);
                    self.call(calls!(@socket self, $socket), call, deadline).await
                }
            )*
        }
    };
    (@deadline $client:ident, usual) => { $client.default_deadline() };
    (@deadline $client:ident, longest) => { LONGEST };
    (@socket $client:ident, Any) => { $client.any_socket() };
    (@socket $client:ident, $socket:ident) => { Socket::$socket };
}

impl SignerClient {
    /// Asks how the signer is.
    ///
    /// # Errors
    /// As [`SignerClient::call`].
    pub async fn health(&self) -> Result<HealthReport, CallError> {
        self.call(self.any_socket(), &Health, self.default_deadline()).await
    }

    /// Asks what the ring holds.
    ///
    /// # Errors
    /// As [`SignerClient::call`].
    pub async fn describe(&self) -> Result<Description, CallError> {
        self.call(self.any_socket(), &Describe, self.default_deadline()).await
    }
}

calls! {
    /// Reads the policy in force of a key.
    read_policy(ReadPolicy) -> PolicyInForce, on Any, within usual;
    /// Reads durable leaves.
    read_journal(ReadJournal) -> JournalSlice, on Any, within usual;
    /// Reads the newest checkpoint.
    read_checkpoint(ReadCheckpoint) -> Checkpoints, on Any, within usual;
    /// Reads a proof about trees of durable leaves.
    read_proof(ReadProof) -> TreeProof, on Any, within usual;
    /// Asks what the ring knows of a serial number.
    inspect_serial(InspectSerial) -> SerialInspection, on Any, within usual;
    /// Reads a hash tile.
    read_tile(ReadTile) -> TileBytes, on Any, within usual;
    /// Reads who may approve, and whether issuance is frozen.
    read_operators(ReadOperators) -> OperatorsInForce, on Any, within usual;
    /// Asks what the key driver says of itself.
    read_driver(ReadDriver) -> DriverReport, on Any, within longest;

    /// Mints serials; [`SignerClient::serial_pool`] keeps a stock of them.
    mint_serials(MintSerials) -> Serials, on Issue, within usual;
    /// Has a leaf certificate signed.
    sign_certificate(SignCertificate) -> SignedCertificate, on Issue, within usual;
    /// Has the server's part of a TLS handshake signed.
    sign_handshake(SignHandshake) -> SignedHandshake, on Issue, within usual;
    /// Has the server's key exchange of TLS 1.2 signed.
    sign_key_exchange(SignKeyExchange) -> SignedHandshake, on Issue, within usual;
    /// Anchors the audit log in the journal, or asks for the newest anchor.
    anchor_audit(AnchorAudit) -> NewestAnchor, on Issue, within usual;
    /// Seals a small secret.
    seal(Seal) -> Sealed, on Issue, within usual;
    /// Opens a sealed value.
    unseal(Unseal) -> Plaintext, on Issue, within usual;

    /// Records that a name was validated.
    record_validation(RecordValidation) -> ValidationRecord, on Va, within usual;

    /// Has the next CRL built and signed.
    build_crl(BuildCrl) -> BuiltCrl, on Status, within longest;
    /// Has OCSP responses built and signed.
    sign_ocsp(SignOcsp) -> SignedOcsp, on Status, within usual;
    /// Revokes for good.
    revoke(Revoke) -> RevocationChange, on Status, within usual;
    /// Puts on hold.
    hold(Hold) -> RevocationChange, on Status, within usual;
    /// Releases from hold.
    release(Release) -> RevocationChange, on Status, within usual;
    /// Reads the changes of a revocation set.
    revocation_delta(RevocationDelta) -> RevocationSlice, on Status, within usual;

    /// Shows a checkpoint, as of a witness that cosigned it.
    show_checkpoint(ShowCheckpoint) -> CheckpointShown, on Status, within usual;

    /// Unlocks the ring.
    unlock(Unlock) -> HealthReport, on Admin, within longest;
    /// Has a key generated; RSA takes seconds.
    generate_key(GenerateKey) -> KeyDescription, on Admin, within longest;
    /// Takes over a CA's key; a passphrase may be slow to try.
    adopt_key(AdoptKey) -> KeyDescription, on Admin, within longest;
    /// Brings the next part of an adopted key's inventory.
    import_inventory(ImportInventory) -> InventoryTaken, on Admin, within longest;
    /// Puts a policy in force.
    set_policy(SetPolicy) -> PolicyRef, on Admin, within usual;
    /// Has a CA certificate signed.
    sign_authority(SignAuthority) -> SignedCertificate, on Admin, within usual;
    /// Has the CSR of a key of the ring signed.
    sign_ca_request(SignCaRequest) -> SignedCertificate, on Admin, within usual;
    /// Has the proposal of an act written, for operators to sign.
    propose(Propose) -> Proposed, on Admin, within usual;
    /// Puts other operators in force.
    set_operators(SetOperators) -> OperatorsInForce, on Admin, within usual;
    /// Takes a key to another state of its life.
    set_key_state(SetKeyState) -> KeyDescription, on Admin, within usual;
    /// Stops issuance, or lets it go on.
    set_freeze(SetFreeze) -> OperatorsInForce, on Admin, within usual;
    /// Writes the transcript of a ceremony into the journal.
    record_ceremony(RecordCeremony) -> Recorded, on Admin, within usual;
}
