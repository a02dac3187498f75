//! `chancery ca renew`: a new certificate for the same key, by admin.sock.

use anyhow::Context as _;
use ca::ceremony::{self, Across, Renewal};
use ca::profile::Seconds;
use model::IssuerName;
use x509::ForeignCertificate;

use super::{certificate, is_external, key_label, operator_for, parent_in, path, show, urls};
use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;

/// Has a new certificate signed, and waits until the server has it from the journal.
pub async fn renew(
    global: &Global,
    api: &Api,
    name: &IssuerName,
    validity: Option<Seconds>,
) -> Outcome {
    let issuer = api.get(&path(name)).await?.json()?;
    if issuer["state"].as_str() != Some("active") {
        let state = issuer["state"].as_str().unwrap_or("lost");
        return Err(Failure::Refused(format!("{name} is {state}: only an active CA is renewed")));
    }
    if is_external(&issuer)? {
        return Err(Failure::Refused(format!(
            "somebody else signs {name}: `chancery ca csr {name}` makes a CSR for them, and \
             `chancery ca import {name}` takes the new certificate in"
        )));
    }
    let held = certificate(&issuer)?;
    let above = match issuer["parent"].as_str() {
        Some(parent) => {
            let parent = IssuerName::new(parent).context("read the parent's name")?;
            Some(api.get(&path(&parent)).await?.json()?)
        }
        None => None,
    };
    let parent = above.as_ref().map(parent_in).transpose()?;
    let renewal = Renewal {
        key_label: key_label(&issuer)?,
        certificate: held.raw().clone(),
        parent,
        validity: validity.unwrap_or_else(|| as_before(&held)),
    };
    let (urls, now) = (urls(global)?, crate::up::now()?);
    let admin = operator_for(global, &issuer)?;
    let made = match &above {
        Some(above) if above["ring"] != issuer["ring"] => {
            let rings = Across { key: &admin, parent: &operator_for(global, above)? };
            ceremony::renew_across(rings, &renewal, &urls, now).await
        }
        _ => ceremony::renew(&admin, &renewal, &urls, now).await,
    };
    let made = made.map_err(crate::admin::failure)?;
    for _ in 0..100 {
        let issuer = api.get(&path(name)).await?.json()?;
        if *certificate(&issuer)?.raw() == made {
            return show(global, &issuer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Failure::Unavailable(format!(
        "{name} is renewed, and the server has not taken it up from the journal within 10 s: \
         see `chancery status`"
    )))
}

/// Takes the validity of a certificate, in whole days: it begins a little before its making.
pub fn as_before(held: &ForeignCertificate) -> Seconds {
    const DAY: i64 = 86_400;
    let span = held.not_after().seconds_since(held.not_before()) + 1;
    Seconds((span / DAY).max(1) * DAY)
}
