//! What a request becomes under a profile: subject and alternative names, or the rule it broke.

use x509::{Attribute, AttributeType, Csr, ExtensionValue, GeneralName, Name, Oid};

use super::{CommonName, Profile, ProfileViolation};

/// Who the certificate is for, as the profile admits it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The subject.
    pub subject: Name,
    /// The alternative names.
    pub names: Vec<GeneralName>,
    /// The SID for Microsoft's security extension.
    pub sid: Option<String>,
}

impl Profile {
    /// Resolves subject and names: what is given beside the CSR goes before what stands in it.
    pub(crate) fn holder(
        &self,
        csr: Option<&Csr>,
        subject: Option<&Name>,
        names: Option<&[GeneralName]>,
    ) -> Result<Holder, ProfileViolation> {
        if let Some(csr) = csr {
            self.check_requested_extensions(csr)?;
        }
        let names = match names {
            Some(names) => names.to_vec(),
            None => csr
                .and_then(|csr| csr.extensions().subject_alt_name())
                .map(<[GeneralName]>::to_vec)
                .unwrap_or_default(),
        };
        self.check_names(&names)?;
        let nobody = Name::empty();
        let asked = subject.or(csr.map(Csr::subject)).unwrap_or(&nobody);
        let subject = self.subject(asked, &names)?;
        if subject.is_empty() && names.is_empty() {
            return Err(ProfileViolation::new(
                "nobody-named",
                "the request names nobody: neither a subject nor an alternative name is left",
            ));
        }
        let sid = csr.and_then(requested_sid);
        Ok(Holder { subject, names, sid })
    }

