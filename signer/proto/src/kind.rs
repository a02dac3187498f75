//! The kinds of call, their sockets and their limits: the permit table.

use crate::codec::wire_enum;

wire_enum! {
    /// A socket of a ring. The socket is the role.
    pub enum Socket: u8 {
        /// Certificates, serials, sealing.
        Issue = 1, "issue",
        /// CRLs, OCSP, revocation.
        Status = 2, "status",
        /// Validation records.
        Va = 3, "va",
        /// Whatever makes authority.
        Admin = 4, "admin",
    }
}

wire_enum! {
    /// What a frame asks for.
    pub enum Kind: u8 {
        /// [`crate::Health`]
        Health = 1, "health",
        /// [`crate::Describe`]
        Describe = 2, "describe",
        /// [`crate::ReadPolicy`]
        ReadPolicy = 3, "read-policy",
        /// [`crate::ReadJournal`]
        ReadJournal = 4, "read-journal",
        /// [`crate::ReadCheckpoint`]
        ReadCheckpoint = 5, "read-checkpoint",
        /// [`crate::ReadProof`]
        ReadProof = 6, "read-proof",
        /// [`crate::ReadTile`]
        ReadTile = 7, "read-tile",
        /// [`crate::ReadOperators`]
        ReadOperators = 8, "read-operators",
        /// [`crate::InspectSerial`]
        InspectSerial = 9, "inspect-serial",
        /// [`crate::ReadDriver`]
        ReadDriver = 10, "read-driver",
        /// [`crate::MintSerials`]
        MintSerials = 16, "mint-serials",
        /// [`crate::SignCertificate`]
        SignCertificate = 17, "sign-certificate",
        /// [`crate::Seal`]
        Seal = 18, "seal",
        /// [`crate::Unseal`]
        Unseal = 19, "unseal",
        /// [`crate::AnchorAudit`]
        AnchorAudit = 20, "anchor-audit",
        /// [`crate::SignHandshake`]
        SignHandshake = 21, "sign-handshake",
        /// [`crate::SignKeyExchange`]
        SignKeyExchange = 22, "sign-key-exchange",
        /// [`crate::BuildCrl`]
        BuildCrl = 32, "build-crl",
        /// [`crate::SignOcsp`]
        SignOcsp = 33, "sign-ocsp",
        /// [`crate::Revoke`]
        Revoke = 34, "revoke",
        /// [`crate::Hold`]
        Hold = 35, "hold",
        /// [`crate::Release`]
        Release = 36, "release",
        /// [`crate::RevocationDelta`]
        RevocationDelta = 37, "revocation-delta",
        /// [`crate::Courier`]
        Courier = 38, "courier",
        /// [`crate::ShowCheckpoint`]
        ShowCheckpoint = 39, "show-checkpoint",
        /// [`crate::RecordValidation`]
        RecordValidation = 48, "record-validation",
        /// [`crate::Unlock`]
        Unlock = 64, "unlock",
        /// [`crate::GenerateKey`]
        GenerateKey = 65, "generate-key",
        /// [`crate::SetPolicy`]
        SetPolicy = 66, "set-policy",
        /// [`crate::SignAuthority`]
        SignAuthority = 67, "sign-authority",
        /// [`crate::SignCaRequest`]
        SignCaRequest = 68, "sign-ca-request",
        /// [`crate::Propose`]
        Propose = 69, "propose",
        /// [`crate::SetOperators`]
        SetOperators = 70, "set-operators",
        /// [`crate::SetKeyState`]
        SetKeyState = 71, "set-key-state",
        /// [`crate::SetFreeze`]
        SetFreeze = 72, "set-freeze",
        /// [`crate::AcceptGap`]
        AcceptGap = 73, "accept-gap",
        /// [`crate::Promote`]
        Promote = 74, "promote",
        /// [`crate::Follow`]
        Follow = 75, "follow",
        /// [`crate::RecordCeremony`]
        RecordCeremony = 76, "record-ceremony",
        /// [`crate::UnlockShare`]
        UnlockShare = 77, "unlock-share",
        /// [`crate::AdoptKey`]
        AdoptKey = 79, "adopt-key",
        /// [`crate::ImportInventory`]
        ImportInventory = 80, "import-inventory",
    }
}

