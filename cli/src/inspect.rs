//! `chancery inspect`: whose a certificate is that was found somewhere.
//!
//! It asks the signer itself, by admin.sock: the server may be the one that is in question.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{
    Event, InspectSerial, InventoryChunk, KeyDescription, Leaf, ReadJournal, SerialInspection,
    SerialTag, Wire,
};
use x509::{Certificate, ForeignCertificate, PublicKey, TbsCertificateDer};

use crate::exit::{Failure, Outcome};
use crate::options::{Global, read_bytes};
use crate::output;

/// Says whether this signer issued a certificate. Exits with 0 if it did, with 6 if a key of a CA
/// was used elsewhere or the certificate is forged, with 5 if it is somebody else's.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The certificate, PEM or DER
    file: PathBuf,
}

/// What is known of a certificate.
struct Facts {
    /// The key of the ring whose signature it has.
    signed_by: Option<String>,
    /// Whether it names a CA of the ring as its issuer.
    names_ours: bool,
    inspection: SerialInspection,
    /// Whether the journal has it; none if it has no certificate with the serial number.
    journaled: Option<bool>,
    /// Whether the journal has no more of it than serial and end, as it was issued before its CA
    /// was adopted.
    adopted: bool,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// This signer issued it.
    Ours,
    /// A CA's key signed it before the CA was adopted.
    Adopted,
    /// Nothing of it is this ring's.
    Foreign,
    /// The ring is locked, and it is not in the journal: unlock and ask again.
    Unknown,
    /// A CA of the ring is named, and did not sign it.
    Forged,
    /// A CA's key signed it, and not here.
    KeyElsewhere,
    /// A CA's key signed it, with a serial number of this ring, and the journal has not.
    NotJournaled,
    /// Another certificate with this serial number was signed here.
    SecondOfSerial,
}

impl Verdict {
    fn of(facts: &Facts) -> Self {
        match (&facts.signed_by, facts.journaled, facts.inspection.tag) {
            (Some(_), Some(true), _) if facts.adopted => Self::Adopted,
            (Some(_), Some(true), _) => Self::Ours,
            (Some(_), Some(false), _) => Self::SecondOfSerial,
            (Some(signer), None, SerialTag::Minted) => {
                let minted_for = facts.inspection.minted_for.as_ref();
                match minted_for.is_some_and(|key| key.as_str() == signer) {
                    true => Self::NotJournaled,
                    false => Self::KeyElsewhere,
                }
            }
            (Some(_), None, SerialTag::NotMinted) => Self::KeyElsewhere,
            (Some(_), None, SerialTag::Unchecked) => Self::Unknown,
            (None, _, _) if facts.names_ours => Self::Forged,
            (None, _, _) => Self::Foreign,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "issued-here",
            Self::Adopted => "issued-before",
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
            Self::Forged => "forged",
            Self::KeyElsewhere => "key-used-elsewhere",
            Self::NotJournaled => "not-journaled",
            Self::SecondOfSerial => "second-of-serial",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Ours => "this signer issued it: the journal has it, octet by octet",
            Self::Adopted => {
                "a CA's key of this ring signed it before the CA was adopted: the journal has its \
                 serial number and its end"
            }
            Self::Foreign => "it is somebody else's: no key of this ring signed it",
            Self::Unknown => {
                "a key of this ring signed it, and the journal does not have it; the ring is \
                 locked, so the serial number's tag cannot be checked: unlock it and ask again"
            }
            Self::Forged => {
                "FORGED: it names a CA of this ring as its issuer, and no key of the ring signed it"
            }
            Self::KeyElsewhere => {
                "ALARM: a CA's key of this ring signed it, with a serial number that this signer \
                 never minted: the key was used elsewhere. See docs/operate/compromise.md"
            }
            Self::NotJournaled => {
                "ALARM: a CA's key of this ring signed it, with a serial number of this signer, and \
                 the journal does not have it: the key was used elsewhere, or the journal lost \
                 its end. See docs/operate/compromise.md"
            }
            Self::SecondOfSerial => {
                "ALARM: a CA's key of this ring signed it, and the journal has another certificate \
                 with this serial number: the key was used elsewhere. See \
                 docs/operate/compromise.md"
            }
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Ours | Self::Adopted => Ok(()),
            Self::Foreign => Err(Failure::NotFound(self.words().to_owned())),
            Self::Unknown => Err(Failure::Unavailable(self.words().to_owned())),
            Self::Forged | Self::KeyElsewhere | Self::NotJournaled | Self::SecondOfSerial => {
                Err(Failure::Findings(self.words().to_owned()))
            }
        }
    }
}

