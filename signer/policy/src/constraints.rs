//! Name constraints of subordinate CAs: never wider than the policy.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use signer_proto::{Refusal, Rule};
use x509::{NameConstraints, NameSubtree, TbsCertificate};

use super::change::Diff;
use super::names::domain::Domain;
use super::names::{holds, network};
use super::section::{Scope, Section};

/// The section `[authorities.names]`. For each form of name: absent or `["any"]` demands nothing,
/// a list demands permitted subtrees within it, and an empty list demands that the form is
/// excluded altogether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConstraintRules {
    dns: Scope<Domain>,
    dns_excluded: Vec<Domain>,
    ip: Scope<IpNet>,
    ip_excluded: Vec<IpNet>,
    email: Scope<Domain>,
    uri: Scope<Domain>,
    upn: Scope<Domain>,
}

impl ConstraintRules {
    pub(crate) fn read(mut section: Section) -> Self {
        let mut hosts = |field| section.optional_scope(field, Domain::parse).unwrap_or(Scope::Any);
        let (dns, email, uri, upn) = (hosts("dns"), hosts("email"), hosts("uri"), hosts("upn"));
        for (field, scope) in [("email", &email), ("uri", &uri), ("upn", &upn)] {
            // RFC 5280 §4.2.1.10 has no subtree that holds all names of these forms.
            if *scope == Scope::Only(Vec::new()) {
                section.wrong(field, "is empty, and this form cannot be excluded altogether");
            }
        }
        let rules = Self {
            dns,
            email,
            uri,
            upn,
            dns_excluded: section.list("dns_excluded", Domain::parse),
            ip: section.optional_scope("ip", network).unwrap_or(Scope::Any),
            ip_excluded: section.list("ip_excluded", network),
        };
        section.finish();
        rules
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { dns, dns_excluded, ip, ip_excluded, email, uri, upn } = self;
        diff.scope("dns", (dns, &new.dns), Domain::holds, Domain::to_string);
        // What must be excluded is excluded or out of reach, and so is all that lies below it.
        let excluded = (dns_excluded.as_slice(), new.dns_excluded.as_slice());
        diff.exclusions("dns_excluded", excluded, Domain::holds, Domain::to_string);
        diff.scope("ip", (ip, &new.ip), holds, IpNet::to_string);
        let excluded = (ip_excluded.as_slice(), new.ip_excluded.as_slice());
        diff.exclusions("ip_excluded", excluded, holds, IpNet::to_string);
        diff.scope("email", (email, &new.email), Domain::holds, Domain::to_string);
        diff.scope("uri", (uri, &new.uri), Domain::holds, Domain::to_string);
        diff.scope("upn", (upn, &new.upn), Domain::holds, Domain::to_string);
    }

    /// Refuses a CA certificate whose nameConstraints (RFC 5280 §4.2.1.10) are missing or leave
    /// room for a name that the policy does not permit.
    pub(crate) fn check(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        let constraints = tbs
            .extensions
            .name_constraints()
            .ok_or_else(|| Refusal::new(Rule::ExtensionMissing, "nameConstraints"))?;
        let permitted = &constraints.permitted;
        let dns = collect(permitted, |tree| match tree {
            NameSubtree::Dns(name) => Some(name.as_str()),
            _ => None,
        });
        let email = collect(permitted, |tree| match tree {
            NameSubtree::Email(name) => Some(host_of(name)),
            _ => None,
        });
        let uri = collect(permitted, |tree| match tree {
            NameSubtree::Uri(name) => Some(host_of(name)),
            _ => None,
        });
        let upn = collect(permitted, |tree| match tree {
            // Clients compare the end of the text: without a boundary evilcorp.example fits too.
            NameSubtree::Upn(name) if !name.starts_with(['@', '.']) => Some(""),
            NameSubtree::Upn(name) => Some(host_of(name)),
            _ => None,
        });
        let no_dns = constraints.excluded.contains(&NameSubtree::Dns(String::new()));
        within("dNSName", &self.dns, &dns, no_dns, covers)?;
        within("rfc822Name", &self.email, &email, false, covers)?;
        within("URI", &self.uri, &uri, false, covers)?;
        within("UPN", &self.upn, &upn, false, covers)?;
        self.check_addresses(constraints)?;
        self.check_excluded(constraints, &dns)
    }

