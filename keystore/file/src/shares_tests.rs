//! A ring that shares open, as its vault sees it.

use std::fs;
use std::path::{Path, PathBuf};

use keystore::{
    Custodian, Founder as _, KeyIdentity, NewFactor, Opened, Share, ShareOffer, UnlockError,
    UnlockFactor, UnlockKind, Vault as _,
};
use secret_memory::Secret;
use signer_proto::{Digest, KeyId, KeyLabel, KeySpec, Purpose};
use zeroize::Zeroizing;

use crate::FileVault;
use crate::cipher::Cipher;
use crate::factor::Stretch;
use crate::memory_scan::copies_in_memory;
use crate::share::Set;
use crate::unlock_file::{self, Closed, Header};
use crate::{share_file, share_text};

const GENESIS: Digest = Digest([0x9e; 32]);
/// Nobody in these tests has its identity.
const RECIPIENT: &str = "age1nwa6jpmlh8pcuz2jqnxg2za98c3qp20ckrsfjkslpq5hjwgunuvs9pz2wx";

fn house() -> Vec<KeyIdentity> {
    let key = |id, purpose, spec| KeyIdentity {
        id: KeyId([id; 16]),
        label: KeyLabel::new("house").unwrap(),
        purpose,
        spec,
    };
    vec![
        key(1, Purpose::Log, KeySpec::Ed25519),
        key(2, Purpose::Serial, KeySpec::HmacSha256),
        key(3, Purpose::Seal, KeySpec::Aes256),
    ]
}

fn phrase(index: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(format!("passphrase {index}").into_bytes())
}

/// Two of four: two under passphrases (3 and 4), two for a recipient.
fn factor() -> NewFactor {
    let age = || Custodian::Age(RECIPIENT.to_owned());
    let custodians =
        vec![age(), age(), Custodian::Passphrase(phrase(3)), Custodian::Passphrase(phrase(4))];
    NewFactor::Shares { threshold: 2, custodians }
}

fn ring(genesis: Digest) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let founding = FileVault::at(directory.path()).found(&factor(), &house()).unwrap();
    founding.bind(genesis).unwrap();
    directory
}

fn offer(index: u8) -> ShareOffer {
    ShareOffer::Passphrase { index, passphrase: phrase(index) }
}

fn admit(ring: &Path, offer: &ShareOffer) -> Result<Share, UnlockError> {
    FileVault::at(ring).admit_share(offer, GENESIS)
}

fn open(ring: &Path, shares: Vec<Share>) -> Result<Opened, UnlockError> {
    FileVault::at(ring).unlock(&UnlockFactor::Shares(shares), GENESIS, &house())
}

fn set(ring: &Path) -> Set {
    let header = Closed::read(&fs::read(ring.join("unlock")).unwrap(), GENESIS).unwrap().header;
    Set { genesis: GENESIS, salt: header.salt }
}

