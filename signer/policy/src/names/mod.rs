//! Which names a key certifies.

mod dns;
pub(crate) mod domain;
mod ip;
mod mailbox;
mod sid;
pub(crate) mod uri;

use signer_proto::{Refusal, Rule};
use x509::GeneralName;

use self::dns::DnsRules;
use self::domain::Domain;
use self::ip::IpRules;
pub(crate) use self::ip::{holds, network};
use super::change::Diff;
use super::section::{Scope, Section};

/// The section `[certificates.names]`: for each form of name what is permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameRules {
    dns: DnsRules,
    ip: IpRules,
    email: Scope<Domain>,
    uri: Scope<Domain>,
    upn: Scope<Domain>,
    sid: bool,
}

impl NameRules {
    /// Reads the section; an absent one permits no name.
    pub(crate) fn read(section: Option<Section>) -> Self {
        let Some(mut section) = section else {
            return Self::none();
        };
        let rules = Self {
            dns: DnsRules::read(&mut section),
            ip: IpRules::read(&mut section),
            email: section.scope("email", Domain::parse),
            uri: section.scope("uri", Domain::parse),
            upn: section.scope("upn", Domain::parse),
            sid: section.flag("sid", false),
        };
        section.finish();
        rules
    }

    fn none() -> Self {
        let nothing = || Scope::Only(Vec::new());
        Self {
            dns: DnsRules { permitted: nothing(), excluded: Vec::new(), wildcard: false },
            ip: IpRules { permitted: Scope::Only(Vec::new()), excluded: Vec::new() },
            email: nothing(),
            uri: nothing(),
            upn: nothing(),
            sid: false,
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { dns, ip, email, uri, upn, sid } = self;
        dns.compare(&new.dns, diff);
        ip.compare(&new.ip, diff);
        diff.scope("email", (email, &new.email), Domain::holds, Domain::to_string);
        diff.scope("uri", (uri, &new.uri), Domain::holds, Domain::to_string);
        diff.scope("upn", (upn, &new.upn), Domain::holds, Domain::to_string);
        diff.allowance("sid", *sid, new.sid);
    }

    /// Refuses a subject alternative name that is malformed, excluded or not permitted.
    pub(crate) fn check(&self, name: &GeneralName) -> Result<(), Refusal> {
        match name {
            GeneralName::Dns(name) => self.dns.check(name),
            GeneralName::Ip(address) => self.ip.check(*address),
            GeneralName::Email(address) => self.check_email(address),
            GeneralName::Uri(uri) => uri::check(&self.uri, self.sid, uri),
            GeneralName::Upn(name) => mailbox::check(&self.upn, "UPN", name),
            other => {
                let detail = format!("form of name: {}", form(other));
                Err(Refusal::new(Rule::NameNotPermitted, detail))
            }
        }
    }

    /// Refuses an e-mail address, in a SAN or in the subject (RFC 5280 §4.2.1.6).
    pub(crate) fn check_email(&self, address: &str) -> Result<(), Refusal> {
        mailbox::check(&self.email, "rfc822Name", address)
    }

    /// Refuses the SID of the Microsoft security extension.
    pub(crate) fn check_sid(&self, text: &str) -> Result<(), Refusal> {
        sid::check_text(text)?;
        if self.sid {
            Ok(())
        } else {
            Err(Refusal::new(Rule::NameNotPermitted, format!("SID {text:?}")))
        }
    }
}

fn form(name: &GeneralName) -> &'static str {
    match name {
        GeneralName::OtherName { .. } => "otherName",
        GeneralName::Directory(_) => "directoryName",
        GeneralName::RegisteredId(_) => "registeredID",
        _ => "another",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> NameRules {
        let mut root = Section::root(text).unwrap();
        let rules = NameRules::read(root.section("names"));
        root.end(Some(rules)).unwrap()
    }

    fn pinned() -> NameRules {
        rules(
            "[names]\ndns = [\"corp.example\", \"lab.test\"]\ndns_excluded = [\"secret.corp.example\"]\n\
             wildcard = true\nip = [\"10.0.0.0/8\", \"fd00::/8\"]\nip_excluded = [\"10.9.0.0/16\"]\n\
             email = [\"corp.example\"]\nuri = [\"corp.example\"]\nupn = [\"ad.corp.example\"]\nsid = true\n",
        )
    }

    fn dns(name: &str) -> GeneralName {
        GeneralName::Dns(name.to_owned())
    }
    fn ip(address: &str) -> GeneralName {
        GeneralName::Ip(address.parse().unwrap())
    }
    fn email(address: &str) -> GeneralName {
        GeneralName::Email(address.to_owned())
    }
    fn uri(uri: &str) -> GeneralName {
        GeneralName::Uri(uri.to_owned())
    }
    fn upn(name: &str) -> GeneralName {
        GeneralName::Upn(name.to_owned())
    }

    fn assert_refused(rules: &NameRules, rule: Rule, names: impl IntoIterator<Item = GeneralName>) {
        for name in names {
            assert_eq!(rules.check(&name).map_err(|r| r.rule), Err(rule), "{name:?}");
        }
    }

    #[test]
    fn permits_what_is_pinned() {
        for name in [
            dns("corp.example"),
            dns("WWW.Corp.Example"),
            dns("*.a.corp.example"),
            dns("xn--bcher-kva.corp.example"),
            ip("10.1.2.3"),
            ip("fd00::1"),
            email("a@corp.example"),
            email("A@Mail.CORP.example"),
            uri("spiffe://corp.example/x"),
            uri("tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"),
            upn("a@ad.corp.example"),
        ] {
            assert_eq!(pinned().check(&name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn refuses_names_outside_permitted() {
        assert_refused(
            &pinned(),
            Rule::NameNotPermitted,
            [
                dns("example"),
                dns("evilcorp.example"),
                dns("corp.example.net"),
                dns("*.example.net"),
                dns("xn--crp-hoa.example"),
                ip("11.0.0.1"),
                ip("2001:db8::1"),
                email("a@corp.example.net"),
                uri("https://evil.example/corp.example"),
                uri("https://10.0.0.1/"),
                uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
                upn("a@corp.example"),
                GeneralName::RegisteredId(x509::oids::EKU_ANY),
                GeneralName::OtherName { type_id: x509::oids::MS_SID, value: vec![5, 0] },
            ],
        );
    }

    #[test]
    fn refuses_names_inside_excluded() {
        assert_refused(
            &pinned(),
            Rule::NameExcluded,
            [
                dns("secret.corp.example"),
                dns("a.SECRET.corp.example"),
                dns("*.secret.corp.example"),
                dns("*.corp.example"),
                ip("10.9.1.1"),
            ],
        );
    }

    #[test]
    fn refuses_a_wildcard_out_of_place_or_not_allowed() {
        assert_refused(
            &pinned(),
            Rule::WildcardRefused,
            [
                "a.*.corp.example",
                "*a.corp.example",
                "a*.corp.example",
                "*.*.corp.example",
                "*.test",
                "*",
            ]
            .map(dns),
        );
        let without = rules("[names]\ndns = [\"any\"]\n");
        assert_refused(&without, Rule::WildcardRefused, [dns("*.corp.example")]);
        assert_eq!(without.check(&dns("corp.example")), Ok(()));
    }

    #[test]
    fn refuses_malformed_and_look_alike_names() {
        let any = rules(
            "[names]\ndns = [\"any\"]\nip = [\"any\"]\nemail = [\"any\"]\nuri = [\"any\"]\nupn = [\"any\"]\nwildcard = true\n",
        );
        for rules in [any, pinned()] {
            assert_refused(
                &rules,
                Rule::NameMalformed,
                [
                    dns(""),
                    dns("10.0.0.1"),
                    dns("corp.example."),
                    dns(".corp.example"),
                    dns("a..corp.example"),
                    dns("a\0.corp.example"),
                    dns("bücher.corp.example"),
                    // Cyrillic о (U+043E), full stop look-alike (U+3002), zero-width space.
                    dns("c\u{43e}rp.example"),
                    dns("a\u{3002}corp.example"),
                    dns("a\u{200b}.corp.example"),
                    dns(&format!("{}.corp.example", "x".repeat(64))),
                    ip("::ffff:10.9.0.1"),
                    ip("0.0.0.0"),
                    ip("::"),
                    email("a@c\u{43e}rp.example"),
                    upn("а@ad.corp.example"),
                    uri("https://c\u{43e}rp.example/"),
                    uri("https://corp.example@evil.example/"),
                    uri("tag:microsoft.com,2022-09-14:sid:nobody"),
                ],
            );
        }
    }

    #[test]
    fn refuses_a_sid_where_none_is_allowed() {
        let any_uri = rules("[names]\nuri = [\"any\"]\n");
        assert_refused(
            &any_uri,
            Rule::NameNotPermitted,
            [uri("Tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500")],
        );
        assert_eq!(
            any_uri.check_sid("S-1-5-21-1-2-3-500").map_err(|r| r.rule),
            Err(Rule::NameNotPermitted)
        );
    }

    #[test]
    fn an_absent_section_permits_nothing() {
        assert_refused(
            &NameRules::read(None),
            Rule::NameNotPermitted,
            [
                dns("a.example"),
                ip("10.0.0.1"),
                email("a@b.example"),
                uri("urn:x:y"),
                upn("a@b.example"),
            ],
        );
    }

    #[test]
    fn refuses_networks_with_host_bits() {
        assert_eq!(network("10.0.0.0/8").map(|n| n.to_string()), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(network("10.0.0.1/8"), Err("is written 10.0.0.0/8".to_owned()));
        for bad in ["10.0.0.0", "10.0.0.0/33", "any/8", "FD00::/8"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }
}
