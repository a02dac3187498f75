//! instant-acme, a library in Rust: besides issuing, what no other client here does. It rolls its
//! key over and reads back that the server repeats `replaces`.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy, RevocationReason,
    RevocationRequest,
};
use serde_json::json;
use tokio::runtime::Runtime;
use x509::{Certificate, pem};

use super::web;
use super::world::World;

/// The client, with the folder where its web server finds what challenges want.
pub(super) struct Client<'w> {
    pub(super) world: &'w World,
    known: PathBuf,
    pub(super) runtime: Runtime,
}

/// What an order asks for besides names.
#[derive(Default)]
pub(super) struct Wish<'w> {
    profile: Option<&'w str>,
    replaces: Option<CertificateIdentifier<'w>>,
}

impl<'w> Client<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        let known = world.folder("instant");
        web::serve(world.http, &known);
        Self { world, known, runtime: Runtime::new().expect("a runtime") }
    }

    /// Makes an account, perhaps bound to an external one.
    pub(super) async fn register(
        &self,
        directory: String,
        external: Option<&ExternalAccountKey>,
    ) -> (Account, instant_acme::AccountCredentials) {
        let wish = NewAccount {
            contact: &["mailto:a@corp.example"],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = Account::builder_with_root(self.world.stack.root()).expect("a root");
        builder.create(&wish, directory, external).await.expect("an account")
    }

    /// Orders, answers by http-01 and fetches the chain.
    pub(super) async fn issue(
        &self,
        account: &Account,
        (name, file): (&str, &str),
        wish: Wish<'_>,
    ) -> Result<PathBuf, Error> {
        let names = [Identifier::Dns(name.to_owned())];
        let mut wanted = NewOrder::new(&names);
        if let Some(profile) = wish.profile {
            wanted = wanted.profile(profile);
        }
        if let Some(replaces) = wish.replaces {
            wanted = wanted.replaces(replaces);
        }
        let mut order = account.new_order(&wanted).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                // Reused, as chaos has it.
                continue;
            }
            let mut challenge =
                authorization.challenge(ChallengeType::Http01).expect("http-01 is offered");
            let content = challenge.key_authorization().as_str().to_owned();
            fs::write(self.known.join(&challenge.token), content).expect("written");
            challenge.set_ready().await?;
        }
        assert_eq!(order.poll_ready(&RetryPolicy::default()).await?, OrderStatus::Ready);
        let csr = self.world.openssl.request(file, "ec/ec_paramgen_curve:P-256", name);
        let csr = pem::decode_one(&csr, "CERTIFICATE REQUEST").expect("a CSR");
        order.finalize_csr(&csr).await?;
        let chain = order.poll_certificate(&RetryPolicy::default()).await?;
        Ok(self.world.openssl.write(&format!("{file}.pem"), chain))
    }
}

/// Names alone.
pub(super) fn plain() -> Wish<'static> {
    Wish::default()
}

/// The identifier of RFC 9773 §4.1, of the first certificate of a chain.
fn renewal_of(chain: &std::path::Path) -> (String, String) {
    let text = fs::read_to_string(chain).expect("the chain");
    let mut path = pem::decode(&text).expect("PEM").into_iter();
    let mut next = || Certificate::parse(&path.next().expect("a certificate").1).expect("DER");
    let (leaf, issuer) = (next(), next());
    let serial = leaf.tbs().serial;
    let serial = serial.as_bytes();
    let pad: &[u8] = if serial[0] & 0x80 == 0 { &[] } else { &[0] };
    let key = issuer.tbs().public_key.key_identifier();
    (URL_SAFE_NO_PAD.encode(key), URL_SAFE_NO_PAD.encode([pad, serial].concat()))
}

pub(super) fn leaf_of(chain: &std::path::Path) -> Vec<u8> {
    let text = fs::read_to_string(chain).expect("the chain");
    pem::decode(&text).expect("PEM").swap_remove(0).1
}

