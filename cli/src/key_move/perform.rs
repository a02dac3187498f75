//! Doing the steps of a move: by the server, and by admin.sock of both rings.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use ca::ceremony::{self, Across, Executed, Parent};
use ca::hierarchy::CaRequest;
use http::Method;
use serde_json::{Map, Value, json};
use signer_proto::KeyLabel;
use x509::{UnixTime, pem};

use super::Move;
use super::step::Step;
use super::view::{View, profile_path};
use crate::admin::failure;
use crate::ca_command::{Import, key_label, parent_in, path, urls};
use crate::exit::{Failure, Outcome};
use crate::operator::operator_in;
use crate::options::Global;
use crate::up::write_private;

/// How long the server may take to learn from the journals, and to make CRL and responder.
const PATIENCE: u32 = 300;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

impl View<'_> {
    /// Does a step.
    pub async fn perform(&self, step: Step, wanted: &Move) -> Outcome {
        match step {
            Step::Wish => self.wish().await,
            Step::Key => self.make_key().await,
            Step::Sign if self.parent.is_some() => self.sign().await,
            Step::Sign => self.sign_elsewhere(wanted).await,
            Step::Serve => self.await_status(wanted).await,
            Step::Profiles => self.turn_profiles().await,
            Step::Drain => {
                let to = format!("/api/v1/issuers/{}/retire", self.old_name());
                self.api.send(Method::POST, &to, &json!({})).await.map(drop)
            }
            Step::Close => {
                let ring = self.old["ring"].as_str().unwrap_or_default();
                let operator = operator_in(self.global, Some(ring))?;
                ceremony::close(&operator, &key_label(&self.old)?).await.map_err(failure)
            }
            // The server's.
            Step::Retire => Ok(()),
        }
    }

    async fn wish(&self) -> Outcome {
        if self.parent.is_none() && !self.is_external()? {
            return Err(Failure::Refused(format!(
                "nobody that this server knows signs {}: it cannot have a successor",
                self.old_name()
            )));
        }
        let mut body = Map::new();
        body.insert("name".into(), json!(self.name.as_str()));
        body.insert("kind".into(), json!("issuing"));
        body.insert("ring".into(), json!(self.to.as_str()));
        body.insert("subject".into(), json!(self.subject));
        body.insert("key".into(), json!(self.key));
        body.insert("validity".into(), json!(self.validity.to_string()));
        body.insert("constraints".into(), json!(self.constraints));
        if let Some(parent) = self.parent_name() {
            body.insert("parent".into(), json!(parent));
        }
        self.api.send(Method::POST, "/api/v1/issuers", &Value::Object(body)).await.map(drop)
    }

    /// Reads the wish that the server has: it may be of an earlier run.
    fn request(&self) -> Outcome<CaRequest> {
        let wish = self.new.as_ref().and_then(|new| new["wish"].as_str());
        let wish = wish.context("the server has no wish for the new CA any more")?;
        Ok(CaRequest::parse(wish).context("read the wish")?)
    }

    async fn make_key(&self) -> Outcome {
        let request = self.request()?;
        let planned = crate::up::now()?.plus_seconds(request.validity.0 - 1);
        let above = self.parent.as_ref().and_then(|parent| parent["not_after"].as_str());
        let above = above.map(UnixTime::parse_rfc3339).transpose().context("the parent's end")?;
        let old = operator_in(self.global, self.old["ring"].as_str())?;
        let new = operator_in(self.global, Some(self.to.as_str()))?;
        let label = key_label(&self.old)?;
        let end = above.map_or(planned, |above| planned.min(above));
        ceremony::succeed((&old, &label), &new, &request, end).await.map_err(failure)
    }

    /// By a CA of this server, in whichever ring that is.
    async fn sign(&self) -> Outcome {
        let request = self.request()?;
        let above = self.parent.as_ref().context("a CA above")?;
        let parent: Parent = parent_in(above)?;
        let (urls, now) = (urls(self.global)?, crate::up::now()?);
        let key = operator_in(self.global, Some(self.to.as_str()))?;
        if above["ring"].as_str() == Some(self.to.as_str()) {
            let made = ceremony::execute(&key, &request, Some(&parent), &urls, now).await;
            made.map_err(failure)?;
        } else {
            let rings =
                Across { key: &key, parent: &operator_in(self.global, above["ring"].as_str())? };
            let made = ceremony::execute_across(rings, &request, &parent, &urls, now).await;
            made.map_err(failure)?;
        }
        self.await_new("its certificate", |new| new["state"].as_str() == Some("active")).await
    }

    /// By somebody else: a file goes each way.
    async fn sign_elsewhere(&self, wanted: &Move) -> Outcome {
        let name = &self.name;
        let Some(directory) = &wanted.exchange else {
            return Err(Failure::Usage(format!(
                "--exchange: somebody else signs {}: name a directory for the request and the \
                 certificate of {name}",
                self.old_name()
            )));
        };
        let file = |ending: &str| directory.join(format!("{name}.{ending}"));
        let certificate = file("pem");
        if certificate.exists() {
            let import = Import {
                name: name.clone(),
                certificate,
                chain: None,
                accept_deviations: wanted.accept_deviations,
            };
            import.take(self.global, self.api).await?;
            return self
                .await_new("its certificate", |new| new["state"].as_str() == Some("active"))
                .await;
        }
        std::fs::create_dir_all(directory)?;
        self.write_requests(&file("csr"), &file("request")).await?;
        Err(Failure::Waiting(format!(
            "have {} signed as {} was; for a Chancery root that is offline, {} goes on its media and \
             `chancery ceremony response` writes what it answers. Put the certificate, and after it \
             those above, root last, into {} and run this again",
            file("csr").display(),
            self.old_name(),
            file("request").display(),
            certificate.display()
        )))
    }

    async fn write_requests(&self, csr: &Path, request: &Path) -> Outcome {
        if self.new.as_ref().is_some_and(|new| new["wish"].is_string()) {
            let admin = operator_in(self.global, Some(self.to.as_str()))?;
            let (urls, now) = (urls(self.global)?, crate::up::now()?);
            let made = ceremony::execute(&admin, &self.request()?, None, &urls, now).await;
            let Executed::Request(_) = made.map_err(failure)? else {
                return Err(Failure::Refused(format!("{} is signed already", self.name)));
            };
            self.await_new("its CSR", |new| !new["wish"].is_string()).await?;
        }
        let answer = self.api.get(&format!("{}/csr", path(&self.name))).await?.json()?;
        let text = answer["csr"].as_str().context("the server's answer has no CSR")?;
        pem::decode(text).context("the server's answer is no PEM")?;
        write_private(csr, text.as_bytes(), 0o644)?;
        let there = Global { ring: Some(self.to.to_string()), ..self.global.clone() };
        let label = KeyLabel::new(self.name.as_str()).context("the key's label")?;
        crate::ceremony::write_request(&there, &label, request).await
    }

    /// Waits until relying parties find the new CA's status.
    async fn await_status(&self, wanted: &Move) -> Outcome {
        for _ in 0..PATIENCE {
            let view = View::read(self.global, self.api, wanted).await?;
            if view.state_of(Step::Serve).await? == super::State::Done {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(self.late("its CRL and responder"))
    }

    async fn await_new(&self, what: &str, knows: impl Fn(&Value) -> bool) -> Outcome {
        for _ in 0..PATIENCE {
            if knows(&self.read_new().await?) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(self.late(what))
    }

    fn late(&self, what: &str) -> Failure {
        Failure::Unavailable(format!(
            "the server has not taken up {what} of {} within 30 s: see `chancery status`, and run \
             this again",
            self.name
        ))
    }

    /// Has the profiles that name the old CA name the new one.
    async fn turn_profiles(&self) -> Outcome {
        for name in &self.profiles {
            let profile = self.profile(name).await?;
            let body = profile["body"].as_str().unwrap_or_default();
            let turned = turned(body, self.old_name(), self.name.as_str()).ok_or_else(|| {
                Failure::Refused(format!(
                    "the profile {name} names {} in a way that is not understood: change it by hand \
                     (`chancery profile update`) and run this again",
                    self.old_name()
                ))
            })?;
            let body = json!({ "body": turned, "revision": profile["revision"] });
            self.api.send(Method::PUT, &profile_path(name), &body).await?;
        }
        Ok(())
    }
}

/// Puts another issuer into a profile's text; everything else stays.
fn turned(body: &str, old: &str, new: &str) -> Option<String> {
    let table: toml::Table = body.parse().ok()?;
    let sets = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == "issuer");
    let head = |line: &&str| !line.trim_start().starts_with('[');
    if table.get("issuer")?.as_str() != Some(old)
        || body.lines().take_while(head).filter(sets).count() != 1
    {
        return None;
    }
    let mut is_turned = false;
    let lines = body.lines().map(|line| {
        if !is_turned && sets(&line) {
            is_turned = true;
            return format!("issuer = \"{new}\"\n");
        }
        format!("{line}\n")
    });
    let text: String = lines.collect();
    let again: toml::Table = text.parse().ok()?;
    (again.get("issuer")?.as_str() == Some(new)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_issuer_of_a_profile_turns() {
        let body = "version = 1\n# mine\nissuer = \"old\" # and why\n[subject]\nissuer = 1\n";
        let expected = "version = 1\n# mine\nissuer = \"new\"\n[subject]\nissuer = 1\n";
        assert_eq!(turned(body, "old", "new").as_deref(), Some(expected));
        assert_eq!(turned(body, "other", "new"), None);
        assert_eq!(turned("version = 1\n", "old", "new"), None);
        assert_eq!(turned("\"issuer\" = \"old\"\n", "old", "new"), None);
    }
}