    /// Refuses what a CSR asks for and this profile does not give. What is merely a hint about
    /// the key (its identifier) or about Microsoft's templates is passed over.
    fn check_requested_extensions(&self, csr: &Csr) -> Result<(), ProfileViolation> {
        for extension in csr.extensions().iter() {
            match &extension.value {
                ExtensionValue::SubjectAltName(_) | ExtensionValue::SubjectKeyIdentifier(_) => {}
                ExtensionValue::BasicConstraints(bc) if !bc.ca => {}
                ExtensionValue::BasicConstraints(_) => {
                    return Err(ProfileViolation::new(
                        "ca-requested",
                        "the CSR asks for cA TRUE: CA certificates are made by `chancery ca`",
                    ));
                }
                ExtensionValue::KeyUsage(usage) => {
                    let given = self.key_usage_for(csr.public_key().kind());
                    if usage.bits() & !given.bits() != 0 {
                        return Err(ProfileViolation::new(
                            "key-usage-not-offered",
                            format!(
                                "the CSR asks for key usage {}, the profile gives {}",
                                usage.names().join(", "),
                                given.names().join(", ")
                            ),
                        ));
                    }
                }
                ExtensionValue::ExtendedKeyUsage(usages) => {
                    if let Some(usage) =
                        usages.iter().find(|usage| !self.extended_key_usage.contains(usage))
                    {
                        return Err(ProfileViolation::new(
                            "extended-key-usage-not-offered",
                            format!(
                                "the CSR asks for the extended key usage {usage}, which the profile does not give"
                            ),
                        ));
                    }
                }
                ExtensionValue::TlsFeature(_) if self.body.must_staple => {}
                ExtensionValue::MicrosoftSid(_) if self.body.san.microsoft_sid => {}
                other if is_microsoft_hint(other) => {}
                _ => {
                    return Err(ProfileViolation::new(
                        "extension-not-offered",
                        format!(
                            "the CSR asks for the extension {}, which the profile does not give",
                            extension.oid()
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_names(&self, names: &[GeneralName]) -> Result<(), ProfileViolation> {
        let rules = &self.body.san;
        if names.is_empty() && rules.required {
            return Err(ProfileViolation::new(
                "san-required",
                "the profile demands a subject alternative name and the request has none",
            ));
        }
        if names.len() > rules.max {
            return Err(ProfileViolation::new(
                "san-too-many",
                format!(
                    "{} alternative names are more than the profile's {}",
                    names.len(),
                    rules.max
                ),
            ));
        }
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|earlier| earlier == name) {
                return Err(ProfileViolation::new("san-twice", format!("{name:?} stands twice")));
            }
            self.check_name(name)?;
        }
        Ok(())
    }

    pub(super) fn check_name(&self, name: &GeneralName) -> Result<(), ProfileViolation> {
        let admitted = match name {
            GeneralName::Dns(dns) => {
                x509::check_dns_name(dns, true).map_err(|error| {
                    ProfileViolation::new("dns-name-malformed", format!("`{dns}`: {error}"))
                })?;
                let plain = dns.strip_prefix("*.");
                if plain.is_some() && !self.body.san.wildcard {
                    return Err(ProfileViolation::new(
                        "wildcard-not-offered",
                        format!("`{dns}` is a wildcard and the profile gives none"),
                    ));
                }
                self.dns.admit(plain.map_or(dns, |_| dns))
            }
            GeneralName::Ip(ip) => self.ip.admit(ip),
            GeneralName::Email(email) => self.email.admit(email),
            GeneralName::Uri(uri) => self.uri.admit(uri),
            GeneralName::Upn(upn) => self.upn.admit(upn),
            _ => false,
        };
        if admitted {
            Ok(())
        } else {
            Err(ProfileViolation::new(
                "san-not-admitted",
                format!("no pattern of the profile admits {name:?}"),
            ))
        }
    }

    fn subject(&self, asked: &Name, names: &[GeneralName]) -> Result<Name, ProfileViolation> {
        let mut attributes: Vec<(AttributeType, String)> = Vec::new();
        for attribute in asked.attributes() {
            if attribute.attribute_type() == AttributeType::CommonName {
                if let Some(common_name) = self.common_name(attribute, names)? {
                    attributes.push((AttributeType::CommonName, common_name));
                }
            } else if self.allowed_attributes.contains(&attribute.attribute_type()) {
                attributes.push((attribute.attribute_type(), attribute.value().to_owned()));
            } else if !self.fixed_attributes.iter().any(|(kind, value)| {
                *kind == attribute.attribute_type() && value == attribute.value()
            }) {
                return Err(ProfileViolation::new(
                    "subject-attribute-not-offered",
                    format!(
                        "the subject has {:?}={}, which the profile does not admit",
                        attribute.attribute_type(),
                        attribute.value()
                    ),
                ));
            }
        }
        let has_common_name = attributes.iter().any(|(kind, _)| *kind == AttributeType::CommonName);
        if self.body.subject.common_name == CommonName::Required && !has_common_name {
            return Err(ProfileViolation::new(
                "common-name-required",
                "the profile demands a common name and the request has none",
            ));
        }
        attributes
            .retain(|(kind, _)| !self.fixed_attributes.iter().any(|(fixed, _)| fixed == kind));
        // The order of a directory's path, most significant first (X.501 §9.2): what every
        // certificate has stands before what tells them apart.
        let attributes = self.fixed_attributes.iter().chain(&attributes);
        let borrowed: Vec<(AttributeType, &str)> =
            attributes.map(|(kind, value)| (*kind, value.as_str())).collect();
        Name::from_attributes(&borrowed)
            .map_err(|error| ProfileViolation::new("subject-malformed", error.to_string()))
    }

    fn common_name(
        &self,
        attribute: &Attribute,
        names: &[GeneralName],
    ) -> Result<Option<String>, ProfileViolation> {
        let value = attribute.value();
        match self.body.subject.common_name {
            CommonName::Optional | CommonName::Required => Ok(Some(value.to_owned())),
            CommonName::FromSan => {
                let among = names.iter().any(|name| match name {
                    GeneralName::Dns(text)
                    | GeneralName::Email(text)
                    | GeneralName::Uri(text)
                    | GeneralName::Upn(text) => text.eq_ignore_ascii_case(value),
                    GeneralName::Ip(ip) => ip.to_string() == value,
                    _ => false,
                });
                Ok(among.then(|| value.to_owned()))
            }
            CommonName::Forbidden => Err(ProfileViolation::new(
                "common-name-forbidden",
                "the profile admits no common name",
            )),
        }
    }
}

fn requested_sid(csr: &Csr) -> Option<String> {
    csr.extensions().iter().find_map(|extension| match &extension.value {
        ExtensionValue::MicrosoftSid(sid) => Some(sid.clone()),
        _ => None,
    })
}

/// Microsoft clients put their template's name and version into every CSR; they change nothing.
fn is_microsoft_hint(value: &ExtensionValue) -> bool {
    /// szOID_ENROLL_CERTTYPE_EXTENSION, szOID_CERTIFICATE_TEMPLATE and
    /// szOID_APPLICATION_CERT_POLICIES (MS-WCCE §2.2.2.7.7).
    const HINTS: [Oid; 3] = [
        Oid::new_unwrap("1.3.6.1.4.1.311.20.2"),
        Oid::new_unwrap("1.3.6.1.4.1.311.21.7"),
        Oid::new_unwrap("1.3.6.1.4.1.311.21.10"),
    ];
    matches!(value, ExtensionValue::Unknown { oid, .. } if HINTS.contains(oid))
}
