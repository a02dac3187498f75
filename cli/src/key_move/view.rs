//! How a move stands: read from the server and the rings.

use anyhow::Context as _;
use ca::ceremony;
use ca::profile::Seconds;
use model::{IssuerName, RingName};
use serde_json::Value;
use x509::{ForeignCertificate, Name, NameSubtree};

use super::Move;
use super::step::{State, Step};
use crate::ca_command::{as_before, certificate, is_external, key_label, path};
use crate::cert::percent;
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::operator::operator_in;
use crate::options::Global;

/// The longest name of an issuer.
const NAME: usize = 63;

/// Both CAs as they are, and what the new one is to be.
pub struct View<'a> {
    pub(super) global: &'a Global,
    pub(super) api: &'a Api,
    /// The CA that is moved.
    pub(super) old: Value,
    /// The CA that takes its place, if the server knows it.
    pub(super) new: Option<Value>,
    /// The CA of this server that signs them, if one does.
    pub(super) parent: Option<Value>,
    /// What the new CA is called.
    pub name: IssuerName,
    /// The ring that is to hold its key.
    pub to: RingName,
    /// Its subject.
    pub subject: String,
    /// The kind of its key.
    pub key: String,
    /// How long it lasts.
    pub(super) validity: Seconds,
    /// What it is constrained to.
    pub(super) constraints: Vec<String>,
    /// The profiles that name the old CA.
    pub profiles: Vec<String>,
    ready: Value,
}