fn files(ring: &Path) -> Vec<String> {
    let folder: PathBuf = crate::share::folder(ring, &set(ring));
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The text of a share, as its custodian would have it.
fn text(ring: &Path, index: u8) -> Vec<u8> {
    let share = admit(ring, &offer(index)).unwrap();
    share_text::write(&share, GENESIS, &set(ring).salt).to_vec()
}

fn refusal(found: Result<Share, UnlockError>) -> String {
    match found {
        Err(UnlockError::WrongShare(why)) => why.to_owned(),
        Err(error) => panic!("{error}"),
        Ok(share) => panic!("share {} is taken", share.index),
    }
}

/// The secret 00 to 1f, a1 = 20 to 3f, so two shares are needed; there are three.
fn golden_share(index: u8) -> Share {
    let coefficient: Vec<u8> = (0x20..0x40).collect();
    let key: Vec<u8> = (0..32).collect();
    let mut secret = Secret::zeroed(32).unwrap();
    crate::shamir::share_at(index, &key, [coefficient.as_slice()].into_iter(), &mut secret);
    Share { index, secret }
}

#[test]
fn the_golden_unlock_file_and_shares_are_these_octets() {
    // By Python: hashlib, hmac, cryptography. The same stand in docs/wire/key-file.md.
    let file = hex::decode(
        "4348554e4c310001030000000000000002000000030707070707070707070707\
         0707070707070707070707070707070707070707079e9e9e9e9e9e9e9e9e9e9e\
         9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e882cd196586ea4229ac482\
         ff8b392f13a2bad549e0bb36dcab8438f46ee02c65f8a3d7bc0ac2cffbd95e5a\
         6ce6bb3ce53809731eb2f0322529ac7dd5878093f01d3689630a09a03e7c81a6\
         53dfe4d6e6f4cd272689de80ec7b79792fefda1d962222222222222222222222\
         226c052fd77fe18b0b968c9ebb9ee8f36cd777761c0a95c4a6b7e335bb99b8a0\
         7acec741565747ab6a6854952e7808e9d0dd8cf2b50d009b5ca29a1d8873a4bf\
         69923ae1b251faf9fa26bcee86fcf14eec",
    )
    .unwrap();
    let set = Set { genesis: GENESIS, salt: [7; 32] };
    let header = Header {
        stretch: Stretch::Shares { threshold: 2, count: 3 },
        salt: set.salt,
        genesis: GENESIS,
        commitments: (1..=3).map(|index| set.commit(&golden_share(index))).collect(),
    };
    let cipher = Cipher::new(&(0..32).collect::<Vec<u8>>()).unwrap();
    let sealed = unlock_file::seal(&cipher, &header, &[0x11; 32], [0x22; 12]).unwrap();
    assert_eq!(hex::encode(sealed), hex::encode(&file));
    let factor = UnlockFactor::Shares(vec![golden_share(3), golden_share(1)]);
    let opened = Closed::read(&file, GENESIS).unwrap().open(&factor).unwrap();
    assert_eq!(*opened, [0x11; 32]);
    let text = "chancery-share-1:9e9e9e9e9e9e9e9e:0707070707070707:02:\
                40434645-4c4f4a49-585b5e5d-54575251-70737675-7c7f7a79-686b6e6d-64676261:f5b1f254";
    let written = share_text::write(&golden_share(2), GENESIS, &set.salt);
    assert_eq!(core::str::from_utf8(&written).unwrap(), text);
    let drawn = share_file::Drawn { salt: [8; 32], nonce: [0x22; 12] };
    let sealed = share_file::seal(&golden_share(3), &set, b"correct horse", &drawn).unwrap();
    assert_eq!(
        hex::encode(sealed),
        "4348534852310001000100000000000300000001080808080808080808080808\
         08080808080808080808080808080808080808089e9e9e9e9e9e9e9e9e9e9e9e\
         9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e070707070707070707070707\
         0707070707070707070707070707070707070707032222222222222222222222\
         228e0f7a75ff06ec3b577e0d8a3a7149c9bdec9b99bc58060fc6667ac6a5615f\
         4b0f3978a6257f6dbcad5933e92130db4b5f1dd5c7b9cbc38c059de30e79590d\
         1940544fb362ed8b66fa66b6d887d21f35"
    );
}

#[test]
fn any_two_shares_open_it_and_one_does_not() {
    let directory = ring(GENESIS);
    let ring = directory.path();
    let kind = FileVault::at(ring).kind(GENESIS).unwrap();
    assert_eq!(kind, UnlockKind::Shares { threshold: 2, count: 4 });
    assert_eq!(files(ring), ["1.age", "2.age", "3.pass", "4.pass"]);
    let share = |index| admit(ring, &offer(index)).unwrap();
    assert!(open(ring, vec![share(3), share(4)]).is_ok());
    assert!(open(ring, vec![share(4), share(3)]).is_ok());
    for shares in [vec![], vec![share(3)], vec![share(3), share(3)]] {
        assert!(matches!(open(ring, shares), Err(UnlockError::FactorUnusable(_))));
    }
    let typed = ShareOffer::Text(Zeroizing::new(text(ring, 3)));
    let typed = admit(ring, &typed).unwrap();
    assert!(open(ring, vec![typed, share(4)]).is_ok());
}

#[test]
fn a_wrong_share_is_told_by_itself() {
    let directory = ring(GENESIS);
    let ring = directory.path();
    let wrong = ShareOffer::Passphrase { index: 3, passphrase: phrase(4) };
    assert_eq!(refusal(admit(ring, &wrong)), "its passphrase is another one");
    for index in [0, 1, 5, 255] {
        let none = ShareOffer::Passphrase { index, passphrase: phrase(3) };
        assert_eq!(refusal(admit(ring, &none)), "no share of this number has a passphrase");
    }
    // Shares that somebody made up, with a checksum that holds.
    let salt = set(ring).salt;
    for (index, why) in [
        (1, "it is not the one that was given out"),
        (4, "it is not the one that was given out"),
        (5, "there is none of this number"),
        (0, "there is none of this number"),
    ] {
        let made_up = Share { index, secret: Secret::copy_of(&[0x5a; 32]).unwrap() };
        let text = share_text::write(&made_up, GENESIS, &salt);
        assert_eq!(refusal(admit(ring, &ShareOffer::Text(text))), why, "{index}");
    }
    // Another share's secret under this number.
    let third = admit(ring, &offer(3)).unwrap();
    let moved = share_text::write(&Share { index: 4, ..third }, GENESIS, &salt);
    let why = "it is not the one that was given out";
    assert_eq!(refusal(admit(ring, &ShareOffer::Text(moved))), why);
}

#[test]
fn a_share_of_another_ring_or_set_is_told_and_a_mistyped_one_is_no_attempt() {
    let (here, there) = (ring(GENESIS), ring(GENESIS));
    let foreign = ShareOffer::Text(Zeroizing::new(text(there.path(), 3)));
    assert!(refusal(admit(here.path(), &foreign)).contains("another set"));
    let share = admit(here.path(), &offer(3)).unwrap();
    let elsewhere = share_text::write(&share, Digest([1; 32]), &set(here.path()).salt);
    let found = admit(here.path(), &ShareOffer::Text(elsewhere));
    assert_eq!(refusal(found), "it is another ring's");
    let mut bent = text(here.path(), 3);
    bent[60] ^= 1;
    let found = admit(here.path(), &ShareOffer::Text(Zeroizing::new(bent)));
    assert!(matches!(found, Err(UnlockError::ShareMalformed(_))));
    // Its file in the place of another share's.
    let folder = crate::share::folder(here.path(), &set(here.path()));
    fs::copy(folder.join("3.pass"), folder.join("4.pass")).unwrap();
    let found = admit(here.path(), &offer(4));
    assert!(matches!(found, Err(UnlockError::Corrupt(_))));
}

#[test]
fn a_ring_without_shares_takes_none_and_one_with_shares_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let vault = FileVault::at(directory.path());
    let credential = || Zeroizing::new(vec![7; 32]);
    let founding = vault.found(&NewFactor::Credential(credential()), &house()).unwrap();
    founding.bind(GENESIS).unwrap();
    assert!(!directory.path().join("shares").exists());
    let unusable = |error: Option<UnlockError>, expected| match error {
        Some(UnlockError::FactorUnusable(why)) => assert_eq!(why, expected),
        _ => panic!("{expected}"),
    };
    unusable(vault.admit_share(&offer(3), GENESIS).err(), "the ring is opened by a credential");
    let shared = ring(GENESIS);
    let vault = FileVault::at(shared.path());
    let other = vault.unlock(&UnlockFactor::Credential(credential()), GENESIS, &house());
    unusable(other.err(), "the ring is opened by shares");
}