impl Kind {
    /// Returns whether this kind is spoken on `socket`: the permit table.
    #[must_use]
    pub fn permitted_on(self, socket: Socket) -> bool {
        match self {
            Self::Health | Self::Describe | Self::ReadPolicy | Self::ReadJournal => true,
            Self::ReadProof | Self::ReadTile | Self::InspectSerial => true,
            Self::ReadCheckpoint => true,
            Self::AnchorAudit => socket == Socket::Issue,
            // Whoever has one may show it; it makes no authority.
            Self::ShowCheckpoint | Self::Courier => {
                matches!(socket, Socket::Status | Socket::Admin)
            }
            Self::ReadOperators | Self::ReadDriver => true,
            // A ceremony needs serials too, and minting one makes no authority.
            Self::MintSerials => matches!(socket, Socket::Issue | Socket::Admin),
            Self::SignCertificate
            | Self::Seal
            | Self::Unseal
            | Self::SignHandshake
            | Self::SignKeyExchange => socket == Socket::Issue,
            // CRLs of a ring that is offline are signed in a ceremony.
            Self::BuildCrl => matches!(socket, Socket::Status | Socket::Admin),
            Self::SignOcsp | Self::Revoke | Self::Hold | Self::Release | Self::RevocationDelta => {
                socket == Socket::Status
            }
            Self::RecordValidation => socket == Socket::Va,
            Self::Unlock
            | Self::GenerateKey
            | Self::SetPolicy
            | Self::SignAuthority
            | Self::SignCaRequest
            | Self::UnlockShare
            | Self::Propose
            | Self::SetOperators
            | Self::SetKeyState
            | Self::SetFreeze
            | Self::AcceptGap
            | Self::Promote
            | Self::Follow
            | Self::AdoptKey
            | Self::ImportInventory
            | Self::RecordCeremony => socket == Socket::Admin,
        }
    }

    /// Returns the largest body that a request of this kind may have, in octets.
    #[must_use]
    pub fn request_limit(self) -> u32 {
        match self {
            Self::Health | Self::Describe | Self::ReadOperators => 0,
            Self::ReadDriver => 256,
            Self::ReadPolicy | Self::ReadJournal | Self::MintSerials | Self::BuildCrl => 256,
            Self::ReadProof | Self::ReadTile | Self::InspectSerial => 256,
            Self::ReadCheckpoint => 256,
            Self::AnchorAudit => 256,
            Self::ShowCheckpoint => 66 * 1024,
            Self::Revoke | Self::Hold | Self::Release | Self::RevocationDelta => 256,
            Self::Unlock | Self::UnlockShare => 2 * 1024,
            Self::SignHandshake => 256,
            Self::RecordValidation | Self::SignKeyExchange => 512,
            Self::GenerateKey | Self::SetKeyState | Self::SetFreeze => 32 * 1024,
            Self::SignCertificate | Self::SignAuthority | Self::AdoptKey => 128 * 1024,
            Self::SignCaRequest | Self::SetPolicy => 64 * 1024,
            Self::Propose | Self::SetOperators | Self::RecordCeremony => 64 * 1024,
            Self::AcceptGap | Self::Promote | Self::Follow | Self::ImportInventory => 64 * 1024,
            // 8 MiB of leaves, a checkpoint and a proof.
            Self::Courier => 9 * 1024 * 1024,
            Self::Seal | Self::Unseal => 96 * 1024,
            Self::SignOcsp => 1024 * 1024,
        }
    }

    /// Returns the largest whole answer of this kind, in octets, over all its parts.
    #[must_use]
    pub fn answer_limit(self) -> usize {
        match self {
            Self::BuildCrl => 512 * 1024 * 1024,
            Self::SignOcsp | Self::RevocationDelta | Self::ReadJournal => 16 * 1024 * 1024,
            _ => 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_authority_is_spoken_on_admin_alone() {
        for kind in Kind::ALL.iter().filter(|kind| kind.code() >= 64) {
            for socket in Socket::ALL {
                assert_eq!(
                    kind.permitted_on(*socket),
                    *socket == Socket::Admin,
                    "{kind} on {socket}"
                );
            }
        }
    }

    #[test]
    fn issue_and_status_share_only_what_reads() {
        for kind in Kind::ALL {
            let both = kind.permitted_on(Socket::Issue) && kind.permitted_on(Socket::Status);
            assert_eq!(both, kind.code() < 16, "{kind}");
        }
    }
}
