//! A ring's folder as seen from its keys.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keystore::{
    Founder, Founding, KeyIdentity, NewFactor, Opened, Opener, Share, ShareOffer, UnlockError,
    UnlockFactor, UnlockKind, Vault,
};
use signer_proto::Digest;

use crate::disk;
use crate::driver::FileDriver;
use crate::founding::FileFounding;
use crate::house::FileHouse;
use crate::keyring::Keyring;
use crate::rotation;
use crate::share::{self, Set};
use crate::unlock_file::{Closed, UNLOCK};

/// The `unlock` file and the `keys` folder of a ring. Holds no secret.
#[derive(Debug, Clone)]
pub struct FileVault {
    ring: PathBuf,
}

impl FileVault {
    /// Names the ring's folder; nothing is read yet.
    #[must_use]
    pub fn at(ring: impl Into<PathBuf>) -> Self {
        Self { ring: ring.into() }
    }

    pub(crate) fn ring(&self) -> &Path {
        &self.ring
    }

    pub(crate) fn closed(&self, genesis: Digest) -> Result<Closed, UnlockError> {
        let file = disk::read(&self.ring.join(UNLOCK)).map_err(UnlockError::Io)?;
        Closed::read(&file, genesis)
    }
}

impl Vault for FileVault {
    fn kind(&self, genesis: Digest) -> Result<UnlockKind, UnlockError> {
        self.closed(genesis).map(|closed| closed.header.stretch.kind())
    }

    fn settle(&self, genesis: Digest) -> Result<Opener, UnlockError> {
        let file = disk::read(&self.ring.join(UNLOCK)).map_err(UnlockError::Io)?;
        let header = Closed::read(&file, genesis)?.header;
        let set = Set { genesis, salt: header.salt };
        // What stays behind opens nothing here; the next start tries again.
        let _ = rotation::sweep(&self.ring, &set);
        rotation::opener(&file, genesis)
    }

    fn admit_share(&self, offer: &ShareOffer, genesis: Digest) -> Result<Share, UnlockError> {
        share::admit(&self.ring, &self.closed(genesis)?.header, offer)
    }

    fn unlock(
        &self,
        factor: &UnlockFactor,
        genesis: Digest,
        house: &[KeyIdentity],
    ) -> Result<Opened, UnlockError> {
        let data_key = self.closed(genesis)?.open(factor)?;
        open_keys(Keyring::new(&self.ring, genesis, data_key), house)
    }
}

impl Founder for FileVault {
    fn found(
        &self,
        factor: &NewFactor,
        house: &[KeyIdentity],
    ) -> Result<Box<dyn Founding>, UnlockError> {
        if self.ring.join(UNLOCK).try_exists().map_err(UnlockError::Io)? {
            return Err(UnlockError::Io(io::ErrorKind::AlreadyExists.into()));
        }
        let founding = FileFounding::draw(self.ring.clone(), factor, house)?;
        Ok(Box::new(founding))
    }
}

