//! A policy that demands validation: certifying a name without control of it takes both processes.

use kit::{DAY, Draft, Plan, Ring, dns};
use signer_proto::{
    Digest, Evidence, EvidenceList, Identifier, Positions, RecordValidation, Rule, SignCertificate,
    Socket, ValidationMethod,
};
use va_wire::{Client, Identifier as Named, Method, Outcome, Thumbprint, Validate};

use crate::wire::Authority;
use crate::world::{NAME, World, digest_text, work};

const BANK: &str = "bank.corp.example";

/// A ring whose issuing key demands a record of each name that is an hour old at most.
struct Demanding {
    world: World,
    ring: Ring,
    client: Client,
    _authority: Authority,
}

impl Demanding {
    async fn start() -> Self {
        let world = World::new().await;
        world.zone.texts("_acme-challenge.www.corp.example", &[&[&digest_text()]]);
        let demand = "evidence = [[\"validation\"]]\nvalidation_max_age = \"1h\"";
        let plan = Plan::default().inside().issuing_but("proof_of_possession = false", demand);
        let ring = Ring::start_with(plan);
        let authority = Authority::of(&world, &ring);
        let client = authority.start();
        Self { world, ring, client, _authority: authority }
    }

    async fn validated(&self, work: Validate) -> u64 {
        let outcome = self.client.validate(work).await.unwrap();
        let Outcome::Valid(valid) = outcome else { panic!("{outcome:?}") };
        valid.position
    }

    fn draft(&self, names: &[&str]) -> Draft {
        let mut draft = self.ring.leaf();
        draft.host(names[0]);
        draft.names(names.iter().map(|name| dns(name)).collect());
        draft
    }

    fn order(&self, names: &[&str], positions: &[u64]) -> SignCertificate {
        let evidence = EvidenceList(vec![Evidence::Validation(Positions(positions.to_vec()))]);
        SignCertificate { evidence, ..self.ring.order(&self.draft(names)) }
    }

    /// Refused, and nothing signed.
    fn refuses(&self, order: &SignCertificate, rule: Rule) {
        let signs = self.ring.counts.signs();
        let refusal = self.ring.call(order).unwrap_err();
        assert_eq!((refusal.rule, self.ring.counts.signs()), (rule, signs), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_validated_is_certified() {
    let demanding = Demanding::start().await;
    let position = demanding.validated(work(Method::Dns01)).await;
    demanding.ring.call(&demanding.order(&[NAME], &[position])).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_alone_gets_no_certificate() {
    let demanding = Demanding::start().await;
    let ring = &demanding.ring;
    demanding.refuses(&ring.order(&demanding.draft(&[NAME])), Rule::EvidenceMissing);
    demanding.refuses(&demanding.order(&[NAME], &[]), Rule::ValidationRefused);
    // It cannot say itself that a name was validated.
    let forged = RecordValidation {
        identifier: Identifier::dns(BANK).unwrap(),
        method: ValidationMethod::Dns01,
        account: Digest([7; 32]),
    };
    for socket in [Socket::Issue, Socket::Status, Socket::Admin] {
        let refused = ring.peer(socket).call(&forged);
        let Err(kit::Failure::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.rule, Rule::KindNotPermitted, "{socket}");
    }
    // Nor have the authority say so of what nobody shows.
    let bank = Validate { identifier: Named::Dns(BANK.into()), ..work(Method::Dns01) };
    let outcome = demanding.client.validate(bank).await.unwrap();
    assert!(matches!(outcome, Outcome::Invalid(_)), "{outcome:?}");
    assert_eq!(ring.ledger().count("ValidationRecorded"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_serves_for_its_own_name_alone() {
    let demanding = Demanding::start().await;
    let position = demanding.validated(work(Method::Dns01)).await;
    demanding.refuses(&demanding.order(&[BANK], &[position]), Rule::ValidationRefused);
    demanding.refuses(&demanding.order(&[NAME, BANK], &[position]), Rule::ValidationRefused);
    demanding.refuses(&demanding.order(&["corp.example"], &[position]), Rule::ValidationRefused);
    let above = format!("a.{NAME}");
    demanding.refuses(&demanding.order(&[&above], &[position]), Rule::ValidationRefused);
    for other in [position + 1, position - 1, 0] {
        demanding.refuses(&demanding.order(&[NAME], &[other]), Rule::ValidationRefused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_two_accounts_do_not_add_up() {
    let demanding = Demanding::start().await;
    let own = demanding.validated(work(Method::Dns01)).await;
    // Another account shows its own digest at the other name.
    let other = Validate {
        identifier: Named::Dns(BANK.into()),
        thumbprint: Thumbprint([8; 32]),
        ..work(Method::Dns01)
    };
    let text = format!("{}.{}", other.token, other.thumbprint);
    let digest = x509::sha256(text.as_bytes());
    let digest = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
    demanding.world.zone.texts(&format!("_acme-challenge.{BANK}"), &[&[&digest]]);
    let others = demanding.validated(other).await;
    demanding.refuses(&demanding.order(&[NAME, BANK], &[own, others]), Rule::ValidationRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_record_serves_no_more() {
    let demanding = Demanding::start().await;
    let position = demanding.validated(work(Method::Dns01)).await;
    demanding.ring.clock.pass(3_700);
    demanding.refuses(&demanding.order(&[NAME], &[position]), Rule::ValidationRefused);
    demanding.ring.clock.pass(DAY);
    let again = demanding.validated(work(Method::Dns01)).await;
    demanding.refuses(&demanding.order(&[NAME], &[again, position]), Rule::ValidationRefused);
    demanding.ring.call(&demanding.order(&[NAME], &[again])).unwrap();
}
