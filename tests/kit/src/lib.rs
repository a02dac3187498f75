//! Starts the real signer core, or the real stack, for tests.
//!
//! There is no mock: a [`Ring`] is the signer core in this process, over real sockets, with a
//! file driver that only counts what it is asked; a `Stack` is `chancery up`.

mod account;
mod attack;
mod clock;
mod counting;
pub mod der;
mod draft;
mod inside;
mod ledger;
mod old_ca;
mod operators;
mod outside;
mod peer;
mod plan;
mod process;
mod programs;
mod ring;
mod running;
mod skip;
#[cfg(feature = "stack")]
mod stack;
mod subject;
mod token;
mod verdict;

pub use account::Account;
pub use attack::{Assault, Attack};
pub use clock::KitClock;
pub use counting::{Counts, Misdeed};
pub use draft::{DAY, Draft, dns, email, name, time};
pub use inside::Pending;
pub use ledger::Ledger;
pub use old_ca::{OLD, OldCa, PASSPHRASE, chunks, given};
pub use operators::{NAMESPACE, Operators};
pub use outside::INIT;
pub use peer::{Answered, Failure, Frame, RawPeer, frame};
pub use plan::{ISSUING, ISSUING_NAME, OTHER, OTHER_NAME, Plan, RESPONDER, ROOT, ROOT_NAME};
pub use process::Process;
pub use programs::program;
pub use ring::{CREDENTIAL, Ring, TbsBytes, assemble, label, uid};
pub use skip::{opt_in, skip, tool};
#[cfg(feature = "stack")]
pub use stack::*;
pub use subject::SubjectKey;
pub use token::{PIN, Tokens};