#[test]
fn a_recipient_or_passphrase_that_is_none_makes_no_ring() {
    let made = |custodian| {
        let directory = tempfile::tempdir().unwrap();
        let custodians = vec![Custodian::Age(RECIPIENT.to_owned()), custodian];
        let factor = NewFactor::Shares { threshold: 2, custodians };
        let founding = FileVault::at(directory.path()).found(&factor, &house());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        founding.err().map(|error| error.to_string())
    };
    let refused = made(Custodian::Age(RECIPIENT.replace('q', "p"))).unwrap();
    assert!(refused.contains("mistyped"), "{refused}");
    let refused = made(Custodian::Passphrase(Zeroizing::new(b"1234567".to_vec()))).unwrap();
    assert!(refused.contains("at least 8 octets"), "{refused}");
    assert_eq!(made(Custodian::Passphrase(phrase(2))), None);
}

#[test]
fn no_copy_of_a_share_or_of_the_key_from_shares_stays_in_memory() {
    let directory = ring(GENESIS);
    let ring = directory.path();
    let mask = |secret: &[u8]| secret.iter().map(|octet| octet ^ 0x5a).collect::<Vec<u8>>();
    let shares = || vec![admit(ring, &offer(3)).unwrap(), admit(ring, &offer(4)).unwrap()];
    // What is looked for is only ever in memory masked.
    let masked: Vec<Vec<u8>> = {
        let shares = shares();
        let parts: Vec<(u8, &[u8])> =
            shares.iter().map(|share| (share.index, &*share.secret)).collect();
        let mut key = Secret::zeroed(32).unwrap();
        crate::shamir::combine(&parts, &mut key).unwrap();
        let texts = shares.iter().map(|share| {
            let text = share_text::write(share, GENESIS, &set(ring).salt);
            mask(&text[52..116])
        });
        let secrets = shares.iter().map(|share| mask(&share.secret));
        secrets.chain(texts).chain([mask(&key)]).collect()
    };
    let typed = {
        let text = share_text::write(&admit(ring, &offer(3)).unwrap(), GENESIS, &set(ring).salt);
        admit(ring, &ShareOffer::Text(text)).unwrap()
    };
    let opened = open(ring, vec![typed, admit(ring, &offer(4)).unwrap()]).unwrap();
    for (number, secret) in masked.iter().enumerate() {
        assert_eq!(copies_in_memory(secret, 0x5a), 0, "{number}");
    }
    assert_eq!(opened.house.serial_mac(b"a").len(), 32);
}