/// Reads the house keys and starts the driver.
pub(crate) fn open_keys(keyring: Keyring, house: &[KeyIdentity]) -> Result<Opened, UnlockError> {
    let house = Arc::new(FileHouse::open(&keyring, house)?);
    Ok(Opened { driver: Arc::new(FileDriver::new(Arc::new(keyring))), house })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use keystore::{Approved, DriverError};
    use signer_proto::{HouseKey, KeyId, KeyLabel, KeySpec, Purpose};
    use x509::{PublicKey, SignatureScheme};
    use zeroize::Zeroizing;

    use super::*;
    use crate::memory_scan::copies_in_memory;

    const GENESIS: Digest = Digest([0x9e; 32]);

    fn credential(octet: u8) -> UnlockFactor {
        UnlockFactor::Credential(Zeroizing::new(vec![octet; 32]))
    }

    fn new(octet: u8) -> NewFactor {
        NewFactor::Credential(Zeroizing::new(vec![octet; 32]))
    }

    fn key(id: u8, purpose: Purpose, spec: KeySpec) -> KeyIdentity {
        KeyIdentity {
            id: KeyId([id; 16]),
            label: KeyLabel::new(&format!("key-{id}")).unwrap(),
            purpose,
            spec,
        }
    }

    fn house() -> [KeyIdentity; 3] {
        [
            key(1, Purpose::Log, KeySpec::Ed25519),
            key(2, Purpose::Serial, KeySpec::HmacSha256),
            key(3, Purpose::Seal, KeySpec::Aes256),
        ]
    }

    fn ring(factor: &NewFactor) -> (tempfile::TempDir, Opened, Vec<HouseKey>) {
        let directory = tempfile::tempdir().unwrap();
        let founding = FileVault::at(directory.path()).found(factor, &house()).unwrap();
        let named = founding.house_keys();
        let opened = founding.bind(GENESIS).unwrap();
        (directory, opened, named)
    }

    fn unlock(directory: &Path) -> Result<Opened, UnlockError> {
        FileVault::at(directory).unlock(&credential(7), GENESIS, &house())
    }

    fn key_file(directory: &Path, key: &KeyIdentity) -> PathBuf {
        directory.join("keys").join(format!("{}.key", key.id))
    }

    fn why(unlocked: Result<Opened, UnlockError>) -> String {
        unlocked.err().unwrap().to_string()
    }

    #[test]
    fn house_keys_are_the_same_after_a_restart() {
        let (directory, first, named) = ring(&new(7));
        let second = unlock(directory.path()).unwrap();
        assert_eq!(first.house.serial_mac(b"a"), second.house.serial_mac(b"a"));
        let sealed = first.house.seal(b"row", b"secret").unwrap();
        assert_eq!(*second.house.unseal(b"row", &sealed).unwrap(), b"secret");
        let signature = second.house.sign_log(Approved::admitted(b"root")).unwrap();
        let log = named.iter().find(|key| key.purpose == Purpose::Log).unwrap();
        let log = PublicKey::parse(log.spki.as_ref().unwrap().as_bytes()).unwrap();
        let verdict = log.verify(SignatureScheme::Ed25519, b"root", &signature);
        assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn two_rings_share_no_house_key() {
        let (_a, first, _) = ring(&new(7));
        let (_b, second, _) = ring(&new(7));
        assert_ne!(first.house.serial_mac(b"a"), second.house.serial_mac(b"a"));
        let sealed = first.house.seal(b"row", b"secret").unwrap();
        assert!(second.house.unseal(b"row", &sealed).is_none());
    }

    #[test]
    fn a_passphrase_opens_what_it_closed_and_no_other_does() {
        let octets = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let phrase = |text: &str| UnlockFactor::Passphrase(octets(text));
        let (directory, _, _) = ring(&NewFactor::Passphrase(octets("correct horse")));
        let vault = FileVault::at(directory.path());
        assert!(vault.unlock(&phrase("correct horse"), GENESIS, &house()).is_ok());
        let wrong = vault.unlock(&phrase("correct horsf"), GENESIS, &house());
        assert!(matches!(wrong, Err(UnlockError::WrongFactor)));
    }

    #[test]
    fn a_ring_is_founded_once() {
        let (directory, _, _) = ring(&new(7));
        match FileVault::at(directory.path()).found(&new(8), &house()) {
            Err(UnlockError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::AlreadyExists),
            _ => panic!("founded twice"),
        }
        assert!(unlock(directory.path()).is_ok());
    }

    #[test]
    fn house_keys_of_other_purposes_or_algorithms_are_refused() {
        let [log, serial, seal] = house();
        let wrong_spec = KeyIdentity { spec: KeySpec::P256, ..log.clone() };
        let sets = [
            vec![log.clone(), serial.clone()],
            vec![log.clone(), serial.clone(), seal.clone(), seal.clone()],
            vec![wrong_spec, serial, seal],
        ];
        let directory = tempfile::tempdir().unwrap();
        for house in sets {
            let refused = FileVault::at(directory.path()).found(&new(7), &house);
            assert!(matches!(refused, Err(UnlockError::Corrupt(_))));
        }
    }

    #[test]
    fn refuses_a_house_key_that_is_missing_bent_or_swapped() {
        let (directory, _, _) = ring(&new(7));
        let [log, serial, seal] = house().map(|key| key_file(directory.path(), &key));
        let honest = fs::read(&serial).unwrap();
        fs::remove_file(&serial).unwrap();
        assert!(why(unlock(directory.path())).contains("is not there"));
        for other in [&log, &seal] {
            fs::copy(other, &serial).unwrap();
            assert!(why(unlock(directory.path())).contains("another key's"));
        }
        let mut bent = honest.clone();
        *bent.last_mut().unwrap() ^= 1;
        fs::write(&serial, bent).unwrap();
        assert!(why(unlock(directory.path())).contains("does not open"));
        fs::write(&serial, honest).unwrap();
        assert!(unlock(directory.path()).is_ok());
    }

    #[test]
    fn refuses_key_files_of_another_genesis() {
        let (directory, _, _) = ring(&new(7));
        let elsewhere =
            FileVault::at(directory.path()).unlock(&credential(7), Digest([1; 32]), &house());
        assert!(why(elsewhere).contains("another ring"));
        let (other, _, _) = ring(&new(7));
        for key in house() {
            fs::copy(key_file(other.path(), &key), key_file(directory.path(), &key)).unwrap();
        }
        assert!(why(unlock(directory.path())).contains("does not open"));
        // Even with its own unlock file beside it, the other ring's files open as that ring only.
        fs::copy(other.path().join("unlock"), directory.path().join("unlock")).unwrap();
        let moved = FileVault::at(directory.path());
        assert!(moved.unlock(&credential(7), Digest([1; 32]), &house()).is_err());
    }

    #[test]
    fn refuses_every_flipped_bit_of_a_generated_keys_file() {
        let (directory, opened, _) = ring(&new(7));
        let issuing = key(9, Purpose::CertAndCrl, KeySpec::P256);
        opened.driver.generate(&issuing).unwrap();
        let path = key_file(directory.path(), &issuing);
        let honest = fs::read(&path).unwrap();
        let driver = || unlock(directory.path()).unwrap().driver;
        let fresh = driver();
        for at in 0..honest.len() {
            for bit in 0..8 {
                let mut bent = honest.clone();
                bent[at] ^= 1 << bit;
                fs::write(&path, bent).unwrap();
                let refused = fresh.public_key(&issuing);
                assert!(matches!(refused, Err(DriverError::Corrupt { .. })), "{at} {bit}");
            }
        }
        fs::write(&path, honest).unwrap();
        assert!(fresh.public_key(&issuing).is_ok());
    }

    #[test]
    fn house_keys_cannot_be_reached_through_the_driver() {
        let (_directory, opened, _) = ring(&new(7));
        let [log, ..] = house();
        let signed = opened.driver.sign(
            &log,
            SignatureScheme::Ed25519,
            Approved::admitted(b"forged checkpoint"),
        );
        assert!(matches!(signed, Err(DriverError::KeyMissing(_))));
        assert!(matches!(opened.driver.generate(&log), Err(DriverError::SpecUnsupported(_))));
    }

    #[test]
    fn no_copy_of_the_unlock_key_stays_in_memory() {
        let (directory, opened, _) = ring(&new(7));
        drop(opened);
        let file = fs::read(directory.path().join("unlock")).unwrap();
        // The salt's place in the file; the masked keys are never in memory unmasked.
        let salt: [u8; 32] = file[21..53].try_into().unwrap();
        let mask = |secret: &[u8]| secret.iter().map(|octet| octet ^ 0x5a).collect::<Vec<u8>>();
        let unlock_key = {
            let key = crate::factor::Stretch::Hkdf.unlock_key(&credential(7), &salt);
            mask(&key.unwrap())
        };
        let opened = unlock(directory.path()).unwrap();
        assert_eq!(copies_in_memory(&unlock_key, 0x5a), 0);
        assert_eq!(opened.house.serial_mac(b"a").len(), 32);
    }

    #[test]
    fn the_scan_finds_a_copy_that_is_there() {
        let secret: Vec<u8> = (0..32).map(|n| n ^ 0xc3).collect();
        let masked: Vec<u8> = secret.iter().map(|octet| octet ^ 0x5a).collect();
        assert!(copies_in_memory(&masked, 0x5a) >= 1);
        assert_eq!(secret.len(), 32);
    }
}
