//! The ACME server over real HTTP, with the real signer core and the real SQL; the validator is a
//! small one that really fetches http-01.

mod bench;
mod client;
mod hang_up;
mod issuing;
mod lifecycle;
mod recovery;
mod refusals;
mod validator;
