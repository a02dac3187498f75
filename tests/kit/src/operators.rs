//! Operators with real keys: `ssh-keygen` makes them and signs with them, security keys by a
//! middleware that is built here.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use signer_proto::{
    Act, Approval, Approvals, FileGiven, OperatorKey, OperatorKeys, Propose, Proposed, Warrant,
};
use tempfile::TempDir;

use crate::{Ring, tool};

/// What operators' signatures are made for.
pub const NAMESPACE: &str = "chancery/quorum/v1";

/// People and their keys. Each is told by a name, which is the comment of the key.
pub struct Operators {
    dir: TempDir,
    keygen: PathBuf,
    founders: Vec<&'static str>,
}

impl Operators {
    /// Makes keys: pairs of a name and a type of `ssh-keygen -t`. None, with a line that says so,
    /// where a tool is missing.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn found(people: &[(&'static str, &str)]) -> Option<Arc<Self>> {
        let keygen = tool("ssh-keygen")?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let founders = people.iter().map(|(name, _)| *name).collect();
        let operators = Self { dir, keygen, founders };
        for (name, kind) in people {
            operators.make(name, kind, name)?;
        }
        Some(Arc::new(operators))
    }

    /// Makes a key in a file of a name, with a comment. None where a tool is missing.
    ///
    /// # Panics
    /// If it cannot.
    pub fn make(&self, file: &str, kind: &str, comment: &str) -> Option<()> {
        let mut command = Command::new(&self.keygen);
        command.args(["-q", "-N", "", "-C", comment]);
        match kind.rsplit_once('-') {
            Some((_, "sk")) => command.args(["-t", kind, "-w"]).arg(middleware()?),
            Some((kind, bits)) => command.args(["-t", kind, "-b", bits]),
            None => command.args(["-t", kind]),
        };
        let made = command.arg("-f").arg(self.dir.path().join(file)).output();
        let made = made.expect("ssh-keygen runs");
        assert!(made.status.success(), "{made:?}");
        Some(())
    }

    /// Returns the line of a public key.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn line(&self, name: &str) -> OperatorKey {
        let file = self.dir.path().join(name).with_extension("pub");
        let line = std::fs::read_to_string(file).expect("the key is there");
        OperatorKey(line.trim_end().to_owned())
    }

    /// Returns the lines of some public keys.
    #[must_use]
    pub fn lines(&self, names: &[&str]) -> OperatorKeys {
        OperatorKeys(names.iter().map(|name| self.line(name)).collect())
    }

    /// Returns the keys that were made first.
    #[must_use]
    pub fn founders(&self) -> OperatorKeys {
        self.lines(&self.founders)
    }

    /// Signs a proposal.
    #[must_use]
    pub fn sign(&self, name: &str, text: &str) -> Approval {
        self.sign_for(name, text, NAMESPACE)
    }

    /// Signs in a namespace.
    ///
    /// # Panics
    /// If `ssh-keygen` does not.
    #[must_use]
    pub fn sign_for(&self, name: &str, text: &str, namespace: &str) -> Approval {
        let mut command = Command::new(&self.keygen);
        command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.dir.path().join(name));
        if let Some(Some(middleware)) = MIDDLEWARE.get() {
            command.env("SSH_SK_PROVIDER", middleware);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keygen = command.spawn().expect("ssh-keygen runs");
        let mut stdin = keygen.stdin.take().expect("it is piped");
        stdin.write_all(text.as_bytes()).expect("it reads");
        drop(stdin);
        let signed = keygen.wait_with_output().expect("it ends");
        assert!(signed.status.success(), "{signed:?}");
        Approval(signed.stdout)
    }

    /// Makes a warrant of a text and the signatures of some over it.
    #[must_use]
    pub fn warrant(&self, proposed: &Proposed, names: &[&str]) -> Warrant {
        let text = &proposed.proposal.0;
        let approvals = names.iter().map(|name| self.sign(name, text)).collect();
        Warrant { proposal: proposed.proposal.clone(), approvals: Approvals(approvals) }
    }
}

static MIDDLEWARE: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Builds the middleware once a process; none where there is no C compiler.
fn middleware() -> Option<&'static Path> {
    let built = MIDDLEWARE.get_or_init(|| {
        let cc = tool("cc")?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sk/sk.c");
        let dir = tempfile::Builder::new().prefix("chancery-sk-").tempdir().ok()?;
        // It stays for the process: other tests sign by it too.
        let library = dir.keep().join("sk.so");
        let mut command = Command::new(cc);
        command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source);
        // The library that ssh-keygen itself is linked with; its headers may be missing.
        let built = command.arg("-l:libcrypto.so.3").output().expect("cc runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Some(library)
    });
    built.as_deref()
}

impl Ring {
    /// Has a proposal written that lives for an hour.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn propose(&self, act: impl Into<Act>) -> Proposed {
        let mut act = act.into();
        if let Act::AdoptKey(call) = &mut act {
            // A proposal has the digest of the file, and not the file.
            call.file = FileGiven(None);
        }
        self.call(&Propose { act, expires_in: 3600 }).expect("a proposal")
    }

    /// Has an act approved by some operators of the plan.
    ///
    /// # Panics
    /// If the plan has none.
    #[must_use]
    pub fn warrant(&self, act: impl Into<Act>, names: &[&str]) -> Warrant {
        self.operators().warrant(&self.propose(act), names)
    }

    /// Returns the operators of the plan.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn operators(&self) -> &Operators {
        self.plan().operators.as_deref().expect("the plan has operators")
    }

    /// Has an act approved by as many founders as it needs; the empty warrant without operators.
    #[must_use]
    pub fn enough(&self, act: impl Into<Act>) -> Warrant {
        let Some(operators) = &self.plan().operators else { return Warrant::none() };
        let proposed = self.propose(act);
        let names = &operators.founders[..usize::from(proposed.needed)];
        operators.warrant(&proposed, names)
    }
}