/// The problem type without its URN, and the status.
fn problem<T>(outcome: Result<T, Error>) -> (String, Option<u16>) {
    match outcome {
        Err(Error::Api(problem)) => {
            let kind = problem.r#type.unwrap_or_default();
            (kind.trim_start_matches("urn:ietf:params:acme:error:").to_owned(), problem.status)
        }
        Err(other) => panic!("no problem document: {other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[test]
fn instant_acme_rolls_its_key_over_and_gives_its_account_up() {
    let Some(world) = World::start() else {
        return;
    };
    let client = Client::new(&world);
    client.runtime.block_on(async {
        let (mut account, old) = client.register(world.directory(), None).await;
        let chain = client.issue(&account, ("a.acme.test", "a"), plain()).await.expect("issued");
        assert!(world.verify(&chain).contains("DNS:a.acme.test"));

        let fresh = account.update_key().await.expect("another key");
        let again = client.issue(&account, ("b.acme.test", "b"), plain()).await.expect("issued");
        world.verify(&again);
        let restore = |credentials| async {
            let builder = Account::builder_with_root(world.stack.root()).expect("a root");
            builder.from_credentials(credentials).await.expect("the directory")
        };
        // The old key is nobody's; the new one is the same account's.
        let left = restore(old).await;
        let refused = client.issue(&left, ("c.acme.test", "c"), plain()).await;
        assert_eq!(problem(refused), ("malformed".to_owned(), Some(400)));
        let account = restore(fresh).await;
        assert_eq!(left.id(), account.id());

        // Revoked by the account's key, under its new key, for what it got under the old one.
        let der = leaf_of(&chain).into();
        let revocation =
            RevocationRequest { certificate: &der, reason: Some(RevocationReason::Superseded) };
        account.revoke(&revocation).await.expect("revoked");
        assert_eq!(world.status("a.acme.test").0, "revoked");
        assert_eq!(
            problem(account.revoke(&revocation).await),
            ("alreadyRevoked".into(), Some(400))
        );

        let given_up = account.clone();
        account.deactivate().await.expect("given up");
        let refused = client.issue(&given_up, ("c.acme.test", "c"), plain()).await;
        assert_eq!(problem(refused), ("unauthorized".to_owned(), Some(401)));
    });
    assert_eq!(world.status("c.acme.test").1, 0, "certified for a key or account that is no more");
}

#[test]
fn instant_acme_renews_by_the_servers_advice_in_a_profile() {
    let Some(world) = World::start() else {
        return;
    };
    let client = Client::new(&world);
    client.runtime.block_on(async {
        let (account, _) = client.register(world.directory(), None).await;
        assert!(account.profiles().any(|profile| profile.name == "acme"), "not in the directory");
        let named = |profile| Wish { profile: Some(profile), replaces: None };
        let chain = client.issue(&account, ("r.acme.test", "r"), named("acme")).await;
        let chain = chain.expect("issued");
        world.verify(&chain);
        let wrong = client.issue(&account, ("r.acme.test", "x"), named("none"));
        assert_eq!(problem(wrong.await), ("invalidProfile".to_owned(), Some(400)));

        let (key, serial) = renewal_of(&chain);
        let id = || CertificateIdentifier {
            authority_key_identifier: key.clone().into(),
            serial: serial.clone().into(),
        };
        let replacing = || Wish { profile: None, replaces: Some(id()) };
        let (before, _) = account.renewal_info(&id()).await.expect("advice");
        let plan = json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" });
        let made = world.stack.api().post("/api/v1/acme/renewal-plans", &plan);
        assert_eq!(made.status, 201, "{}", made.text());
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        let (now, _) = account.renewal_info(&id()).await.expect("advice");
        let begin = |advice: &instant_acme::RenewalInfo| advice.suggested_window.start;
        assert!(begin(&now) < begin(&before), "the plan did not move the window");

        // The library fails if the order does not repeat `replaces` (RFC 9773 §5).
        let renewed = client.issue(&account, ("r.acme.test", "s"), replacing());
        world.verify(&renewed.await.expect("renewed"));
        let twice = client.issue(&account, ("r.acme.test", "t"), replacing());
        assert_eq!(problem(twice.await), ("alreadyReplaced".to_owned(), Some(409)));
    });
    assert_eq!(world.status("r.acme.test").1, 2);
}

#[test]
fn instant_acme_binds_to_an_external_account() {
    let Some(world) = World::start() else {
        return;
    };
    let (kid, secret) = world.external();
    let secret = URL_SAFE_NO_PAD.decode(secret).expect("base64url");
    let client = Client::new(&world);
    let directory = format!("{}/acme/profile/bound/directory", world.stack.https());
    client.runtime.block_on(async {
        let key = ExternalAccountKey::new(kid.clone(), &secret);
        let (account, _) = client.register(directory.clone(), Some(&key)).await;
        let chain = client.issue(&account, ("b.team.test", "team"), plain()).await.expect("issued");
        world.verify(&chain);
        let other = client.issue(&account, ("b.other.test", "other"), plain()).await;
        assert_eq!(problem(other), ("rejectedIdentifier".to_owned(), Some(400)));

        // The key is for one account; a guess at the secret is for none.
        for key in [key, ExternalAccountKey::new(kid, b"a guess at what the secret may be")] {
            let wish = NewAccount {
                contact: &[],
                terms_of_service_agreed: true,
                only_return_existing: false,
            };
            let builder = Account::builder_with_root(world.stack.root()).expect("a root");
            let refused = builder.create(&wish, directory.clone(), Some(&key)).await;
            assert_eq!(problem(refused), ("unauthorized".to_owned(), Some(403)));
        }
    });
    assert_eq!(world.status("b.other.test").1, 0);
}
