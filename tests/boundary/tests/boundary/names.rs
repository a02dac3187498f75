//! Names that the policy does not admit, or that look like names that it does.

use kit::der::with_names;
use kit::{Plan, Ring, dns, email, name};
use signer_proto::{Rule, Socket};
use x509::{
    Attribute, AttributeType, Extension, ExtensionValue, GeneralName, Name, Oid, StringKind, oids,
};

fn uri(text: &str) -> GeneralName {
    GeneralName::Uri(text.to_owned())
}

fn upn(text: &str) -> GeneralName {
    GeneralName::Upn(text.to_owned())
}

fn ip(text: &str) -> GeneralName {
    GeneralName::Ip(text.parse().unwrap())
}

fn subject(attribute: AttributeType, kind: StringKind, value: &str) -> Name {
    let attribute = Attribute::with_kind(attribute, kind, value).unwrap();
    Name::from_rdns(vec![vec![attribute]]).unwrap()
}

refuses_leaf! {
    refuses_a_host_outside_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.host("www.evil.example");
    refuses_a_host_that_only_ends_like_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.host("evilcorp.example");
    refuses_a_host_that_only_begins_like_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.host("corp.example.evil.example");
    refuses_the_domain_above_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.host("example");
    refuses_one_bad_host_among_good_ones => NameNotPermitted, |ring, draft| {
        draft.names(vec![dns("www.corp.example"), dns("www.evil.example")]);
    };
    refuses_a_host_inside_what_is_excluded => NameExcluded,
        |ring, draft| draft.host("db.secret.corp.example");
    refuses_the_excluded_domain_itself => NameExcluded,
        |ring, draft| draft.host("secret.corp.example");
    refuses_an_excluded_host_in_mixed_case => NameExcluded,
        |ring, draft| draft.host("DB.SeCrEt.corp.example");
    refuses_a_wildcard_above_an_excluded_domain => NameExcluded,
        |ring, draft| draft.host("*.corp.example");
    refuses_a_wildcard_inside_an_excluded_domain => NameExcluded,
        |ring, draft| draft.host("*.secret.corp.example");

    refuses_an_address_outside_the_networks => NameNotPermitted,
        |ring, draft| draft.names(vec![dns("www.corp.example"), ip("192.0.2.1")]);
    refuses_an_address_inside_an_excluded_network => NameExcluded,
        |ring, draft| draft.names(vec![dns("www.corp.example"), ip("10.9.1.1")]);
    refuses_an_address_of_the_other_family => NameNotPermitted,
        |ring, draft| draft.names(vec![dns("www.corp.example"), ip("2001:db8::1")]);
    refuses_an_ipv4_address_mapped_into_ipv6 => NameMalformed,
        |ring, draft| draft.names(vec![dns("www.corp.example"), ip("::ffff:10.1.2.3")]);

    refuses_a_common_name_that_is_no_alternative_name => CommonNameNotInSan,
        |ring, draft| draft.subject = name("CN=mail.corp.example");
    refuses_a_common_name_of_somebody_else => CommonNameNotInSan,
        |ring, draft| draft.subject = name("CN=www.bank.example");
    refuses_a_second_common_name => CommonNameNotInSan,
        |ring, draft| draft.subject = name("CN=www.bank.example,CN=www.corp.example");
    refuses_a_common_name_in_homoglyphs => CommonNameNotInSan,
        // The o is Cyrillic.
        |ring, draft| draft.subject = name("CN=www.c\u{43e}rp.example");
    refuses_a_common_name_with_invisible_characters => NameMalformed,
        |ring, draft| draft.subject = name("CN=www.corp.example\u{200b}");
    refuses_a_common_name_that_is_written_backwards => NameMalformed,
        |ring, draft| draft.subject = name("CN=\u{202e}www.corp.example");
    refuses_a_common_name_in_fullwidth_letters => CommonNameNotInSan,
        |ring, draft| draft.subject = name("CN=\u{ff57}ww.corp.example");
    refuses_a_subject_in_teletex => NameMalformed, |ring, draft| {
        draft.subject = subject(AttributeType::Organization, StringKind::Teletex, "Corp");
    };
    refuses_a_subject_attribute_that_is_not_listed => SubjectAttributeRefused,
        |ring, draft| draft.subject = name("CN=www.corp.example,OU=Board");
    refuses_a_subject_attribute_that_nobody_knows => SubjectAttributeRefused, |ring, draft| {
        let odd = AttributeType::Other(Oid::new_unwrap("2.5.4.65"));
        draft.subject = subject(odd, StringKind::Utf8, "alias");
    };
    refuses_a_mailbox_in_the_subject_outside_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.subject = name("emailAddress=ceo@bank.example,CN=www.corp.example");

    refuses_a_mailbox_outside_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.names(vec![dns("www.corp.example"), email("ceo@bank.example")]);
    refuses_a_uri_of_another_host => NameNotPermitted,
        |ring, draft| draft.names(vec![dns("www.corp.example"), uri("https://bank.example/")]);
    refuses_a_uri_with_a_good_host_as_its_user => NameMalformed, |ring, draft| {
        let bad = uri("https://www.corp.example@bank.example/");
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_a_uri_whose_host_is_escaped => NameMalformed, |ring, draft| {
        let bad = uri("https://www%2ecorp.example/");
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_a_uri_with_a_good_host_in_its_path => NameNotPermitted, |ring, draft| {
        let bad = uri("https://bank.example/www.corp.example");
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_a_principal_name_outside_what_is_permitted => NameNotPermitted,
        |ring, draft| draft.names(vec![dns("www.corp.example"), upn("admin@bank.example")]);
    refuses_a_directory_name => NameNotPermitted, |ring, draft| {
        let bad = GeneralName::Directory(name("CN=Somebody"));
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_a_registered_id => NameNotPermitted, |ring, draft| {
        let bad = GeneralName::RegisteredId(oids::EKU_ANY);
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_an_other_name_that_nobody_knows => NameNotPermitted, |ring, draft| {
        let bad = GeneralName::OtherName {
            type_id: Oid::new_unwrap("1.3.6.1.5.2.2"),
            value: vec![0x05, 0],
        };
        draft.names(vec![dns("www.corp.example"), bad]);
    };
    refuses_no_name_at_all => ExtensionMissing, |ring, draft| {
        draft.subject = Name::empty();
        draft.without(oids::EXT_SUBJECT_ALT_NAME);
    };
    refuses_alternative_names_of_the_issuer => ExtensionRefused, |ring, draft| {
        let value = ExtensionValue::IssuerAltName(vec![dns("www.bank.example")]);
        draft.set(Extension::non_critical(value));
    };
}

refuses_bytes! {
    refuses_a_wildcard_in_the_middle => WildcardRefused,
        |der| with_names(&der, &[(0x82, b"www.*.corp.example")]);
    refuses_a_wildcard_within_a_label => WildcardRefused,
        |der| with_names(&der, &[(0x82, b"w*w.corp.example")]);
    refuses_two_wildcards => WildcardRefused,
        |der| with_names(&der, &[(0x82, b"*.*.corp.example")]);
    refuses_a_wildcard_of_everything => WildcardRefused,
        |der| with_names(&der, &[(0x82, b"*.example")]);
    refuses_a_mailbox_with_two_at_signs => NameMalformed,
        |der| with_names(&der, &[(0x81, b"\"a@corp.example\"@bank.example")]);
    refuses_a_bare_wildcard => WildcardRefused, |der| with_names(&der, &[(0x82, b"*")]);
    refuses_an_address_written_as_a_dns_name => NameMalformed,
        |der| with_names(&der, &[(0x82, b"10.1.2.3")]);
    refuses_an_address_of_five_octets => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www.corp.example"), (0x87, &[10, 1, 2, 3, 4])]);
    refuses_an_address_with_a_mask => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www.corp.example"), (0x87, &[10, 1, 2, 3, 255, 0, 0, 0])]);
    refuses_a_mailbox_with_a_nul => NameMalformed,
        |der| with_names(&der, &[(0x81, b"a@bank.example\0@corp.example")]);
    refuses_a_uri_with_a_nul => NameMalformed,
        |der| with_names(&der, &[(0x86, b"https://bank.example\0.corp.example/")]);
    refuses_an_edi_party_name => DerNotStrict, |der| with_names(&der, &[(0xa5, &[])]);
}

#[test]
fn refuses_a_wildcard_where_none_is_allowed() {
    let plan = Plan::default().issuing_but("wildcard = true", "wildcard = false");
    let ring = Ring::start_with(plan);
    let mut draft = ring.leaf();
    draft.host("*.dev.corp.example");
    ring.attack(Socket::Issue, &ring.order(&draft)).assert_refused(Rule::WildcardRefused);
}

#[test]
fn refuses_a_sid_where_none_is_allowed() {
    let ring = Ring::start_with(Plan::default().issuing_but("sid = true", "sid = false"));
    let sid = "S-1-5-21-1111111111-222222222-333333333-500";
    let mut draft = ring.leaf();
    draft.set(Extension::non_critical(ExtensionValue::MicrosoftSid(sid.to_owned())));
    let mut assault = ring.assault();
    assault.refused_call(Rule::NameNotPermitted, &ring.order(&draft));
    let mut draft = ring.leaf();
    let tag = format!("tag:microsoft.com,2022-09-14:sid:{sid}");
    draft.names(vec![dns("www.corp.example"), uri(&tag)]);
    assault.refused_call(Rule::NameNotPermitted, &ring.order(&draft));
    assault.assert_held();
}
