//! Object identifiers by their names.

use crate::Oid;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        pub const $name: Oid = Oid::new_unwrap($text);
    )*};
}

oids! {
    /// id-ce-subjectKeyIdentifier (RFC 5280 §4.2.1.2).
    EXT_SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    /// id-ce-keyUsage (RFC 5280 §4.2.1.3).
    EXT_KEY_USAGE = "2.5.29.15";
    /// id-ce-subjectAltName (RFC 5280 §4.2.1.6).
    EXT_SUBJECT_ALT_NAME = "2.5.29.17";
    /// id-ce-issuerAltName (RFC 5280 §4.2.1.7).
    EXT_ISSUER_ALT_NAME = "2.5.29.18";
    /// id-ce-basicConstraints (RFC 5280 §4.2.1.9).
    EXT_BASIC_CONSTRAINTS = "2.5.29.19";
    /// id-ce-cRLNumber (RFC 5280 §5.2.3).
    EXT_CRL_NUMBER = "2.5.29.20";
    /// id-ce-cRLReasons (RFC 5280 §5.3.1).
    EXT_REASON_CODE = "2.5.29.21";
    /// id-ce-invalidityDate (RFC 5280 §5.3.2).
    EXT_INVALIDITY_DATE = "2.5.29.24";
    /// id-ce-deltaCRLIndicator (RFC 5280 §5.2.4).
    EXT_DELTA_CRL_INDICATOR = "2.5.29.27";
    /// id-ce-issuingDistributionPoint (RFC 5280 §5.2.5).
    EXT_ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    /// id-ce-certificateIssuer (RFC 5280 §5.3.3).
    EXT_CERTIFICATE_ISSUER = "2.5.29.29";
    /// id-ce-nameConstraints (RFC 5280 §4.2.1.10).
    EXT_NAME_CONSTRAINTS = "2.5.29.30";
    /// id-ce-cRLDistributionPoints (RFC 5280 §4.2.1.13).
    EXT_CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    /// id-ce-certificatePolicies (RFC 5280 §4.2.1.4).
    EXT_CERTIFICATE_POLICIES = "2.5.29.32";
    /// id-ce-policyMappings (RFC 5280 §4.2.1.5).
    EXT_POLICY_MAPPINGS = "2.5.29.33";
    /// id-ce-authorityKeyIdentifier (RFC 5280 §4.2.1.1).
    EXT_AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    /// id-ce-policyConstraints (RFC 5280 §4.2.1.11).
    EXT_POLICY_CONSTRAINTS = "2.5.29.36";
    /// id-ce-extKeyUsage (RFC 5280 §4.2.1.12).
    EXT_EXTENDED_KEY_USAGE = "2.5.29.37";
    /// id-ce-freshestCRL (RFC 5280 §4.2.1.15).
    EXT_FRESHEST_CRL = "2.5.29.46";
    /// id-ce-inhibitAnyPolicy (RFC 5280 §4.2.1.14).
    EXT_INHIBIT_ANY_POLICY = "2.5.29.54";
    /// id-pe-authorityInfoAccess (RFC 5280 §4.2.2.1).
    EXT_AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
    /// id-pe-subjectInfoAccess (RFC 5280 §4.2.2.2).
    EXT_SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.11";
    /// id-pe-tlsfeature (RFC 7633 §4).
    EXT_TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
    /// id-pkix-ocsp-nonce (RFC 9654 §2.1).
    EXT_OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2";
    /// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1).
    EXT_OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
    /// id-pkix-ocsp-extended-revoke (RFC 6960 §4.4.8).
    EXT_OCSP_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9";
    /// szOID_NTDS_CA_SECURITY_EXT, which carries an account's SID (MS-WCCE §2.2.2.7.7.4).
    MS_SID = "1.3.6.1.4.1.311.25.2";
    /// szOID_NTDS_OBJECTSID, the otherName inside [`MS_SID`].
    MS_SID_OTHER_NAME = "1.3.6.1.4.1.311.25.2.1";
    /// szOID_NT_PRINCIPAL_NAME, an otherName that holds a user principal name.
    MS_UPN = "1.3.6.1.4.1.311.20.2.3";

    /// anyExtendedKeyUsage (RFC 5280 §4.2.1.12).
    EKU_ANY = "2.5.29.37.0";
    /// id-kp-serverAuth (RFC 5280 §4.2.1.12).
    EKU_SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    /// id-kp-clientAuth (RFC 5280 §4.2.1.12).
    EKU_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
    /// id-kp-codeSigning (RFC 5280 §4.2.1.12).
    EKU_CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
    /// id-kp-emailProtection (RFC 5280 §4.2.1.12).
    EKU_EMAIL = "1.3.6.1.5.5.7.3.4";
    /// id-kp-timeStamping (RFC 5280 §4.2.1.12).
    EKU_TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    /// id-kp-OCSPSigning (RFC 5280 §4.2.1.12).
    EKU_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    /// id-kp-cmcRA (RFC 6402 §2.10).
    EKU_CMC_RA = "1.3.6.1.5.5.7.3.28";
    /// szOID_KP_SMARTCARD_LOGON (Microsoft).
    EKU_SMARTCARD_LOGON = "1.3.6.1.4.1.311.20.2.2";
    /// id-pkinit-KPClientAuth (RFC 4556 §3.2.2).
    EKU_PKINIT_CLIENT = "1.3.6.1.5.2.3.4";
    /// id-pkinit-KPKdc (RFC 4556 §3.2.4).
    EKU_PKINIT_KDC = "1.3.6.1.5.2.3.5";
    /// id-kp-ipsecIKE (RFC 4945 §5.1.3.12).
    EKU_IPSEC_IKE = "1.3.6.1.5.5.7.3.17";

    /// id-ad-ocsp (RFC 5280 §4.2.2.1).
    AD_OCSP = "1.3.6.1.5.5.7.48.1";
    /// id-ad-caIssuers (RFC 5280 §4.2.2.1).
    AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
    /// id-ad-timeStamping (RFC 5280 §4.2.2.2).
    AD_TIME_STAMPING = "1.3.6.1.5.5.7.48.3";
    /// id-ad-caRepository (RFC 5280 §4.2.2.2).
    AD_CA_REPOSITORY = "1.3.6.1.5.5.7.48.5";

    /// anyPolicy (RFC 5280 §4.2.1.4).
    POLICY_ANY = "2.5.29.32.0";
    /// id-qt-cps (RFC 5280 §4.2.1.4).
    QUALIFIER_CPS = "1.3.6.1.5.5.7.2.1";
    /// id-qt-unotice (RFC 5280 §4.2.1.4).
    QUALIFIER_USER_NOTICE = "1.3.6.1.5.5.7.2.2";

    /// id-pkix-ocsp-basic (RFC 6960 §4.2.1).
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1";

    /// extensionRequest, a PKCS#9 attribute (RFC 2985 §5.4.2).
    ATTR_EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
    /// challengePassword, a PKCS#9 attribute (RFC 2985 §5.4.1).
    ATTR_CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7";

    /// id-sha1 (RFC 3279 §2.1).
    DIGEST_SHA1 = "1.3.14.3.2.26";
    /// id-sha256 (RFC 5754 §2.2).
    DIGEST_SHA256 = "2.16.840.1.101.3.4.2.1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_const_oid() {
        use const_oid::db::{rfc5280, rfc6960};
        for (ours, theirs) in [
            (EXT_SUBJECT_KEY_IDENTIFIER, rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER),
            (EXT_KEY_USAGE, rfc5280::ID_CE_KEY_USAGE),
            (EXT_SUBJECT_ALT_NAME, rfc5280::ID_CE_SUBJECT_ALT_NAME),
            (EXT_ISSUER_ALT_NAME, rfc5280::ID_CE_ISSUER_ALT_NAME),
            (EXT_BASIC_CONSTRAINTS, rfc5280::ID_CE_BASIC_CONSTRAINTS),
            (EXT_CRL_NUMBER, rfc5280::ID_CE_CRL_NUMBER),
            (EXT_REASON_CODE, rfc5280::ID_CE_CRL_REASONS),
            (EXT_INVALIDITY_DATE, rfc5280::ID_CE_INVALIDITY_DATE),
            (EXT_ISSUING_DISTRIBUTION_POINT, rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT),
            (EXT_NAME_CONSTRAINTS, rfc5280::ID_CE_NAME_CONSTRAINTS),
            (EXT_CRL_DISTRIBUTION_POINTS, rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS),
            (EXT_CERTIFICATE_POLICIES, rfc5280::ID_CE_CERTIFICATE_POLICIES),
            (EXT_AUTHORITY_KEY_IDENTIFIER, rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER),
            (EXT_POLICY_CONSTRAINTS, rfc5280::ID_CE_POLICY_CONSTRAINTS),
            (EXT_EXTENDED_KEY_USAGE, rfc5280::ID_CE_EXT_KEY_USAGE),
            (EXT_INHIBIT_ANY_POLICY, rfc5280::ID_CE_INHIBIT_ANY_POLICY),
            (EXT_AUTHORITY_INFO_ACCESS, rfc5280::ID_PE_AUTHORITY_INFO_ACCESS),
            (EXT_SUBJECT_INFO_ACCESS, rfc5280::ID_PE_SUBJECT_INFO_ACCESS),
            (EXT_OCSP_NONCE, rfc6960::ID_PKIX_OCSP_NONCE),
            (EXT_OCSP_NO_CHECK, rfc6960::ID_PKIX_OCSP_NOCHECK),
            (EKU_OCSP_SIGNING, rfc5280::ID_KP_OCSP_SIGNING),
            (AD_OCSP, rfc5280::ID_AD_OCSP),
            (AD_CA_ISSUERS, rfc5280::ID_AD_CA_ISSUERS),
        ] {
            assert_eq!(ours, theirs);
        }
    }
}