impl<'a> View<'a> {
    /// Reads how everything is.
    pub async fn read(global: &'a Global, api: &'a Api, wanted: &Move) -> Outcome<Self> {
        let issuers = api.get("/api/v1/issuers").await?.json()?;
        let items = issuers["items"].as_array().cloned().unwrap_or_default();
        let find = |name: &str| items.iter().find(|i| i["name"].as_str() == Some(name)).cloned();
        let old = find(wanted.ca.as_str())
            .ok_or_else(|| Failure::NotFound(format!("there is no CA `{}`", wanted.ca)))?;
        let name = match &wanted.name {
            Some(name) => name.clone(),
            None => successor(&wanted.ca, &wanted.to)?,
        };
        let held = certificate(&old)?;
        let profiles = api.get("/api/v1/profiles").await?.json()?;
        let profiles = profiles["items"].as_array().into_iter().flatten();
        let naming =
            profiles.filter(|profile| issuer_of(profile).as_deref() == Some(wanted.ca.as_str()));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            global,
            api,
            new: find(name.as_str()),
            parent: old["parent"].as_str().and_then(find),
            name,
            to: wanted.to.clone(),
            subject: match &wanted.subject {
                Some(subject) => subject.clone(),
                None => next_generation(held.subject())?,
            },
            key: wanted.key.clone().unwrap_or_else(|| kind_of(&held)),
            validity: wanted.validity.unwrap_or_else(|| as_before(&held)),
            constraints: match &wanted.constraints {
                Some(constraints) => constraints.clone(),
                None => constraints_of(&held)?,
            },
            profiles: naming.filter_map(|profile| text(&profile["name"])).collect(),
            ready: api.readiness().await?,
            old,
        })
    }

    /// Refuses what makes no move.
    pub fn check(&self, wanted: &Move) -> Outcome {
        let refuse = |why: String| Err(Failure::Refused(why));
        let old = self.old_name();
        if self.old["kind"].as_str() != Some("issuing") {
            return refuse(format!(
                "{old} is no issuing CA: what stands below a root or an intermediate would have to \
                 be signed again (docs/operate/key-move.md)"
            ));
        }
        if self.old["state"].as_str() == Some("pending") {
            return refuse(format!("{old} has no certificate yet"));
        }
        if self.name == wanted.ca {
            return refuse("the CA with the new key needs another name".into());
        }
        let rings = self.ready["rings"].as_array().into_iter().flatten();
        let names: Vec<&str> = rings.filter_map(|ring| ring["name"].as_str()).collect();
        if !names.contains(&self.to.as_str()) {
            return refuse(format!(
                "the server has no ring `{}`, only: {} (docs/operate/rings.md)",
                self.to,
                names.join(", ")
            ));
        }
        match &self.new {
            Some(new) if new["ring"].as_str() != Some(self.to.as_str()) => refuse(format!(
                "there is a CA `{}` already, and it is in another ring: name the new one with --name",
                self.name
            )),
            Some(new)
                if new["kind"].as_str() != Some("issuing")
                    || new["parent"] != self.old["parent"] =>
            {
                refuse(format!(
                    "there is a CA `{}` already, and it is another kind: --name",
                    self.name
                ))
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of the CA that is moved.
    pub fn old_name(&self) -> &str {
        self.old["name"].as_str().unwrap_or_default()
    }

    /// Returns the name of the CA of this server that signs.
    pub fn parent_name(&self) -> Option<&str> {
        self.parent.as_ref().and_then(|parent| parent["name"].as_str())
    }

    /// Finds out how a step stands.
    pub async fn state_of(&self, step: Step) -> Outcome<State> {
        let done = |is_done: bool| if is_done { State::Done } else { State::ToDo };
        let old = self.old["state"].as_str().unwrap_or_default();
        let new = self.new.as_ref().and_then(|new| new["state"].as_str());
        Ok(match step {
            Step::Wish => done(new.is_some()),
            Step::Key if matches!(new, None | Some("pending")) => {
                self.ask(self.to.as_str(), self.name.as_str(), Question::HasPolicy).await?
            }
            Step::Key => State::Done,
            Step::Sign => done(new.is_some_and(|state| state != "pending")),
            Step::Serve => done(self.is_served()),
            Step::Profiles => done(self.profiles.is_empty()),
            Step::Drain => done(matches!(old, "draining" | "retired")),
            Step::Close => {
                let ring = self.old["ring"].as_str().unwrap_or_default();
                self.ask(ring, &key_label(&self.old)?, Question::IsClosed).await?
            }
            Step::Retire if old == "retired" => State::Done,
            Step::Retire => {
                let end = self.old["not_after"].as_str().unwrap_or_default();
                State::Waits(format!("{end} at the latest"))
            }
        })
    }

    /// Asks a ring; one that is not at hand is no fault of the move.
    async fn ask(&self, ring: &str, label: &str, question: Question) -> Outcome<State> {
        let asked = async {
            let operator = operator_in(self.global, Some(ring))?;
            let answer = match question {
                Question::HasPolicy => ceremony::has_policy(&operator, label).await,
                Question::IsClosed => ceremony::is_closed(&operator, label).await,
            };
            answer.map_err(crate::admin::failure)
        };
        match asked.await {
            Ok(true) => Ok(State::Done),
            Ok(false) => Ok(State::ToDo),
            Err(Failure::Unavailable(why)) => Ok(State::Unknown(why)),
            Err(other) => Err(other),
        }
    }

    /// Says whether relying parties find the new CA's status.
    fn is_served(&self) -> bool {
        let responds = self.new.as_ref().is_some_and(|new| new["responder_not_after"].is_string());
        let mut crls = self.ready["crls"].as_array().into_iter().flatten();
        let fresh = crls.any(|crl| {
            crl["issuer"].as_str() == Some(self.name.as_str())
                && crl["fresh"].as_bool() == Some(true)
        });
        responds && fresh
    }

    /// Says whether somebody else signed the CA that is moved.
    pub(super) fn is_external(&self) -> Outcome<bool> {
        is_external(&self.old)
    }

    /// Reads the profile again and gives its text and revision.
    pub(super) async fn profile(&self, name: &str) -> Outcome<Value> {
        self.api.get(&profile_path(name)).await?.json()
    }

    /// Reads the new CA again.
    pub(super) async fn read_new(&self) -> Outcome<Value> {
        self.api.get(&path(&self.name)).await?.json()
    }
}

/// What is asked of a ring.
#[derive(Clone, Copy)]
enum Question {
    HasPolicy,
    IsClosed,
}

pub(super) fn profile_path(name: &str) -> String {
    format!("/api/v1/profiles/{}", percent(name))
}

/// Reads the issuer that a profile names.
fn issuer_of(profile: &Value) -> Option<String> {
    let body: toml::Table = profile["body"].as_str()?.parse().ok()?;
    body.get("issuer")?.as_str().map(str::to_owned)
}

/// Names the CA that takes the place of another.
fn successor(old: &IssuerName, to: &RingName) -> Outcome<IssuerName> {
    let name = format!("{old}-{to}");
    if name.len() > NAME {
        return Err(Failure::Usage(format!("--name: {name} is too long")));
    }
    Ok(IssuerName::new(name).context("the new CA's name")?)
}

fn kind_of(held: &ForeignCertificate) -> String {
    held.public_key().kind().as_str().to_owned()
}

/// Gives a subject its next generation: two CAs of one name are hard to tell apart.
fn next_generation(subject: &Name) -> Outcome<String> {
    let refuse =
        || Failure::Usage("--subject: the CA's has no common name: give the new one's".into());
    let common =
        subject.common_names().first().map(|name| (*name).to_owned()).ok_or_else(refuse)?;
    let (stem, generation) = match common.rsplit_once(" G") {
        Some((stem, digits)) => match digits.parse::<u32>() {
            Ok(generation) => (stem, generation.saturating_add(1)),
            Err(_) => (common.as_str(), 2),
        },
        None => (common.as_str(), 2),
    };
    let next: String = format!("{stem} G{generation}");
    let attributes: Vec<_> = subject
        .attributes()
        .map(|attribute| {
            let kind = attribute.attribute_type();
            let value =
                if kind == x509::AttributeType::CommonName { &next } else { attribute.value() };
            (kind, value)
        })
        .collect();
    let name = Name::from_attributes(&attributes).context("the new CA's subject")?;
    Ok(name.to_string())
}

/// Reads the constraints of a certificate as `ca create` takes them.
fn constraints_of(held: &ForeignCertificate) -> Outcome<Vec<String>> {
    let Some(constraints) = held.name_constraints() else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = constraints
        .permitted
        .iter()
        .filter_map(|subtree| match subtree {
            NameSubtree::Dns(domain) => Some(domain.clone()),
            NameSubtree::Ip { addr, prefix } => Some(format!("{addr}/{prefix}")),
            _ => None,
        })
        .collect();
    let again = ca::hierarchy::permitted(&names).ok().flatten();
    if again.as_ref() != Some(constraints) {
        return Err(Failure::Usage(
            "--constraints: the name constraints of the old certificate are none that `ca create` \
             makes: give those of the new one"
                .into(),
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_generation_follows_from_the_common_name() {
        for (subject, expected) in [
            ("CN=Issuing CA,O=Corp", "CN=Issuing CA G2,O=Corp"),
            ("CN=Issuing CA G2,O=Corp", "CN=Issuing CA G3,O=Corp"),
            ("CN=Team Green,O=Corp", "CN=Team Green G2,O=Corp"),
        ] {
            let subject = Name::parse_rfc4514(subject).expect("a name");
            let next = next_generation(&subject).expect("a name");
            let expected = Name::parse_rfc4514(expected).expect("a name");
            assert_eq!(Name::parse_rfc4514(&next).expect("a name"), expected);
        }
        let nameless = Name::parse_rfc4514("O=Corp").expect("a name");
        assert_eq!(next_generation(&nameless).expect_err("no common name").code(), 2);
    }

    #[test]
    fn a_profile_names_its_issuer_or_none() {
        let profile = |body: &str| serde_json::json!({ "body": body });
        assert_eq!(issuer_of(&profile("issuer = \"web\"\n")).as_deref(), Some("web"));
        assert_eq!(issuer_of(&profile("version = 1\n")), None);
    }
}