    fn check_addresses(&self, constraints: &NameConstraints) -> Result<(), Refusal> {
        let permitted = networks(&constraints.permitted);
        let excluded = networks(&constraints.excluded);
        let everything = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
        let none = everything
            .iter()
            .all(|any| excluded.iter().any(|tree| tree.addr() == *any && tree.prefix_len() == 0));
        within("iPAddress", &self.ip, &permitted, none, |listed, tree| listed.contains(tree))?;
        for hidden in &self.ip_excluded {
            let excluded = excluded.iter().any(|tree| tree.contains(hidden));
            let reachable = permitted.is_empty()
                || permitted.iter().any(|tree| tree.contains(hidden) || hidden.contains(tree));
            if reachable && !excluded {
                return Err(widened(&format!("iPAddress {hidden} is not excluded")));
            }
        }
        Ok(())
    }

    fn check_excluded(&self, constraints: &NameConstraints, dns: &[&str]) -> Result<(), Refusal> {
        for hidden in &self.dns_excluded {
            let excluded = constraints.excluded.iter().any(|tree| match tree {
                NameSubtree::Dns(name) => name.is_empty() || hidden.is_within(name),
                _ => false,
            });
            let reachable = dns.is_empty()
                || dns.iter().any(|tree| {
                    // The empty subtree holds every name.
                    tree.is_empty() || hidden.is_within(tree) || hidden.covers(tree)
                });
            if reachable && !excluded {
                return Err(widened(&format!("dNSName {} is not excluded", hidden.as_str())));
            }
        }
        Ok(())
    }
}

/// Refuses permitted subtrees of one form that are missing or reach beyond what is listed;
/// a form that is excluded altogether has none to fear.
fn within<T, S: core::fmt::Debug>(
    form: &str,
    listed: &Scope<T>,
    permitted: &[S],
    excluded_altogether: bool,
    covers: impl Fn(&T, &S) -> bool,
) -> Result<(), Refusal> {
    if excluded_altogether || matches!(listed, Scope::Any) {
        return Ok(());
    }
    // RFC 5280 §4.2.1.10: no subtree of a form means that the form is not restricted at all.
    if permitted.is_empty() {
        return Err(widened(&format!("{form} is not restricted")));
    }
    match permitted.iter().find(|tree| !listed.admits(|rule| covers(rule, tree))) {
        Some(tree) => Err(widened(&format!("{form} {tree:?}"))),
        None => Ok(()),
    }
}

fn covers(domain: &Domain, tree: &&str) -> bool {
    domain.covers(tree)
}

fn collect<'t, T>(trees: &'t [NameSubtree], form: impl Fn(&'t NameSubtree) -> Option<T>) -> Vec<T> {
    trees.iter().filter_map(form).collect()
}

fn networks(trees: &[NameSubtree]) -> Vec<IpNet> {
    collect(trees, |tree| match tree {
        NameSubtree::Ip { addr, prefix } => IpNet::new(*addr, *prefix).ok(),
        _ => None,
    })
}

/// The host of a subtree in any of the three spellings of RFC 5280 §4.2.1.10: a mailbox, a host,
/// or `.domain` for everything below it.
fn host_of(tree: &str) -> &str {
    let host = tree.rsplit_once('@').map_or(tree, |(_, host)| host);
    host.strip_prefix('.').unwrap_or(host)
}

fn widened(why: &str) -> Refusal {
    Refusal::new(Rule::NameConstraintsWidened, why)
}
