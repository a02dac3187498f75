//! Whom a certificate names: subject, common name and subject alternative names together.

use signer_proto::{Refusal, Rule};
use x509::{
    Attribute, AttributeType, ExtensionValue, GeneralName, StringKind, TbsCertificate,
    check_dns_name, oids,
};

use super::change::{Diff, equal};
use super::names::NameRules;
use super::section::Section;
use super::usage::extended_of;

/// Which common names there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommonName {
    /// One of the subject alternative names.
    InSan,
    /// Any text.
    Free,
}

/// Which names there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubjectRules {
    attributes: Vec<AttributeType>,
    common_name: CommonName,
    names: NameRules,
}

impl SubjectRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        let attributes = section.list("subject_attributes", |text| {
            let attribute: AttributeType =
                text.parse().map_err(|_| "is no attribute such as \"CN\" or \"O\"".to_owned())?;
            let name = attribute.to_string();
            if name == text { Ok(attribute) } else { Err(format!("is written {name}")) }
        });
        let common_name = section.optional_parsed("common_name", |text| match text {
            "in-san" => Ok(CommonName::InSan),
            "free" => Ok(CommonName::Free),
            _ => Err("is neither \"in-san\" nor \"free\"".to_owned()),
        });
        Self {
            attributes,
            common_name: common_name.unwrap_or(CommonName::InSan),
            names: NameRules::read(section.section("names")),
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { attributes, common_name, names } = self;
        let listed = (attributes.as_slice(), new.attributes.as_slice());
        diff.list("subject_attributes", listed, equal, AttributeType::to_string);
        if *common_name != new.common_name {
            match new.common_name {
                CommonName::Free => diff.widens("common_name", "from in-san to free"),
                CommonName::InSan => diff.narrows("common_name", "from free to in-san"),
            }
        }
        diff.section("names", |diff| names.compare(&new.names, diff));
    }

    /// Refuses any name that the policy does not permit, and a certificate without one.
    pub(crate) fn check(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        self.check_attributes(tbs)?;
        let names = tbs.extensions.subject_alt_name().unwrap_or_default();
        if tbs.subject.is_empty() && names.is_empty() {
            // RFC 5280 §4.1.2.6: who has no subject has a subjectAltName.
            return Err(Refusal::new(Rule::ExtensionMissing, "neither subject nor subjectAltName"));
        }
        names.iter().try_for_each(|name| self.names.check(name))?;
        if let Some(extension) = tbs.extensions.get(oids::MS_SID)
            && let ExtensionValue::MicrosoftSid(sid) = &extension.value
        {
            self.names.check_sid(sid)?;
        }
        self.check_common_names(tbs, names)
    }

    /// Refuses a delegate without a subject, and one whose certificate serves TLS by the name of
    /// a host: it has no alternative names, but a client without a care takes the common name,
    /// and no extended key usage means every usage (RFC 5280 §4.2.1.12).
    pub(crate) fn check_delegate(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        self.check_attributes(tbs)?;
        if tbs.subject.is_empty() {
            let why = "a delegate has a subject";
            return Err(Refusal::new(Rule::NameMalformed, why));
        }
        let for_anything = extended_of(&tbs.extensions).is_none();
        let names = tbs.subject.common_names();
        match names.into_iter().find(|name| could_be_host(name)) {
            Some(name) if for_anything => {
                Err(Refusal::new(Rule::CommonNameNotInSan, format!("{name:?}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses attributes that are not listed or cannot be shown in one line, and e-mail
    /// addresses that are not permitted.
    fn check_attributes(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        for attribute in tbs.subject.attributes() {
            if !self.attributes.contains(&attribute.attribute_type()) {
                let detail = attribute.attribute_type().to_string();
                return Err(Refusal::new(Rule::SubjectAttributeRefused, detail));
            }
            check_text(attribute)?;
            // RFC 5280 §4.2.1.10: e-mail clients take it for an rfc822Name.
            if attribute.attribute_type() == AttributeType::EmailAddress {
                self.names.check_email(attribute.value())?;
            }
        }
        Ok(())
    }

    fn check_common_names(
        &self,
        tbs: &TbsCertificate,
        names: &[GeneralName],
    ) -> Result<(), Refusal> {
        let usages = extended_of(&tbs.extensions).unwrap_or_default();
        let serves = usages.contains(&oids::EKU_SERVER_AUTH) || usages.contains(&oids::EKU_ANY);
        for name in tbs.subject.common_names() {
            // Old TLS clients take a common name for the host's (RFC 9525 §2), so a free one that
            // could be a host is no way around the rules for names.
            let bound = self.common_name == CommonName::InSan || (serves && could_be_host(name));
            if bound && !names.iter().any(|san| says(san, name)) {
                return Err(Refusal::new(Rule::CommonNameNotInSan, format!("{name:?}")));
            }
        }
        Ok(())
    }
}

/// Refuses string types that are read differently from client to client (RFC 5280 §4.1.2.4), and
/// characters that hide or reorder what a person reads.
pub(crate) fn check_text(attribute: &Attribute) -> Result<(), Refusal> {
    let text = attribute.value();
    let old = matches!(attribute.kind(), StringKind::Teletex | StringKind::Bmp);
    if old || text.chars().any(hides) {
        return Err(Refusal::new(Rule::NameMalformed, format!("subject attribute {text:?}")));
    }
    Ok(())
}

/// Tells whether a character hides or reorders what a person reads: control, zero-width and
/// directional ones (Unicode TR 36 §3.1).
pub(crate) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Tells whether a client that looks for a host could take the text for one. Look-alike
/// characters count: what is not ASCII and has a dot is taken for a host too.
fn could_be_host(text: &str) -> bool {
    let text = text.trim();
    let dotted = text.contains(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']) && !text.contains(' ');
    dotted || text.parse::<core::net::IpAddr>().is_ok() || check_dns_name(text, true).is_ok()
}

/// Tells whether the subject alternative name has this text.
fn says(name: &GeneralName, text: &str) -> bool {
    match name {
        // RFC 4343 §3: case does not matter in DNS names. Both are ASCII here, or differ.
        GeneralName::Dns(name) => name.eq_ignore_ascii_case(text),
        GeneralName::Ip(address) => address.to_string() == text,
        GeneralName::Email(name) | GeneralName::Upn(name) => same_mailbox(name, text),
        _ => false,
    }
}

/// Compares the part before the @ exactly (RFC 5321 §2.4) and the host without case.
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((local_too, host_too))) => {
            local == local_too && host.eq_ignore_ascii_case(host_too)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_equals_a_name_only_in_its_own_form() {
        let dns = GeneralName::Dns("www.corp.example".into());
        assert!(says(&dns, "WWW.corp.Example"));
        assert!(!says(&dns, "www.c\u{43e}rp.example"));
        assert!(!says(&dns, "corp.example"));
        let ip = GeneralName::Ip("10.0.0.1".parse().unwrap());
        assert!(says(&ip, "10.0.0.1") && !says(&ip, "10.0.0.01") && !says(&ip, "010.0.0.1"));
        let email = GeneralName::Email("Ann@corp.example".into());
        assert!(says(&email, "Ann@CORP.example") && !says(&email, "ann@corp.example"));
        assert!(!says(&GeneralName::Uri("https://a.example".into()), "https://a.example"));
    }

    #[test]
    fn what_could_be_a_host_is_found() {
        for text in [
            "a.example",
            "localhost",
            "10.0.0.1",
            "fd00::1",
            "*.a.example",
            "b\u{fc}cher.example",
            "a\u{3002}example",
        ] {
            assert!(could_be_host(text), "{text}");
        }
        for text in ["Ann Example", "Device 17.", "b\u{fc}cher"] {
            assert!(!could_be_host(text), "{text}");
        }
    }
}
