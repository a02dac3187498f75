//! Rotation of the unlock key by the real program: whole, refused, and killed at every point.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use keystore::{NewFactor, ShareOffer, UnlockError};
use keystore_file::FileVault;
use signer::{
    Environment, HeldRing, OldFactor, RotateError, Signer, Start, read_journal, rotate_unlock,
};
use signer_proto::{Event, Leaf, RotationStage, UnlockAttempt, UnlockRotated, Wire as _};
use zeroize::Zeroizing;

/// Nobody has its identity.
const RECIPIENT: &str = "age1nwa6jpmlh8pcuz2jqnxg2za98c3qp20ckrsfjkslpq5hjwgunuvs9pz2wx";

/// Ways to open a ring: by what is in the files of a [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Credential,
    Other,
    Passphrase,
    Shares,
}

impl Way {
    fn old_options(self) -> &'static [&'static str] {
        match self {
            Self::Credential => &["--old-credential", "credential"],
            Self::Other => &["--old-credential", "other"],
            Self::Passphrase => &["--old-passphrase-file", "passphrase"],
            Self::Shares => {
                &["--old-share-passphrase", "2=share2", "--old-share-passphrase", "3=share3"]
            }
        }
    }

    fn new_options(self) -> &'static [&'static str] {
        match self {
            Self::Credential => &["--unlock-credential", "credential"],
            Self::Other => &["--unlock-credential", "other"],
            Self::Passphrase => &["--passphrase-file", "passphrase"],
            Self::Shares => &[
                "--share",
                RECIPIENT,
                "--share-passphrase-file",
                "share2",
                "--share-passphrase-file",
                "share3",
                "--shares-threshold",
                "2",
            ],
        }
    }

    fn factor(self) -> OldFactor {
        let octets = |octets: &[u8]| Zeroizing::new(octets.to_vec());
        match self {
            Self::Credential => OldFactor::Single(octets(&[7; 32])),
            Self::Other => OldFactor::Single(octets(&[8; 32])),
            Self::Passphrase => OldFactor::Single(octets(b"correct horse")),
            Self::Shares => OldFactor::Shares(vec![
                ShareOffer::Passphrase { index: 3, passphrase: octets(b"passphrase three") },
                ShareOffer::Passphrase { index: 2, passphrase: octets(b"passphrase two") },
            ]),
        }
    }
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A directory with the files of all factors and a ring that one of them opens.
    fn new(way: Way) -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        for (name, content) in [
            ("credential", &[7; 32][..]),
            ("other", &[8; 32]),
            ("passphrase", b"correct horse\n"),
            ("share2", b"passphrase two\n"),
            ("share3", b"passphrase three\n"),
        ] {
            fs::write(place.at(name), content).unwrap();
            fs::set_permissions(place.at(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let made = place
            .program("init")
            .arg("--dangerous-no-operators")
            .args(way.new_options())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ring(&self) -> PathBuf {
        self.at("ring")
    }

    fn program(&self, act: &str) -> Command {
        self.run(Command::new(env!("CARGO_BIN_EXE_signer-file")), act)
    }

    fn run(&self, mut command: Command, act: &str) -> Command {
        command.arg(act).arg("--ring").arg("ring").current_dir(self.dir.path());
        command
    }

    fn rotate(&self, old: Way, new: Way) -> Output {
        let mut command = self.program("rotate-unlock");
        command.args(old.old_options()).args(new.new_options()).output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn start() -> Start {
    Start { version: "test".to_owned(), report: String::new() }
}

/// Whether this opens the ring. Tried on a copy, by rotating to a third factor, so that what was
/// interrupted does not stand in the way of the next rotation either.
fn opens(ring: &Path, way: Way) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let trial = dir.path().join("ring");
    copy(ring, &trial);
    let vault = FileVault::at(&trial);
    let third = NewFactor::Credential(Zeroizing::new(vec![99; 32]));
    let factors = (way.factor(), &third);
    let vaults = (Arc::new(vault.clone()) as Arc<dyn keystore::Vault>, &vault as _);
    let ring = HeldRing::take(&trial).unwrap();
    match rotate_unlock(ring, vaults, Environment::system(), &start(), factors) {
        Ok(_) => true,
        Err(RotateError::Factor(
            UnlockError::WrongFactor | UnlockError::WrongShare(_) | UnlockError::FactorUnusable(_),
        )) => false,
        Err(error) => panic!("{way:?}: {:#}", anyhow::Error::new(error)),
    }
}

fn events(ring: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    read_journal(ring, &mut |_, bytes| events.push(Leaf::from_wire(bytes).unwrap().event)).unwrap();
    events
}

fn stages(ring: &Path) -> Vec<RotationStage> {
    let stage = |event: &Event| match event {
        Event::UnlockRotated(UnlockRotated { stage, .. }) => Some(*stage),
        _ => None,
    };
    events(ring).iter().filter_map(stage).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Opens the ring as a signer does at its start.
fn start_once(ring: &Path) {
    let vault = Arc::new(FileVault::at(ring));
    Signer::open(ring, vault, Environment::system(), &start()).unwrap().shutdown();
}

#[test]
fn any_factor_takes_the_place_of_any_other_and_the_old_one_opens_nothing() {
    use RotationStage::{Done, Intended};
    let place = Place::new(Way::Credential);
    let steps = [
        (Way::Credential, Way::Other),
        (Way::Other, Way::Passphrase),
        (Way::Passphrase, Way::Shares),
        (Way::Shares, Way::Shares),
        (Way::Shares, Way::Credential),
    ];
    for (number, (old, new)) in (1..).zip(steps) {
        let rotated = place.rotate(old, new);
        assert!(rotated.status.success(), "{old:?} to {new:?}: {rotated:?}");
        assert!(opens(&place.ring(), new), "{new:?}");
        assert!(old == new || !opens(&place.ring(), old), "{old:?}");
        assert_eq!(stages(&place.ring()), [Intended, Done].repeat(number));
        let shares = if new == Way::Shares { 1 } else { 0 };
        assert_eq!(names(&place.ring().join("shares")).len(), shares);
    }
}

#[test]
fn a_wrong_old_factor_or_an_unusable_new_one_changes_nothing() {
    let place = Place::new(Way::Credential);
    let unlock = fs::read(place.at("ring/unlock")).unwrap();
    let refused = |output: Output, why: &str| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
        assert_eq!(fs::read(place.at("ring/unlock")).unwrap(), unlock);
        assert!(stages(&place.ring()).is_empty());
        assert!(!place.at("ring/shares").exists());
    };
    refused(place.rotate(Way::Other, Way::Passphrase), "does not open the ring");
    refused(place.rotate(Way::Shares, Way::Passphrase), "opened by a credential");
    let mut one = place.program("rotate-unlock");
    one.args(Way::Credential.old_options()).args(["--share", RECIPIENT, "--shares-threshold", "1"]);
    refused(one.output().unwrap(), "at least two shares");
    let mut none = place.program("rotate-unlock");
    refused(none.args(Way::Credential.old_options()).output().unwrap(), "give one of");
    let failed = UnlockAttempt { opened: false, failed: 1 };
    let attempts = events(&place.ring());
    let attempts = attempts.iter().filter(|event| matches!(event, Event::UnlockAttempt(_)));
    assert_eq!(attempts.collect::<Vec<_>>(), [&Event::from(failed)], "the one wrong factor");
    // While a signer has the ring open, nothing is rotated.
    let vault = Arc::new(FileVault::at(place.ring()));
    let signer = Signer::open(&place.ring(), vault, Environment::system(), &start()).unwrap();
    let busy = place.rotate(Way::Credential, Way::Other);
    assert!(String::from_utf8_lossy(&busy.stderr).contains("another signer"), "{busy:?}");
    signer.shutdown();
    assert!(opens(&place.ring(), Way::Credential));
}

#[test]
fn an_unlock_file_that_somebody_put_back_is_written_down() {
    use RotationStage::{Done, Found, Intended};
    let place = Place::new(Way::Credential);
    let old = fs::read(place.at("ring/unlock")).unwrap();
    assert!(place.rotate(Way::Credential, Way::Other).status.success());
    fs::write(place.at("ring/unlock"), old).unwrap();
    for _ in 0..2 {
        start_once(&place.ring());
        assert_eq!(stages(&place.ring()), [Intended, Done, Found]);
    }
}

/// The calls by which the program changes files. Each is counted for itself: the journal's writer
/// is another thread than the one that rotates, and strace counts by thread.
const CALLS: [&str; 10] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "mkdir",
    "unlink",
    "unlinkat",
    "rmdir",
];

/// Kills a rotation at its nth call of a name; says whether it came that far.
fn killed(place: &Place, (old, new): (Way, Way), (call, nth): (&str, u32)) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:signal=KILL:when={nth}"));
    strace.arg(env!("CARGO_BIN_EXE_signer-file"));
    let mut command = place.run(strace, "rotate-unlock");
    let output = command.args(old.old_options()).args(new.new_options()).output().unwrap();
    let status = output.status;
    let is_killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(is_killed || status.success(), "{call} {nth}: {output:?}");
    is_killed
}

/// Kills a rotation at every call of [`CALLS`] that it makes, and looks what opens the ring.
fn kill_everywhere(old: Way, new: Way) {
    let Some(_) = kit::tool("strace") else { return };
    let template = Place::new(old);
    let pristine = template.at("pristine");
    fs::rename(template.ring(), &pristine).unwrap();
    let mut outcomes = [0, 0];
    for call in CALLS {
        for nth in 1.. {
            copy(&pristine, &template.ring());
            let is_killed = killed(&template, (old, new), (call, nth));
            let now = [old, new].map(|way| opens(&template.ring(), way));
            let case = format!("{old:?} to {new:?}, {call} {nth}");
            assert!(now[0] != now[1], "{case}: {now:?}");
            assert!(is_killed || now[1], "{case}: it ended well and did nothing");
            outcomes[usize::from(now[1])] += 1;
            start_once(&template.ring());
            told(&template.ring(), now[1], &case);
            fs::remove_dir_all(template.ring()).unwrap();
            if !is_killed {
                break;
            }
        }
    }
    // Both sides of the rename were seen, many times.
    assert!(outcomes[0] > 10 && outcomes[1] > CALLS.len() + 2, "{outcomes:?}");
    println!("killed {old:?} to {new:?}: {} old, {} new", outcomes[0], outcomes[1]);
}

/// After the next start the journal tells what is, and nothing lies about.
fn told(ring: &Path, is_new: bool, case: &str) {
    use RotationStage::{Abandoned, Done, Intended};
    match (stages(ring).as_slice(), is_new) {
        ([Intended, Done], true) | ([] | [Intended, Abandoned], false) => {}
        (other, _) => panic!("{case}: {other:?}"),
    }
    let lying = names(ring);
    assert!(!lying.iter().any(|name| name.ends_with(".new")), "{case}: {lying:?}");
    let has_shares = fs::read(ring.join("unlock")).unwrap()[8] == 3;
    assert_eq!(names(&ring.join("shares")).len(), usize::from(has_shares), "{case}");
}

#[test]
fn killed_anywhere_a_ring_opens_by_the_credential_or_by_the_shares() {
    kill_everywhere(Way::Credential, Way::Shares);
}

#[test]
fn killed_anywhere_a_ring_opens_by_the_shares_or_by_the_credential() {
    kill_everywhere(Way::Shares, Way::Credential);
}