impl Inspect {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let octets = read_bytes(&self.file, "the certificate")?;
        let found = parse(&octets)?;
        let admin = crate::admin::connect(&global.run_dir()?)?;
        let facts = facts(&admin, &found).await?;
        let verdict = Verdict::of(&facts);
        show(global, &found, &facts, verdict)?;
        verdict.outcome()
    }
}

fn parse(octets: &[u8]) -> Outcome<ForeignCertificate> {
    let bad = |why: String| Failure::Usage(format!("that is no certificate: {why}"));
    match std::str::from_utf8(octets) {
        Ok(text) if text.contains("-----BEGIN") => {
            ForeignCertificate::from_pem(text).map_err(|error| bad(error.to_string()))
        }
        _ => ForeignCertificate::parse(octets).map_err(|error| bad(error.to_string())),
    }
}

async fn facts(admin: &SignerClient, found: &ForeignCertificate) -> Outcome<Facts> {
    let keys = admin.describe().await?.keys.0;
    let authorities: Vec<&KeyDescription> =
        keys.iter().filter(|key| key.purpose.is_authority()).collect();
    let signed_by = authorities.iter().find(|key| signed(found, key));
    let signed_by = signed_by.map(|key| key.label.to_string());
    let mut names_ours = false;
    for key in authorities.iter().filter(|key| key.policy.is_some()) {
        names_ours |= names(admin, key, found).await?;
    }
    let inspection = match found.serial() {
        Some(serial) => admin.inspect_serial(&InspectSerial { serial }).await?,
        // This signer mints no such serial number, and issues none.
        None => SerialInspection { tag: SerialTag::NotMinted, minted_for: None, issued: None },
    };
    let (mut adopted, mut equals) = (false, None);
    if let Some(issued) = &inspection.issued {
        equals = Some(match journaled(admin, issued.position).await? {
            Journaled::Signed(signed) => Certificate::parse(found.raw().as_bytes())
                .is_ok_and(|certificate| *certificate.tbs_der() == signed),
            Journaled::Adopted(chunk) => {
                adopted = true;
                let old = chunk.certificates.0.iter();
                let mut old = old.filter(|old| Some(old.serial) == found.serial());
                old.any(|old| old.not_after == found.not_after())
            }
        });
    }
    Ok(Facts { signed_by, names_ours, inspection, journaled: equals, adopted })
}

fn signed(found: &ForeignCertificate, key: &KeyDescription) -> bool {
    let public = key.spki.as_ref().and_then(|spki| PublicKey::parse(spki.as_bytes()).ok());
    public.is_some_and(|public| matches!(found.verify_by(&public), Some(Ok(()))))
}

/// Says whether a certificate names the CA of a key as its issuer.
async fn names(
    admin: &SignerClient,
    key: &KeyDescription,
    found: &ForeignCertificate,
) -> Outcome<bool> {
    use base64::Engine as _;
    let call = signer_proto::ReadPolicy { key: key.label.clone() };
    let text = admin.read_policy(&call).await?.text.0;
    let policy: Option<toml::Table> = text.parse().ok();
    let issuer = policy.as_ref().and_then(|policy| policy.get("issuer")?.as_str());
    let issuer =
        issuer.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    Ok(issuer.is_some_and(|issuer| issuer == found.issuer().der().as_bytes()))
}

/// What a leaf has of a certificate.
enum Journaled {
    Signed(TbsCertificateDer),
    Adopted(InventoryChunk),
}

/// Reads what was signed at a position.
async fn journaled(admin: &SignerClient, position: u64) -> Outcome<Journaled> {
    let slice = admin.read_journal(&ReadJournal { from: position, limit: 1 }).await?;
    let broken = || Failure::Other(anyhow::anyhow!("the leaf at {position} is no certificate's"));
    let leaf = slice.leaves.0.first().ok_or_else(broken)?;
    match Leaf::from_wire(&leaf.0).map_err(|_| broken())?.event {
        Event::CertificateSigned(event) => Ok(Journaled::Signed(event.tbs)),
        Event::AuthoritySigned(event) => Ok(Journaled::Signed(event.tbs)),
        Event::InventoryImported(event) => Ok(Journaled::Adopted(event.chunk)),
        _ => Err(broken()),
    }
}

