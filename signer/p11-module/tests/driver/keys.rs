//! Keys: made so that they cannot leave, adopted, destroyed, used for decryption.

use std::process::{Command, Stdio};

use keystore::{
    Adopt as _, AdoptSource, Adopted, DriverError, KeyDriver as _, KeyIdentity, KeyLocation,
    KnownKey,
};
use kit::Tokens;
use signer_proto::{KeySpec, Purpose};

use super::{generate, identity, reported, sign, start};

#[test]
fn makes_keys_that_never_leave_and_reads_that_back() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", KeySpec::P384);
    let public = generate(&driver, &key);
    let known = KnownKey { identity: key.clone(), public: public.spki().clone(), location: None };
    driver.attach(vec![known]);
    sign(&driver, &key, b"x").expect("it signs");
    let lines = driver.report();
    let line = lines.iter().find(|line| line.subject == "key issuing").expect("a line");
    for word in [
        "sensitive yes",
        "extractable no",
        "always sensitive yes",
        "never extractable yes",
        "made in the token yes",
        "modifiable no",
        "allowed mechanisms CKM_ECDSA",
    ] {
        assert!(line.value.contains(word), "{word}: {}", line.value);
    }
    assert!(reported(&driver, "token one", "mechanisms").is_some_and(|m| m.contains("CKM_ECDSA")));
}

#[test]
fn refuses_a_key_that_its_token_made_extractable() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", KeySpec::P256);
    tokens.order("one", "extractable");
    match driver.generate(&key) {
        Err(DriverError::LocationUnusable { why, .. }) => {
            assert!(why.contains("extractable yes"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    tokens.order("one", "");
    // Nothing of it is left.
    assert!(matches!(driver.public_key(&key), Err(DriverError::KeyMissing(_))));
    generate(&driver, &key);
}

#[test]
fn adopts_a_key_by_its_uri_and_says_whether_it_could_have_left() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let imported = tokens.import(&["one"], &[7; 8]);
    let driver = start(&tokens);
    let key = identity(9, "old", KeySpec::P256);
    let adopt = |uri: &str, key: &KeyIdentity, pinned| {
        let location = KeyLocation::new(uri).expect("a location");
        driver.adopter().expect("it adopts").adopt(key, AdoptSource::Location(&location), pinned)
    };
    let uri = format!("{};id=%07%07%07%07%07%07%07%07", tokens.uri("one"));
    let expected = Adopted { spec: KeySpec::P256, could_have_left: true };
    assert_eq!(adopt(&uri, &key, &imported).expect("it is adopted"), expected);
    let own = identity(1, "own", KeySpec::P256);
    let public = generate(&driver, &own);
    let at = format!("{};object=own%2Fcert%2Bcrl", tokens.uri("one"));
    let expected = Adopted { spec: KeySpec::P256, could_have_left: false };
    assert_eq!(adopt(&at, &key, public.spki()).expect("it is adopted"), expected);
    // Another key, none, none of this kind, no key at all, no token of ours.
    let differs = adopt(&uri, &key, public.spki());
    assert!(matches!(differs, Err(DriverError::PublicKeyDiffers { .. })), "{differs:?}");
    let other = KeyIdentity { spec: KeySpec::P384, ..key.clone() };
    let kind = adopt(&uri, &other, &imported);
    assert!(matches!(kind, Err(DriverError::SpecUnsupported(KeySpec::P384))), "{kind:?}");
    for bad in [
        tokens.uri("one"),
        format!("{};id=%01", tokens.uri("one")),
        "pkcs11:token=two;serial=2;id=%07".to_owned(),
        "pkcs11:slot-id=0;id=%07".to_owned(),
        "arn:aws:kms:eu-central-1:1:key/2".to_owned(),
    ] {
        let refused = adopt(&bad, &key, &imported);
        assert!(matches!(refused, Err(DriverError::LocationUnusable { .. })), "{bad}: {refused:?}");
    }
    let file = AdoptSource::Pkcs8 { encrypted: b"", passphrase: b"" };
    let refused = driver.adopt(&key, file, &imported);
    assert!(matches!(refused, Err(DriverError::ImportRefused(_))), "{refused:?}");
    // Told of it, the driver signs with it.
    let location = KeyLocation::new(&uri);
    driver.attach(vec![KnownKey { identity: key.clone(), public: imported.clone(), location }]);
    let signature = sign(&driver, &key, b"x").expect("it signs");
    let public = x509::PublicKey::parse(imported.as_bytes()).unwrap();
    public.verify(super::scheme(key.spec), b"x", &signature).expect("it verifies");
}

#[test]
fn destroys_a_key_for_good() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", KeySpec::P256);
    generate(&driver, &key);
    let destroyer = driver.destroyer().expect("it destroys");
    destroyer.destroy(&key).expect("it is destroyed");
    assert!(matches!(sign(&driver, &key, b"x"), Err(DriverError::KeyMissing(_))));
    destroyer.destroy(&key).expect("it stays destroyed");
    drop(driver);
    let driver = start(&tokens);
    assert!(matches!(driver.public_key(&key), Err(DriverError::KeyMissing(_))));
}

#[test]
fn decrypts_for_scep_and_rejects_implicitly() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let driver = start(&tokens);
    let purpose = Purpose::Scep;
    let key = KeyIdentity { purpose, ..identity(1, "ra", KeySpec::Rsa2048) };
    let public = generate(&driver, &key);
    let file = tokens.dir().join("ra.der");
    std::fs::write(&file, public.spki().as_bytes()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey"]).arg(&file);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("openssl runs");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"a content key").unwrap();
    let ciphertext = child.wait_with_output().unwrap().stdout;
    let unwrapper = driver.unwrapper().expect("it decrypts");
    assert_eq!(unwrapper.unwrap(&key, &ciphertext).unwrap().as_slice(), b"a content key");
    // Bent: no error, and the same octets each time; another ciphertext gives others.
    let mut bent = ciphertext.clone();
    *bent.last_mut().unwrap() ^= 1;
    let once = unwrapper.unwrap(&key, &bent).expect("no error tells");
    assert_eq!(once, unwrapper.unwrap(&key, &bent).expect("no error tells"));
    assert_ne!(once.as_slice(), b"a content key");
    bent[9] ^= 1;
    assert_ne!(once, unwrapper.unwrap(&key, &bent).expect("no error tells"));
    // A key for certificates does not decrypt: its token refuses, and that is told no more.
    let other = identity(2, "issuing", KeySpec::Rsa2048);
    generate(&driver, &other);
    assert_ne!(unwrapper.unwrap(&other, &ciphertext).unwrap().as_slice(), b"a content key");
    let curve = identity(3, "curve", KeySpec::P256);
    let refused = unwrapper.unwrap(&curve, &ciphertext);
    assert!(matches!(refused, Err(DriverError::SchemeMismatch)));
}
