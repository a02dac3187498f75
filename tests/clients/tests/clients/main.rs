//! Foreign clients against `chancery up`: what openssl, GnuTLS and curl make of what we issue.
//!
//! A program that is not installed is reported by name as skipped, never passed over.

mod above;
mod acme;
mod adopt;
mod bad_input;
mod curl;
mod databases;
mod evidence;
mod gnutls;
mod hierarchy;
mod hsm;
mod inspect;
mod issued;
mod key_move;
mod kms;
mod lifecycle;
mod old_tls;
mod one_server;
mod one_user;
mod outage;
mod reconcile;
mod sandbox;
mod several_users;
mod shares;
mod trace;
mod two_rings;
mod witness;
