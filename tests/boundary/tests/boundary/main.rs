//! Attacks on the signer's sockets, by somebody who runs code as the server.
//!
//! Each test is named after what it tries. `kit::Attack::assert_refused` holds what must hold
//! after every one of them: a typed refusal, no signature in the answer, no call of the driver,
//! the refusal in the journal and nothing signed there, and the next honest request succeeds.

/// One test for each way to bend an honest leaf, which [`kit::ISSUING`] is then asked to sign.
macro_rules! refuses_leaf {
    ($($name:ident => $rule:ident, |$ring:ident, $draft:ident| $bend:expr;)*) => {$(
        #[test]
        fn $name() {
            let $ring = &kit::Ring::start();
            let mut $draft = $ring.leaf();
            $bend;
            let order = $ring.order(&$draft);
            $ring
                .attack(signer_proto::Socket::Issue, &order)
                .assert_refused(signer_proto::Rule::$rule);
        }
    )*};
}

/// One test for each way to bend the bytes of an honest leaf.
macro_rules! refuses_bytes {
    ($($name:ident => $rule:ident, |$der:ident| $bend:expr;)*) => {$(
        #[test]
        fn $name() {
            let ring = kit::Ring::start();
            let $der: Vec<u8> = ring.leaf().der();
            let bent: Vec<u8> = $bend;
            let order = ring.order_der(bent);
            ring
                .attack(signer_proto::Socket::Issue, &order)
                .assert_refused(signer_proto::Rule::$rule);
        }
    )*};
}

mod adoption;
mod authority;
mod budgets;
mod clock;
mod der;
mod driver;
mod evidence;
mod fields;
mod frame;
mod handshakes;
mod journal;
mod key_files;
mod keys;
mod leaks;
mod load;
mod log;
mod names;
mod oracles;
mod page;
mod permit;
mod policy;
mod proofs;
mod purpose;
mod quorum;
mod revocation;
mod serials;
mod status;
mod strangers;
mod tripwires;
mod two_uids;
