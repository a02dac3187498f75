//! What keys signed, and what became of it.

use super::*;

#[test]
fn golden_certificate_signed() {
    check(
        CertificateSigned {
            key: KeyId([0x31; 16]),
            policy: Digest([0x42; 32]),
            profile: Digest([0x43; 32]),
            idempotency: IdempotencyKey([0x44; 16]),
            evidence: EvidenceRecords(vec![EvidenceRecord { kind: 1, digest: Digest([0x45; 32]) }]),
            tbs: TbsCertificateDer::from_vec(vec![0x30, 0x03, 0x02, 0x01, 0x05]),
            scheme: SignatureScheme::EcdsaP256Sha256,
            signature: Signature::from_vec(vec![0xde, 0xad]),
        },
        "01 10 000001926eb52401
         31313131313131313131313131313131
         4242424242424242424242424242424242424242424242424242424242424242
         4343434343434343434343434343434343434343434343434343434343434343
         44444444444444444444444444444444
         00000001
           01 4545454545454545454545454545454545454545454545454545454545454545
         00000005 3003020105
         01
         00000002 dead",
    );
}

#[test]
fn golden_authority_signed() {
    check(
        AuthoritySigned {
            key: KeyId([0x32; 16]),
            policy: Digest([0x42; 32]),
            idempotency: IdempotencyKey([0x44; 16]),
            tbs: TbsCertificateDer::from_vec(vec![0x30, 0x00]),
            scheme: SignatureScheme::EcdsaP384Sha384,
            signature: Signature::from_vec(vec![0xbe, 0xef]),
            warrant: warrant(),
        },
        "01 11 000001926eb52401
         32323232323232323232323232323232
         4242424242424242424242424242424242424242424242424242424242424242
         44444444444444444444444444444444
         00000002 3000
         02
         00000002 beef
         00000005 646f206974
         00000002 00000002 aabb 00000001 cc",
    );
}

#[test]
fn golden_request_signed() {
    check(
        RequestSigned {
            key: KeyId([0x32; 16]),
            info: CertificationRequestInfoDer::from_vec(vec![0x30, 0x02, 0x05, 0x00]),
            scheme: SignatureScheme::MlDsa87,
            signature: Signature::from_vec(vec![0xf0]),
            warrant: unapproved(),
        },
        "01 12 000001926eb52401
         32323232323232323232323232323232
         00000004 30020500
         0d
         00000001 f0
         00000005 646f206974
         00000000",
    );
}

#[test]
fn golden_handshakes_signed() {
    check(
        HandshakesSigned { key: KeyId([0x34; 16]), count: 4096, root: Digest([0x48; 32]) },
        "01 14 000001926eb52401
         34343434343434343434343434343434
         00001000
         4848484848484848484848484848484848484848484848484848484848484848",
    );
}

#[test]
fn golden_sign_intended() {
    check(
        SignIntended {
            key: KeyId([0x31; 16]),
            tbs_digest: Digest([0x51; 32]),
            scheme: SignatureScheme::EcdsaP256Sha256,
        },
        "01 13 000001926eb52401
         31313131313131313131313131313131
         5151515151515151515151515151515151515151515151515151515151515151
         01",
    );
}

#[test]
fn golden_audit_anchored() {
    check(
        AuditAnchored { through: 4097, previous: Digest([0x52; 32]), digest: Digest([0x53; 32]) },
        "01 16 000001926eb52401
         0000000000001001
         5252525252525252525252525252525252525252525252525252525252525252
         5353535353535353535353535353535353535353535353535353535353535353",
    );
}

#[test]
fn golden_revocation_changed() {
    let changed = |status, reason, invalidity| RevocationChanged {
        key: KeyId([0x31; 16]),
        serial: serial(),
        status,
        reason,
        invalidity,
    };
    check(
        changed(RevocationStatus::Revoked, CrlReason::KeyCompromise, Some(UnixTime(1_728_432_000))),
        "01 20 000001926eb52401
         31313131313131313131313131313131
         00000003 018f00
         01 01
         01 000000006705c780",
    );
    check(
        changed(RevocationStatus::Released, CrlReason::RemoveFromCrl, None),
        "01 20 000001926eb52401
         31313131313131313131313131313131
         00000003 018f00
         03 08
         00",
    );
}

#[test]
fn golden_crl_signed() {
    check(
        CrlSigned {
            key: KeyId([0x31; 16]),
            shard: 7,
            number: 0x0102,
            this_update: UnixTime(1_728_432_000),
            next_update: UnixTime(1_728_518_400),
            revocations: 3,
            tbs_digest: Digest([0x46; 32]),
            scheme: SignatureScheme::Ed25519,
            signature: Signature::from_vec(vec![0x99]),
        },
        "01 21 000001926eb52401
         31313131313131313131313131313131
         0007
         0000000000000102
         000000006705c780
         0000000067071900
         0000000000000003
         4646464646464646464646464646464646464646464646464646464646464646
         04
         00000001 99",
    );
}

#[test]
fn golden_ocsp_signed() {
    check(
        OcspSigned {
            responder: KeyId([0x33; 16]),
            issuer: KeyId([0x31; 16]),
            this_update: UnixTime(1_728_432_000),
            next_update: UnixTime(1_728_518_400),
            revocations: 3,
            count: 500,
            root: Digest([0x47; 32]),
        },
        "01 22 000001926eb52401
         33333333333333333333333333333333
         31313131313131313131313131313131
         000000006705c780
         0000000067071900
         0000000000000003
         000001f4
         4747474747474747474747474747474747474747474747474747474747474747",
    );
}