fn show(global: &Global, found: &ForeignCertificate, facts: &Facts, verdict: Verdict) -> Outcome {
    let issued = facts.inspection.issued.as_ref();
    let change = issued.and_then(|issued| issued.change.as_ref());
    let status = match (verdict, change) {
        (Verdict::Ours | Verdict::Adopted, None) => Some("good".to_owned()),
        (Verdict::Ours | Verdict::Adopted, Some(change)) => {
            Some(format!("{} since {}", change.status, change.at))
        }
        _ => None,
    };
    let answer = json!({
        "verdict": verdict.name(),
        "meaning": verdict.words(),
        "subject": found.subject().to_string(),
        "issuer": found.issuer().to_string(),
        "serial": hex::encode(found.serial_octets()),
        "serial_tag": facts.inspection.tag.as_str(),
        "minted_for": facts.inspection.minted_for.as_ref().map(ToString::to_string),
        "signed_by": facts.signed_by,
        "issued_by": issued.map(|issued| issued.key.to_string()),
        "position": issued.map(|issued| issued.position),
        "equals_journal": facts.journaled,
        "status": status,
    });
    if global.json {
        return output::json(&answer);
    }
    output::fields(
        &answer,
        &[
            "verdict",
            "subject",
            "issuer",
            "serial",
            "serial_tag",
            "minted_for",
            "signed_by",
            "issued_by",
            "position",
            "equals_journal",
            "status",
            "meaning",
        ],
    )
}

#[cfg(test)]
mod tests {
    use signer_proto::{IssuedSerial, KeyLabel};

    use super::*;

    fn facts(signed: bool, ours: bool, tag: SerialTag, journaled: Option<bool>) -> Facts {
        let key = KeyLabel::new("issuing").expect("a label");
        let issued =
            journaled.map(|_| IssuedSerial { key: key.clone(), position: 7, change: None });
        let minted_for = (tag == SerialTag::Minted).then_some(key);
        Facts {
            signed_by: signed.then(|| "issuing".to_owned()),
            names_ours: ours,
            inspection: SerialInspection { tag, minted_for, issued },
            journaled,
            adopted: false,
        }
    }

    #[test]
    fn every_case_has_its_verdict() {
        use SerialTag::{Minted, NotMinted, Unchecked};
        for (signed, ours, tag, journaled, expected) in [
            (true, true, Minted, Some(true), Verdict::Ours),
            // Locked, and known all the same.
            (true, true, Unchecked, Some(true), Verdict::Ours),
            (true, true, Minted, Some(false), Verdict::SecondOfSerial),
            (true, true, Minted, None, Verdict::NotJournaled),
            (true, true, NotMinted, None, Verdict::KeyElsewhere),
            (true, true, Unchecked, None, Verdict::Unknown),
            (false, true, Minted, Some(false), Verdict::Forged),
            (false, true, NotMinted, None, Verdict::Forged),
            (false, false, NotMinted, None, Verdict::Foreign),
            (false, false, Unchecked, None, Verdict::Foreign),
        ] {
            assert_eq!(Verdict::of(&facts(signed, ours, tag, journaled)), expected);
        }
        // Of before the adoption; another end than the one that was adopted.
        let mut old = facts(true, true, NotMinted, Some(true));
        old.adopted = true;
        assert_eq!(Verdict::of(&old), Verdict::Adopted);
        old.journaled = Some(false);
        assert_eq!(Verdict::of(&old), Verdict::SecondOfSerial);
        // Minted for another key than the one that signed.
        let mut other = facts(true, true, Minted, None);
        other.signed_by = Some("root".to_owned());
        assert_eq!(Verdict::of(&other), Verdict::KeyElsewhere);
    }

    #[test]
    fn alarms_have_an_exit_code_of_their_own() {
        let code = |verdict: Verdict| verdict.outcome().err().map_or(0, |failure| failure.code());
        assert_eq!(code(Verdict::Ours), 0);
        assert_eq!(code(Verdict::Foreign), 5);
        assert_eq!(code(Verdict::Unknown), 4);
        for alarm in
            [Verdict::Forged, Verdict::KeyElsewhere, Verdict::NotJournaled, Verdict::SecondOfSerial]
        {
            assert_eq!(code(alarm), 6);
        }
    }
}
