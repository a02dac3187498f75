//! One validation: the challenge and CAA, side by side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use signer_proto::{Digest, Identifier, RecordValidation, ValidationMethod};
use va_wire::Method;

use crate::caa::{self, Question};
use crate::challenge::{Http, dns01, http01, tls_alpn01};
use crate::config::Caa;
use crate::deadline::Deadline;
use crate::dial::{Dial, Host};
use crate::key_authorization::KeyAuthorization;
use crate::names::Names;
use crate::{Config, Failure, tls};

/// Validates.
#[derive(Clone)]
pub struct Validator {
    http: Http,
    tls_alpn: Arc<ClientConfig>,
    caa: Caa,
}

/// A validation that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the signer is to record.
    pub record: RecordValidation,
    /// Who answered; none for dns-01.
    pub address: Option<SocketAddr>,
}

/// What the server asked for, found to be well-formed.
struct Task {
    identifier: Identifier,
    host: Host,
    method: Method,
    key: KeyAuthorization,
}

impl Validator {
    /// Makes it of its configuration.
    ///
    /// # Errors
    /// What the resolver or rustls say.
    pub fn new(config: &Config) -> Result<Self, String> {
        let names = Names::asking(&config.dns.servers, config.dns.hosts);
        let names = names.map_err(|error| error.to_string())?;
        let trusting = |protocols: &[&[u8]]| {
            tls::trusting_anybody(protocols).map_err(|error| error.to_string())
        };
        let http = Http {
            dial: Dial::new(names, config),
            tls: trusting(&[b"http/1.1"])?,
            redirects: config.redirects,
        };
        Ok(Self { http, tls_alpn: trusting(&[b"acme-tls/1"])?, caa: config.caa.clone() })
    }

    /// Asks these DNS servers from now on.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn ask_others(&self, servers: &[SocketAddr], hosts: bool) -> Result<(), String> {
        self.http.dial.names.ask_others(servers, hosts).map_err(|error| error.to_string())
    }

    /// Validates; nothing is recorded yet.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn validate(&self, work: &va_wire::Validate) -> Result<Seen, Failure> {
        let task = task(work)?;
        let deadline = Deadline::after(Duration::from_millis(work.deadline_ms.into()));
        let authorized = async {
            match self.question(work) {
                Some(question) => {
                    caa::check(&self.http.dial.names, &question, &self.caa.tops, deadline).await
                }
                None => Ok(()),
            }
        };
        let (seen, authorized) = tokio::join!(self.challenge(&task, deadline), authorized);
        let address = seen?;
        authorized?;
        let method = match task.method {
            Method::Http01 => ValidationMethod::Http01,
            Method::Dns01 => ValidationMethod::Dns01,
            Method::TlsAlpn01 => ValidationMethod::TlsAlpn01,
        };
        let account = Digest(work.thumbprint.0);
        Ok(Seen {
            record: RecordValidation { identifier: task.identifier, method, account },
            address,
        })
    }

    async fn challenge(
        &self,
        task: &Task,
        deadline: Deadline,
    ) -> Result<Option<SocketAddr>, Failure> {
        let Task { host, method, key, .. } = task;
        let dial = &self.http.dial;
        if let Host::Address(address) = host {
            // Told apart from a name that leads there.
            dial.check(*address, 0)?;
        }
        match (method, host) {
            (Method::Http01, _) => http01(&self.http, host, key, deadline).await.map(Some),
            (Method::TlsAlpn01, _) => {
                tls_alpn01((dial, &self.tls_alpn), host, key, deadline).await.map(Some)
            }
            (Method::Dns01, Host::Name(name)) => {
                dns01(&dial.names, name, key, deadline).await.map(|()| None)
            }
            (Method::Dns01, Host::Address(_)) => Err(Failure::AddressByDns),
        }
    }

    /// Says what is asked of CAA: nothing about addresses, and nothing where neither the server nor
    /// the configuration has names for this CA.
    fn question(&self, work: &va_wire::Validate) -> Option<Question> {
        let va_wire::Identifier::Dns(name) = &work.identifier else {
            return None;
        };
        // What is configured here does not depend on what the server says.
        let issuers = self.caa.issuers.clone().or_else(|| work.caa_issuers.clone())?;
        Some(Question {
            name: name.clone(),
            wildcard: work.wildcard,
            issuers,
            account_uri: work.account_uri.clone(),
            method: work.method,
        })
    }
}

fn task(work: &va_wire::Validate) -> Result<Task, Failure> {
    let key = KeyAuthorization::new(&work.token, work.thumbprint)?;
    let bad = || Failure::Identifier(work.identifier.to_string());
    let (identifier, host) = match &work.identifier {
        va_wire::Identifier::Dns(name) => {
            if name.bytes().any(|b| b.is_ascii_uppercase()) {
                return Err(bad());
            }
            (Identifier::dns(name).map_err(|_| bad())?, Host::Name(name.clone()))
        }
        va_wire::Identifier::Ip(address) => {
            (Identifier::ip(*address).map_err(|_| bad())?, Host::Address(*address))
        }
    };
    match (&host, work.method) {
        (Host::Address(_), Method::Dns01) => return Err(Failure::AddressByDns),
        (Host::Address(_), _) if work.wildcard => return Err(bad()),
        (_, Method::Http01 | Method::TlsAlpn01) if work.wildcard => {
            return Err(Failure::Wildcard(work.method));
        }
        _ => {}
    }
    Ok(Task { identifier, host, method: work.method, key })
}
