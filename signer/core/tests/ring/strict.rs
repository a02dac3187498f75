//! Strict mode: a ring stays locked while an item of the self-check fails.

use std::sync::Arc;

use keystore::NewFactor;
use keystore_file::FileVault;
use signer::{DriverFamily, Environment, HeldRing, NewRing, Start};
use signer_proto::{OperatorKeys, Rule, SignerState};
use zeroize::Zeroizing;

use super::workshop::CREDENTIAL;

#[test]
fn refuses_to_unlock_while_an_item_of_the_self_check_fails() {
    let dir = tempfile::tempdir().unwrap();
    let ring = dir.path().join("ring");
    let new = NewRing {
        driver: DriverFamily::File,
        server_uids: vec![1],
        va_uids: vec![],
        admin_uids: vec![1],
        server_gid: None,
        admin_gid: None,
        operators: OperatorKeys(vec![]),
        threshold: 0,
        made_by: "test".to_owned(),
    };
    let factor = NewFactor::Credential(Zeroizing::new(CREDENTIAL.to_vec()));
    let environment = Environment::system();
    let founder =
        |dir: &std::path::Path| -> Box<dyn keystore::Founder> { Box::new(FileVault::at(dir)) };
    signer::create(&ring, &new, &factor, founder, &environment).unwrap();
    for why in [Some("strict mode: memory: 8 MiB"), None] {
        let vault = Arc::new(FileVault::at(&ring));
        let held = HeldRing::take(&ring).unwrap().replay(vault, environment.clone()).unwrap();
        if let Some(why) = why {
            held.forbid_unlock(why.to_owned());
        }
        let start = Start { version: "test".to_owned(), report: String::new() };
        let signer = held.start(&start).unwrap();
        let outcome = signer.unlock(Zeroizing::new(CREDENTIAL.to_vec()));
        match why {
            Some(why) => {
                let refusal = outcome.unwrap_err();
                assert_eq!((refusal.rule, refusal.detail.as_str()), (Rule::SelfCheckFailed, why));
                assert_eq!(signer.health().state, SignerState::Locked);
                assert_eq!(signer.health().position, 2, "genesis and the start, no attempt");
            }
            None => {
                assert_eq!(outcome, Ok(()));
                assert_eq!(signer.health().state, SignerState::Ready);
            }
        }
    }
}
