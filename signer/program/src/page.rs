//! A leaf as people read it.

use serde_json::{Map, Value, json};
use signer_proto::{Digest, Event, KeySource, Leaf, Warrant};
use signer_quorum::{SshSignature, warrant_of};
use x509::{TbsCertificate, TbsCertificateDer, UnixTime};

/// Shows a leaf as one line: position, time, type, then `name=value` pairs.
pub(crate) fn line(position: u64, leaf: &Leaf) -> String {
    let mut line = format!("{position:>8}  {}  {:<18}", leaf.at(), leaf.event.name());
    for (name, value) in fields(&leaf.event) {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        // Details come from outside: nothing of them may move the cursor.
        let value: String =
            value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

/// Shows a leaf as a JSON object.
pub(crate) fn json(position: u64, leaf: &Leaf) -> Value {
    let mut object = Map::new();
    object.insert("position".to_owned(), json!(position));
    object.insert("at".to_owned(), json!(leaf.at().to_string()));
    object.insert("at_ms".to_owned(), json!(leaf.at_ms));
    object.insert("type".to_owned(), json!(leaf.event.name()));
    for (name, value) in fields(&leaf.event) {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

type Fields = Vec<(&'static str, Value)>;

fn fields(event: &Event) -> Fields {
    let mut fields = own_fields(event);
    if let Some(warrant) = warrant_of(event).filter(|warrant| !warrant.is_none()) {
        fields.push(("approved_by", json!(approvers(warrant))));
    }
    fields
}

/// The keys that signed, which the replay verified; a security key was touched.
fn approvers(warrant: &Warrant) -> Vec<String> {
    let signatures = warrant.approvals.0.iter();
    let read = signatures.filter_map(|approval| SshSignature::parse(&approval.0).ok());
    read.map(|signature| {
        let touched = if signature.key().is_security_key() { " (touched)" } else { "" };
        format!("{}{touched}", signature.key().fingerprint())
    })
    .collect()
}

fn own_fields(event: &Event) -> Fields {
    match event {
        Event::Genesis(e) => vec![
            ("instance", json!(e.instance.to_string())),
            ("serial_prefix", json!(e.serial_prefix)),
            ("operators", json!(e.operators.0.len())),
            ("made_by", json!(e.made_by.0)),
        ],
        Event::Opened(e) => vec![
            ("version", json!(e.version.0)),
            ("cut", json!(e.cut)),
            ("report", json!(e.report.0)),
        ],
        Event::UnlockRotated(e) => vec![
            ("stage", json!(e.stage.as_str())),
            ("opened_by", json!(e.opened_by.as_str())),
            ("needed", json!(e.needed)),
            ("shares", json!(e.shares)),
            ("unlock", json!(e.unlock.to_string())),
        ],
        Event::UnlockAttempt(e) => vec![("opened", json!(e.opened)), ("failed", json!(e.failed))],
        Event::KeyGenerated(e) => vec![
            ("key", json!(e.id.to_string())),
            ("label", json!(e.label.as_str())),
            ("purpose", json!(e.purpose.as_str())),
            ("spec", json!(e.spec.as_str())),
        ],
        Event::KeyAdopted(e) => vec![
            ("key", json!(e.id.to_string())),
            ("label", json!(e.label.as_str())),
            ("purpose", json!(e.purpose.as_str())),
            ("spec", json!(e.spec.as_str())),
            (
                "location",
                match &e.source {
                    KeySource::Location(location) => json!(location.as_str()),
                    KeySource::File(_) => json!(null),
                },
            ),
            ("imported", json!(e.imported)),
            ("certificate", json!(digest(e.certificate.as_bytes()))),
            ("crl_number", json!(e.crl_number)),
            ("inventory", json!(e.inventory.certificates)),
        ],
        Event::InventoryImported(e) => vec![
            ("key", json!(e.key.to_string())),
            ("certificates", json!(e.chunk.certificates.0.len())),
        ],
        Event::PolicySet(e) => vec![
            ("key", json!(e.key.to_string())),
            ("version", json!(e.version)),
            ("digest", json!(digest(e.text.0.as_bytes()))),
        ],
        Event::CertificateSigned(e) => {
            let mut fields = certificate(&e.tbs);
            fields.insert(0, ("key", json!(e.key.to_string())));
            fields.push(("policy", json!(e.policy.to_string())));
            fields.push(("profile", json!(e.profile.to_string())));
            fields.push(("evidence", json!(e.evidence.0.len())));
            fields
        }
        Event::AuthoritySigned(e) => {
            let mut fields = certificate(&e.tbs);
            fields.insert(0, ("key", json!(e.key.to_string())));
            fields.push(("policy", json!(e.policy.to_string())));
            fields
        }
        other => operator_fields(other).unwrap_or_else(|| status_fields(other)),
    }
}

fn operator_fields(event: &Event) -> Option<Fields> {
    Some(match event {
        Event::OperatorsSet(e) => vec![
            ("version", json!(e.version)),
            ("operators", json!(e.operators.0.len())),
            ("threshold", json!(e.thresholds.default)),
        ],
        Event::KeyStateSet(e) => vec![
            ("key", json!(e.key.to_string())),
            ("from", json!(e.from.as_str())),
            ("to", json!(e.to.as_str())),
        ],
        Event::IssuanceFrozen(e) => {
            vec![("frozen", json!(e.frozen)), ("reason", json!(e.reason.0))]
        }
        Event::SignIntended(e) => {
            vec![("key", json!(e.key.to_string())), ("tbs_digest", json!(e.tbs_digest.to_string()))]
        }
        Event::AuditAnchored(e) => {
            vec![("through", json!(e.through)), ("digest", json!(e.digest.to_string()))]
        }
        Event::CeremonyRecorded(e) => vec![
            ("plan", json!(e.plan.to_string())),
            ("transcript", json!(digest(e.transcript.0.as_bytes()))),
        ],
        Event::GapAccepted(e) => vec![
            ("seen_size", json!(e.seen_size)),
            ("seen_root", json!(e.seen_root.to_string())),
            ("serial_prefix", json!(e.serial_prefix)),
        ],
        Event::Promoted(e) => {
            vec![("serial_prefix", json!(e.serial_prefix)), ("fence", json!(e.fence.0))]
        }
        Event::RingFollowed(e) => vec![("genesis", json!(digest(&e.genesis.0)))],
        Event::FollowedRead(e) => vec![
            ("instance", json!(e.instance.to_string())),
            ("size", json!(e.size)),
            ("root", json!(e.root.to_string())),
        ],
        _ => return None,
    })
}

fn status_fields(event: &Event) -> Fields {
    match event {
        Event::RequestSigned(e) => {
            vec![("key", json!(e.key.to_string())), ("request", json!(digest(e.info.as_bytes())))]
        }
        Event::RevocationChanged(e) => vec![
            ("key", json!(e.key.to_string())),
            ("serial", json!(e.serial.to_hex())),
            ("status", json!(e.status.as_str())),
            ("reason", json!(e.reason.as_str())),
            ("invalidity", json!(e.invalidity.map(|at| at.to_string()))),
        ],
        Event::CrlSigned(e) => vec![
            ("key", json!(e.key.to_string())),
            ("number", json!(e.number)),
            ("this_update", time(e.this_update)),
            ("next_update", time(e.next_update)),
            ("revocations", json!(e.revocations)),
            ("tbs_digest", json!(e.tbs_digest.to_string())),
        ],
        Event::OcspSigned(e) => vec![
            ("responder", json!(e.responder.to_string())),
            ("issuer", json!(e.issuer.to_string())),
            ("count", json!(e.count)),
            ("this_update", time(e.this_update)),
            ("next_update", time(e.next_update)),
            ("revocations", json!(e.revocations)),
            ("root", json!(e.root.to_string())),
        ],
        Event::HandshakesSigned(e) => vec![
            ("key", json!(e.key.to_string())),
            ("count", json!(e.count)),
            ("root", json!(e.root.to_string())),
        ],
        Event::Refused(e) => vec![
            ("socket", json!(e.socket)),
            ("uid", json!(e.uid)),
            ("kind", json!(e.kind)),
            ("rule", json!(e.rule.as_str())),
            ("count", json!(e.count)),
            ("detail", json!(e.detail.0)),
        ],
        _ => Vec::new(),
    }
}

fn certificate(tbs: &TbsCertificateDer) -> Fields {
    match TbsCertificate::parse(tbs.as_bytes()) {
        Ok(tbs) => vec![
            ("serial", json!(tbs.serial.to_hex())),
            ("subject", json!(tbs.subject.to_string())),
            ("not_before", time(tbs.not_before)),
            ("not_after", time(tbs.not_after)),
        ],
        Err(error) => vec![("tbs", json!(format!("unreadable: {error}")))],
    }
}

fn time(at: UnixTime) -> Value {
    json!(at.to_string())
}

fn digest(bytes: &[u8]) -> String {
    Digest(x509::sha256(bytes)).to_string()
}

#[cfg(test)]
mod tests {
    use signer_proto::{
        Approval, Approvals, Detail, IssuanceFrozen, Proposal, Reason, Refused, Rule,
    };

    use super::*;

    fn refused(detail: &str) -> Leaf {
        Leaf {
            at_ms: 1_795_392_000_999,
            event: Event::Refused(Refused {
                socket: 1,
                uid: 1000,
                kind: 17,
                rule: Rule::SerialUsed,
                count: 3,
                detail: Detail(detail.to_owned()),
            }),
        }
    }

    #[test]
    fn a_line_names_what_happened_and_hides_control_characters() {
        let line = line(7, &refused("a\u{1b}[2Jb\nc"));
        assert_eq!(
            line,
            "       7  2026-11-23T00:00:00Z  Refused            socket=1 uid=1000 kind=17 \
             rule=serial-used count=3 detail=a\u{fffd}[2Jb\u{fffd}c"
        );
    }

    #[test]
    fn a_leaf_of_an_act_names_who_approved() {
        let signed = include_bytes!("../../quorum/tests/data/ed25519-sk.sig").to_vec();
        let approvals = Approvals(vec![Approval(signed)]);
        let leaf = Leaf {
            at_ms: 0,
            event: Event::IssuanceFrozen(IssuanceFrozen {
                frozen: true,
                reason: Reason("odd".to_owned()),
                warrant: Warrant { proposal: Proposal("text".to_owned()), approvals },
            }),
        };
        let by = "SHA256:/wwsKJzl1bUtikuk8EgFNwgSM3Wm+qsNvhfsT3X38wk (touched)";
        assert_eq!(json(7, &leaf)["approved_by"], json!([by]));
        assert!(line(7, &leaf).contains(by));
    }

    #[test]
    fn an_object_has_the_same_fields() {
        let object = json(7, &refused("why"));
        assert_eq!(object["position"], 7);
        assert_eq!(object["type"], "Refused");
        assert_eq!(object["rule"], "serial-used");
        assert_eq!(object["at_ms"], 1_795_392_000_999i64);
    }
}
