//! Keys that come as encrypted PKCS#8 files.

use aws_lc_rs::cipher::{
    AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::pbkdf2;
use keystore::DriverError;
use x509::{EncryptedKey, Prf};
use zeroize::Zeroizing;

/// Opens an EncryptedPrivateKeyInfo (RFC 5958 §3). A wrong passphrase may give octets that are no
/// key: padding is all that CBC has to tell it by.
///
/// # Errors
/// [`DriverError::ImportRefused`].
pub(crate) fn open(encrypted: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, DriverError> {
    let key = EncryptedKey::parse(encrypted)
        .map_err(|error| DriverError::ImportRefused(error.to_string()))?;
    let prf = match key.prf {
        Prf::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Prf::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Prf::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Prf::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let mut derived = Zeroizing::new(vec![0; key.key_length]);
    pbkdf2::derive(prf, key.iterations, key.salt, passphrase, &mut derived);
    let cipher = if key.key_length == 16 { &AES_128 } else { &AES_256 };
    let refused = || DriverError::ImportRefused("the passphrase does not open it".to_owned());
    let cipher = UnboundCipherKey::new(cipher, &derived)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| DriverError::Crypto("AES-CBC is not to be had"))?;
    let mut octets = Zeroizing::new(key.ciphertext.to_vec());
    let context = DecryptionContext::Iv128(key.iv.into());
    let length = cipher.decrypt(&mut octets, context).map_err(|_| refused())?.len();
    octets.truncate(length);
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    /// `openssl pkcs8 -topk8 -v2 CIPHER -v2prf PRF -iter N -passout pass:secret` of one P-256 key,
    /// by OpenSSL 3.0.22: AES-256 and HMAC-SHA256, AES-128 and SHA-1, AES-256 and SHA-384, SHA-512.
    const FILES: [&str; 4] = [
        "3081ec305706092a864886f70d01050d304a302906092a864886f70d01050c301c040875643b9af5\
         242d3302020800300c06082a864886f70d02090500301d060960864801650304012a0410572273ee\
         3accc6d3bcae2ce67c588384048190b0d73555b0be53ca65a6e2c68ef0555c001283f24aa324eb64\
         df1ae85c24b6c15a054318a3e14d4de7c98485be59d50ad55d0f0c6e5c35b68c0c655ef87e39f9ec\
         5f0708c663e19655414970577d68a9fb9c5961f449c22bc0bf594b34a0fc86ff28cc912944aa7f67\
         5b62f31c1dc769583c0264552090e1285a6758934bda50e06f4e12e45b855842a5d563a6b15399",
        "3081de304906092a864886f70d01050d303c301b06092a864886f70d01050c300e04089f69eec9af\
         941c54020203e8301d0609608648016503040102041047150bf10e19342c8bf552c3ef8d12e00481\
         903510c97e93c8b4beb360209756c8189bb7f1e1a0fba2061c2599b40256d68669b3443670b98b93\
         538507972f701b4a61a330a378684af7854ad6880921327b16f291a2c858b32f22d4cf8797ed1517\
         d3b27d1f800887bfd18c55ccc3e8a38b94e86f899ec354190a0bbc86405bd5f1821b9a422d337d83\
         b9a0c554b9babfd63d9e693407aca525b0e9bfb26fd544a209",
        "3081eb305606092a864886f70d01050d3049302806092a864886f70d01050c301b04080a9623ac25\
         1a0296020101300c06082a864886f70d020a0500301d060960864801650304012a04101a1c910861\
         afa53b4c4ff00077dd599e048190ba172a887cf5df4cd0df8a0e698c688d038aa6c5a440ef7fe7db\
         814a8c1b014a487c47d6bd122222df2371667ea8dc6cf0d0aca3c3ef707962fc65716f04c91295d6\
         de79feee005950f9b80d80b33959a5bf527ff47b15c49a1a43e4188b757814f8d33cc2d1d0a6af38\
         b366623b44b0323d33e177aa26d524af56ea934a7083930dea2380506d111b13d967396915a8",
        "3081ec305706092a864886f70d01050d304a302906092a864886f70d01050c301c040853841f75cf\
         59a06d02021000300c06082a864886f70d020b0500301d060960864801650304012a0410202e5c24\
         9af04131e957eb81002519dd048190cd798d7893d0026eeebfd832f8bea894cf79cf49e1a19ec262\
         cd59b2c25b296805b7ba4f71479fbf9bb4184c2332f3adace6ae9cfaeca11a0efeaa2c043abe1c03\
         1152530f781d207011f6ceb631852852b0877ab1b15e43854ee9cb938ef1599a3e7759ba5fb3add3\
         0f4ae8fd00c11274a84f3d4d6375a15b506bc927d8bba51489227e1eb70efc8f534cc0a8217107",
    ];
    const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d0301070342000499032422813ebf4bfbecae84d0\
         3c239401ab3d975bd26fa2d11ced77439d6283bf55e48836972f89eac8e5dfb91b10ca23f2ae3bc0\
         b3ba1a341db8986b7ca171";

    #[test]
    fn opens_what_openssl_wrote() {
        for file in FILES {
            let octets = open(&hex::decode(file).unwrap(), b"secret").unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &octets).unwrap();
            let public = pair.public_key().as_der().unwrap();
            assert_eq!(hex::encode(public.as_ref()), SPKI);
        }
    }

    #[test]
    fn a_wrong_passphrase_gives_nothing_or_no_key() {
        for (file, passphrase) in FILES.iter().zip([&b""[..], b"Secret", b"secret\n", b"secre"]) {
            match open(&hex::decode(file).unwrap(), passphrase) {
                Ok(octets) => {
                    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &octets);
                    assert!(pair.is_err());
                }
                Err(DriverError::ImportRefused(why)) => assert!(why.contains("passphrase")),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn scrypt_is_refused_with_the_command_that_converts() {
        let scrypt = "3081e4304f06092a864886f70d01050d3042302106092b06010401da47040b3014040837fd9655be\
             c228c502024000020108020101301d060960864801650304012a0410f69cc22538e2d2976a488437\
             5f07002a048190c3c72e46e55d67fe8e2cde7569ff3cb0256a64f89c852e8d981b4fe00b7d89dee1\
             cf2b88d85bdcc5249db520d79025991d7a1c7a62dbff6ec1b6b14e7778b41d66b22bee96da99d32e\
             30825573fcb0b9d18f70b9c6f6fe78bc0b5ca7c99d6cb5919b4c834d5b4e398f5e7f29f75dfbd16e\
             72579d632f3ff6dcb1b475e1d070c5a03dee3f2ee967ea83a58ccda1cb64a4";
        let refused = open(&hex::decode(scrypt).unwrap(), b"secret").err().unwrap();
        let DriverError::ImportRefused(why) = refused else { panic!("{refused}") };
        assert!(why.contains("openssl pkcs8 -topk8 -v2 aes-256-cbc"), "{why}");
    }
}
