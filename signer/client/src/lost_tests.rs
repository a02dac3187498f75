//! Connections that break, end or are not there yet: what is repeated, and what is not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use signer_proto::{
    GenerateKey, Health, KeySpec, PolicyText, Purpose, SetPolicy, SignCertificate, Socket,
};

use crate::sample::{certificate, label, report, signed, unavailable, unlock};
use crate::stand_in::{Act, Asked, StandIn};

#[tokio::test]
async fn a_lost_connection_is_made_again_for_a_call_that_may_be_repeated() {
    let signer = StandIn::listen(|batch| match batch[0].connection {
        1 => Act::Close(Vec::new()),
        _ => Act::Write(batch.iter().flat_map(signed).collect()),
    });
    let client = signer.client();
    let answer = client.sign_certificate(&certificate(7)).await.unwrap();
    assert_eq!(answer.signature.as_bytes(), [7]);
    let asked = signer.asked.lock().unwrap();
    let calls: Vec<SignCertificate> = asked.iter().map(Asked::call).collect();
    assert_eq!(calls, [certificate(7), certificate(7)]);
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_not() {
    let signer = StandIn::listen(|_| Act::Close(Vec::new()));
    let client = signer.client();
    let generate = GenerateKey {
        label: label(),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
        warrant: signer_proto::Warrant::none(),
    };
    let policy = SetPolicy {
        key: label(),
        previous: None,
        text: PolicyText(String::new()),
        warrant: signer_proto::Warrant::none(),
    };
    unavailable(client.unlock(&unlock()).await);
    unavailable(client.generate_key(&generate).await);
    unavailable(client.set_policy(&policy).await);
    assert_eq!(signer.count(), 3);
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_given_up() {
    let signer = StandIn::listen(|_| Act::Close(Vec::new()));
    let why = unavailable(signer.client().sign_certificate(&certificate(1)).await);
    assert_eq!(why, "the signer closed the connection");
    assert_eq!(signer.count(), 3);
}

#[tokio::test]
async fn a_call_whose_answer_began_is_not_repeated() {
    let signer = StandIn::listen(|batch| {
        let whole = signed(&batch[0]);
        Act::Close(whole[..whole.len() - 1].to_vec())
    });
    let why = unavailable(signer.client().sign_certificate(&certificate(1)).await);
    assert_eq!(why, "the signer closed the connection");
    assert_eq!(signer.count(), 1);
}

#[tokio::test]
async fn a_signer_that_is_not_there_is_told_at_once_and_found_later() {
    let signer = StandIn::absent();
    let client = signer.client();
    for _ in 0..20 {
        let asking = tokio::time::timeout(Duration::from_secs(2), client.health());
        unavailable(asking.await.unwrap());
    }
    signer.appear(|batch| Act::Write(batch[0].answer(&report(5))));
    let mut answer = client.health().await;
    for _ in 0..50 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = client.health().await;
    }
    assert_eq!(answer, Ok(report(5)));
}

#[tokio::test]
async fn the_last_clone_closes_the_connection() {
    let signer = StandIn::answer(|asked| asked.answer(&report(1)));
    let client = signer.client();
    let clone = client.clone();
    client.health().await.unwrap();
    drop(client);
    clone.health().await.unwrap();
    assert_eq!(signer.closed.load(Ordering::SeqCst), 0);
    drop(clone);
    for _ in 0..100 {
        if signer.closed.load(Ordering::SeqCst) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the connection stayed open");
}

#[test]
fn a_connection_whose_runtime_ended_is_made_again_in_another() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (first, second, signers) = (runtime(), runtime(), runtime());
    let signer = {
        let _guard = signers.enter();
        StandIn::answer(|asked| asked.answer(&report(1)))
    };
    let client = signer.client();
    let call = |runtime: &tokio::runtime::Runtime| {
        let deadline = Duration::from_secs(5);
        runtime.block_on(client.call(Socket::Status, &Health, deadline))
    };
    assert_eq!(call(&first), Ok(report(1)));
    drop(first);
    assert_eq!(call(&second), Ok(report(1)));
    assert_eq!(client.traffic().connects, 2);
}
