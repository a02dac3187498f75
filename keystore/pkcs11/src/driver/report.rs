//! What the driver reaches its keys by, for `chancery doctor --hsm`.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use keystore::ReportLine;

use super::Pkcs11Driver;
use super::forking::GONE;
use super::link::Link;
use super::token::{Standing, Token};
use crate::config::Source;
use crate::wire::{Answer, Line, Request};

/// How long it is repeated: everybody may ask, and a device answers.
const KEPT: Duration = Duration::from_secs(5);

/// Asks the helper about its module and token, not too often.
fn told(token: &Token, link: &Link) -> Vec<Line> {
    let mut last = token.told.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, era, lines)) = &*last
        && at.elapsed() < KEPT
        && *era == link.era()
    {
        return lines.clone();
    }
    match link.control(&Request::Report, token.timeout) {
        Ok(Answer::Lines(lines)) => {
            *last = Some((Instant::now(), link.era(), lines.clone()));
            lines
        }
        _ => Vec::new(),
    }
}

impl Pkcs11Driver {
    pub(super) fn lines(&self) -> Vec<ReportLine> {
        let mut lines = Vec::new();
        let mut tell = |subject: &str, name: &str, value: String| {
            lines.push(ReportLine { subject: subject.to_owned(), name: name.to_owned(), value });
        };
        let source = match self.config.source {
            Source::Root => "root's",
            Source::OwnUser => "the signer's own user's: whoever is that user chooses the module",
        };
        tell("driver", "family", "pkcs11".to_owned());
        tell("driver", "configuration", format!("{}, {source}", self.config.path.display()));
        tell("driver", "timeout", format!("{} ms", self.config.timeout.as_millis()));
        let forker = self.tokens.first().map(|token| token.forker.is_gone());
        tell("driver", "forker", if forker == Some(true) { GONE } else { "running" }.to_owned());
        for token in &self.tokens {
            let subject = format!("token {}", token.config.name);
            tell(&subject, "uri", token.config.uri.to_string());
            let state = token.health().err().unwrap_or_else(|| "ready".to_owned());
            tell(&subject, "state", state);
            let link = match &*token.standing() {
                Standing::Ready(link) => Some(std::sync::Arc::clone(link)),
                _ => None,
            };
            let Some(link) = link else { continue };
            tell(&subject, "process", link.id().to_string());
            tell(&subject, "sessions used", link.count().to_string());
            for line in told(token, &link) {
                tell(&subject, &line.name, line.value);
            }
        }
        let mut known = self.keys.all();
        known.sort_by(|a, b| a.identity.label.cmp(&b.identity.label));
        for key in known {
            let subject = format!("key {}", key.identity.label);
            for place in &key.places {
                let era = match self.tokens.get(place.token).map(|token| token.standing()) {
                    Some(standing) => match &*standing {
                        Standing::Ready(link) => link.era(),
                        _ => 0,
                    },
                    None => 0,
                };
                tell(&subject, &place.uri.to_string(), place.verdict(era).words());
            }
            if key.places.is_empty() {
                tell(&subject, "place", "its token is not in pkcs11.toml".to_owned());
            }
        }
        lines
    }
}
