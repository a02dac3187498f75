//! Algorithms in the words of AWS.

use aws_sdk_kms::types::{KeySpec as AwsKeySpec, SigningAlgorithmSpec};
use signer_proto::KeySpec;
use x509::SignatureScheme;

/// Returns the spec of a key to make; none for what is no asymmetric key.
pub(super) fn key_spec(spec: KeySpec) -> Option<AwsKeySpec> {
    Some(match spec {
        KeySpec::P256 => AwsKeySpec::EccNistP256,
        KeySpec::P384 => AwsKeySpec::EccNistP384,
        KeySpec::P521 => AwsKeySpec::EccNistP521,
        KeySpec::Ed25519 => AwsKeySpec::EccNistEdwards25519,
        KeySpec::Rsa2048 => AwsKeySpec::Rsa2048,
        KeySpec::Rsa3072 => AwsKeySpec::Rsa3072,
        KeySpec::Rsa4096 => AwsKeySpec::Rsa4096,
        KeySpec::MlDsa44 => AwsKeySpec::MlDsa44,
        KeySpec::MlDsa65 => AwsKeySpec::MlDsa65,
        KeySpec::MlDsa87 => AwsKeySpec::MlDsa87,
        KeySpec::HmacSha256 | KeySpec::Aes256 => return None,
    })
}

/// Returns the algorithm of a scheme; none for one that is verified only.
pub(super) fn algorithm(scheme: SignatureScheme) -> Option<SigningAlgorithmSpec> {
    use SignatureScheme as S;
    use SigningAlgorithmSpec as A;
    Some(match scheme {
        S::EcdsaP256Sha256 => A::EcdsaSha256,
        S::EcdsaP384Sha384 => A::EcdsaSha384,
        S::EcdsaP521Sha512 => A::EcdsaSha512,
        S::Ed25519 => A::Ed25519Sha512,
        S::RsaPkcs1Sha256 => A::RsassaPkcs1V15Sha256,
        S::RsaPkcs1Sha384 => A::RsassaPkcs1V15Sha384,
        S::RsaPkcs1Sha512 => A::RsassaPkcs1V15Sha512,
        S::RsaPssSha256 => A::RsassaPssSha256,
        S::RsaPssSha384 => A::RsassaPssSha384,
        S::RsaPssSha512 => A::RsassaPssSha512,
        S::MlDsa44 | S::MlDsa65 | S::MlDsa87 => A::MlDsaShake256,
        _ => return None,
    })
}
