//! Bytes that are not strict DER, or not what they should be.

use kit::der::{self, Node, bend, bend_extension, extension, find_extension, tbs, tlv, with_names};
use kit::{Ring, SubjectKey, frame, name};
use signer_proto::{Kind, Rule, SignCaRequest, Socket, Warrant, Wire};
use x509::{
    CertificationRequestInfoDer, CrlReason, ExtensionValue, Oid, RevokedEntry, TbsCertListFields,
    encode_tbs_cert_list, oids,
};

/// The outermost content.
fn content(der: &[u8]) -> Vec<u8> {
    assert_eq!((der[0], der[1]), (0x30, 0x82), "a TBS of 256 octets to 64 KiB");
    der[4..].to_vec()
}

/// Adds an extension at the end of the list.
fn with_extension(der: &[u8], extension: Node) -> Vec<u8> {
    bend(der, |tbs| tbs.at(tbs::EXTENSIONS).inside().push(extension))
}

/// Replaces the content of the value at a path.
fn with_content(der: &[u8], path: &[usize], octets: &[u8]) -> Vec<u8> {
    bend(der, |tbs| *tbs.at(path).content() = octets.to_vec())
}

/// Replaces the value at a path.
fn with_node(der: &[u8], path: &[usize], node: Node) -> Vec<u8> {
    bend(der, |tbs| *tbs.at(path) = node)
}

/// A tree of a thousand SEQUENCEs, one in the other.
fn deep() -> Vec<u8> {
    (0..1000).fold(vec![0x05, 0], |inside, _| tlv(0x30, &inside))
}

refuses_bytes! {
    refuses_indefinite_length => DerNotStrict,
        |der| [&[0x30, 0x80], content(&der).as_slice(), &[0, 0]].concat();
    refuses_a_length_that_is_not_minimal => DerNotStrict, |der| {
        let length = u16::try_from(der.len() - 4).unwrap().to_be_bytes();
        [&[0x30, 0x83, 0], length.as_slice(), &content(&der)].concat()
    };
    refuses_a_length_of_nine_octets => DerNotStrict,
        |der| [&[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0], content(&der).as_slice()].concat();
    refuses_a_long_length_inside => DerNotStrict,
        |der| with_node(&der, tbs::VERSION, Node::Raw(vec![0x02, 0x81, 1, 2]));
    refuses_trailing_octets => DerNotStrict, |der| [der.as_slice(), &[0]].concat();
    refuses_a_second_document_behind_the_first => DerNotStrict,
        |der| [der.as_slice(), &der].concat();
    refuses_trailing_octets_inside_the_sequence => DerNotStrict,
        |der| bend(&der, |tbs| tbs.inside().push(Node::Leaf(0x05, vec![])));
    refuses_trailing_octets_inside_an_extension => DerNotStrict, |der| bend(&der, |tbs| {
        let usage = find_extension(tbs, oids::EXT_KEY_USAGE);
        usage.inside().last_mut().unwrap().content().extend([0, 0]);
    });
    refuses_nothing_at_all => DerNotStrict, |der| der[..0].to_vec();
    refuses_zeroes => DerNotStrict, |der| vec![0; der.len()];
    refuses_an_application_tag => DerNotStrict, |der| [&[0x70], &der[1..]].concat();

    refuses_an_integer_that_is_not_minimal => FieldMalformed,
        |der| bend(&der, |tbs| tbs.at(tbs::SERIAL).content().insert(0, 0));
    refuses_a_serial_of_zero => FieldMalformed, |der| with_content(&der, tbs::SERIAL, &[0]);
    refuses_a_negative_serial => FieldMalformed, |der| with_content(&der, tbs::SERIAL, &[0x80, 1]);
    refuses_a_serial_of_21_octets => FieldMalformed,
        |der| with_content(&der, tbs::SERIAL, &[0x11; 21]);
    refuses_an_empty_serial => FieldMalformed, |der| with_content(&der, tbs::SERIAL, &[]);

    refuses_version_1 => DerNotStrict, |der| bend(&der, |tbs| drop(tbs.inside().remove(0)));
    refuses_version_1_encoded_though_it_is_the_default => DerNotStrict,
        |der| with_content(&der, tbs::VERSION, &[0]);
    refuses_version_2 => DerNotStrict, |der| with_content(&der, tbs::VERSION, &[1]);
    refuses_version_4 => DerNotStrict, |der| with_content(&der, tbs::VERSION, &[3]);

    refuses_the_same_extension_twice => DerNotStrict, |der| bend(&der, |tbs| {
        let list = tbs.at(tbs::EXTENSIONS).inside();
        let again = list[0].clone();
        list.push(again);
    });
    refuses_a_critical_false_that_is_the_default => DerNotStrict, |der| bend(&der, |tbs| {
        let usage = find_extension(tbs, oids::EXT_EXTENDED_KEY_USAGE);
        usage.inside().insert(1, Node::Leaf(0x01, vec![0]));
    });
    refuses_a_true_that_is_not_all_ones => DerNotStrict, |der| bend(&der, |tbs| {
        *find_extension(tbs, oids::EXT_KEY_USAGE).at(&[1]).content() = vec![1];
    });
    refuses_a_ca_false_that_is_the_default => DerNotStrict,
        |der| bend_extension(&der, oids::EXT_BASIC_CONSTRAINTS, |value| {
            value.inside().push(Node::Leaf(0x01, vec![0]));
        });
    refuses_key_usage_with_zero_bits_at_its_end => DerNotStrict,
        |der| bend_extension(&der, oids::EXT_KEY_USAGE, |value| {
            *value.content() = vec![0, 0x80];
        });
    refuses_an_empty_list_of_extensions => DerNotStrict,
        |der| bend(&der, |tbs| tbs.at(tbs::EXTENSIONS).inside().clear());
    refuses_no_extensions => DerNotStrict, |der| bend(&der, |tbs| drop(tbs.inside().pop()));
    refuses_an_extension_without_a_value => DerNotStrict, |der| bend(&der, |tbs| {
        find_extension(tbs, oids::EXT_KEY_USAGE).inside().pop();
    });
    refuses_a_unique_identifier_of_the_issuer => DerNotStrict,
        |der| bend(&der, |tbs| tbs.inside().insert(7, Node::Leaf(0x81, vec![0, 1])));
    refuses_an_object_identifier_that_is_not_minimal => DerNotStrict, |der| {
        let oid = Node::Leaf(0x06, vec![0x55, 0x80, 0x1d, 0x0f]);
        let value = Node::Leaf(0x04, vec![0x03, 2, 7, 0x80]);
        with_extension(&der, Node::Tree(0x30, vec![oid, value]))
    };

    refuses_an_unknown_extension => ExtensionRefused, |der| {
        let oid = Oid::new_unwrap("1.3.6.1.4.1.99999.1");
        with_extension(&der, extension(oid, false, &[0x05, 0]))
    };
    refuses_an_unknown_critical_extension => ExtensionRefused, |der| {
        let oid = Oid::new_unwrap("1.3.6.1.4.1.99999.1");
        with_extension(&der, extension(oid, true, &[0x05, 0]))
    };

    refuses_generalized_time_before_2050 => DerNotStrict,
        |der| with_node(&der, tbs::NOT_AFTER, Node::Leaf(0x18, b"20400101000000Z".to_vec()));
    refuses_utc_time_without_seconds => DerNotStrict,
        |der| with_content(&der, tbs::NOT_BEFORE, b"2601010000Z");
    refuses_utc_time_with_an_offset => DerNotStrict,
        |der| with_content(&der, tbs::NOT_BEFORE, b"260101000000+0000");
    refuses_fractions_of_a_second => DerNotStrict,
        |der| with_node(&der, tbs::NOT_AFTER, Node::Leaf(0x18, b"20500101000000.5Z".to_vec()));
    refuses_the_thirtieth_of_february => DerNotStrict,
        |der| with_content(&der, tbs::NOT_BEFORE, b"260230000000Z");
    refuses_the_year_9999_which_means_for_ever => ValidityTooLong,
        |der| with_node(&der, tbs::NOT_AFTER, Node::Leaf(0x18, b"99991231235959Z".to_vec()));

    refuses_a_nul_inside_a_dns_name => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www.corp.example\0.evil.example")]);
    refuses_a_u_label => NameMalformed,
        |der| with_names(&der, &[(0x82, "www.c\u{f6}rp.corp.example".as_bytes())]);
    refuses_a_trailing_dot => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www.corp.example.")]);
    refuses_an_empty_label => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www..corp.example")]);
    refuses_a_leading_dot => NameMalformed,
        |der| with_names(&der, &[(0x82, b".corp.example")]);
    refuses_a_label_of_64_octets => NameMalformed, |der| {
        let long = [&[b'a'; 64], b".corp.example".as_slice()].concat();
        with_names(&der, &[(0x82, &long)])
    };
    refuses_an_empty_dns_name => NameMalformed, |der| with_names(&der, &[(0x82, b"")]);
    refuses_a_space_in_a_dns_name => NameMalformed,
        |der| with_names(&der, &[(0x82, b"www .corp.example")]);
    refuses_no_names_in_the_alternative_names => DerNotStrict, |der| with_names(&der, &[]);
    refuses_a_constructed_dns_name => DerNotStrict,
        |der| bend_extension(&der, oids::EXT_SUBJECT_ALT_NAME, |list| {
            let part = Node::Leaf(0x16, b"www.corp.example".to_vec());
            *list.inside() = vec![Node::Tree(0xa2, vec![part])];
        });

    refuses_nesting_a_thousand_deep_in_the_subject => DerNotStrict,
        |der| with_node(&der, tbs::SUBJECT, Node::Raw(deep()));
    refuses_nesting_a_thousand_deep_in_an_extension => DerNotStrict, |der| bend(&der, |tbs| {
        let names = find_extension(tbs, oids::EXT_SUBJECT_ALT_NAME);
        *names.inside().last_mut().unwrap().content() = deep();
    });
    refuses_a_name_of_thirty_kilobytes => DerNotStrict, |der| {
        let value = Node::Leaf(0x0c, vec![b'a'; 30_000]);
        let attribute = Node::Tree(0x30, vec![Node::Leaf(0x06, vec![0x55, 4, 10]), value]);
        let rdn = Node::Tree(0x31, vec![attribute]);
        with_node(&der, tbs::SUBJECT, Node::Tree(0x30, vec![rdn]))
    };
    refuses_attributes_of_a_set_out_of_order => DerNotStrict, |der| {
        let attribute = |last: u8, value: &str| {
            let oid = Node::Leaf(0x06, vec![0x55, 4, last]);
            Node::Tree(0x30, vec![oid, Node::Leaf(0x0c, value.as_bytes().to_vec())])
        };
        let rdn = Node::Tree(0x31, vec![attribute(3, "www.corp.example"), attribute(10, "Corp")]);
        with_node(&der, tbs::SUBJECT, Node::Tree(0x30, vec![rdn]))
    };
    refuses_a_subject_in_bad_utf8 => DerNotStrict,
        |der| bend(&der, |tbs| tbs.at(tbs::SUBJECT).at(&[0, 0, 1]).content()[0] = 0xff);
}

#[test]
fn refuses_a_document_over_the_limit_of_its_field() {
    let ring = Ring::start();
    let order = ring.order_der(vec![0x30; 60_000]);
    ring.attack(Socket::Issue, &order).assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_other_documents_where_a_certificate_belongs() {
    let ring = Ring::start();
    let key = SubjectKey::new();
    let csr = key.request(&name("CN=www.corp.example"), Vec::new());
    let info = x509::Csr::parse(csr.as_bytes()).unwrap().info_der().as_bytes().to_vec();
    let certificate = ring.issue();
    let crl = TbsCertListFields {
        scheme: x509::SignatureScheme::EcdsaP256Sha256,
        issuer: &name(kit::ISSUING_NAME),
        this_update: ring.clock.now(),
        next_update: ring.clock.now().plus_seconds(3600),
        authority_key_id: &ring.public(kit::ISSUING).key_identifier(),
        crl_number: 1,
        idp: None,
    };
    let entry = RevokedEntry {
        serial: certificate.tbs().serial,
        revoked_at: ring.clock.now(),
        reason: Some(CrlReason::KeyCompromise),
        invalidity: None,
    };
    let crl = encode_tbs_cert_list(&crl, std::iter::once(entry)).unwrap();
    // [1] byName, producedAt, responses: what an OCSP responder would sign.
    let subject = name(kit::ISSUING_NAME);
    let by_name = tlv(0xa1, subject.der().as_bytes());
    let produced = tlv(0x18, b"20270101000000Z");
    let response_data = tlv(0x30, &[by_name, produced, tlv(0x30, &[])].concat());
    let versioned = bend(certificate.tbs_der().as_bytes(), |tbs| {
        // A ResponseData that says its version begins as a TBSCertificate does.
        *tbs.at(tbs::VERSION).content() = vec![0];
        tbs.inside()[1] = Node::Tree(0xa1, vec![Node::parse(subject.der().as_bytes())]);
    });
    let mut assault = ring.assault();
    for (what, document) in [
        ("a CSR", csr.as_bytes().to_vec()),
        ("a CSR's inside", info),
        ("a whole certificate", certificate.der().as_bytes().to_vec()),
        ("a CRL", crl.as_bytes().to_vec()),
        ("ResponseData", response_data),
        ("a TBS that is a ResponseData prefix", versioned),
        ("a name", subject.der().as_bytes().to_vec()),
        ("a key", ring.public(kit::ISSUING).spki().as_bytes().to_vec()),
        ("a digest", vec![0x5a; 32]),
        ("a DigestInfo", tlv(0x30, &[tlv(0x30, &[]), tlv(0x04, &[0x5a; 32])].concat())),
    ] {
        let refusal = assault.refused_call(Rule::DerNotStrict, &ring.order_der(document));
        assert!(!refusal.detail.is_empty(), "{what}");
    }
    assault.assert_held();
}

#[test]
fn refuses_a_certificate_where_a_csr_of_our_own_belongs() {
    let ring = Ring::start();
    let leaf = ring.leaf().der();
    let authority = ring.authority("CN=Mine", SubjectKey::new().public()).der();
    let mut assault = ring.assault();
    for document in [leaf, authority, vec![0x5a; 32]] {
        let call = SignCaRequest {
            key: kit::label(kit::ISSUING),
            info: CertificationRequestInfoDer::from_vec(document),
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::DerNotStrict, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_an_honest_leaf_cut_at_every_octet() {
    let ring = Ring::start();
    let honest = ring.leaf().der();
    let mut order = ring.order_der(honest.clone());
    let mut assault = ring.assault();
    for length in 0..honest.len() {
        order.tbs = x509::TbsCertificateDer::from_vec(honest[..length].to_vec());
        order.idempotency = ring.idempotency();
        assault.refused_call(Rule::DerNotStrict, &order);
    }
    assault.assert_held();
}

#[test]
fn an_honest_leaf_with_any_bit_flipped_is_never_signed_as_something_else() {
    // What is signed is what was sent: a flip is refused, or stands in the certificate as it is.
    let ring = Ring::start();
    let mut honest = ring.leaf().der();
    let mut order = ring.order_der(honest.clone());
    let mut peer = ring.peer(Socket::Issue);
    let mut signed = 0;
    for at in 0..honest.len() {
        let mut bent = honest.clone();
        bent[at] ^= 1 << (at % 8);
        order.tbs = x509::TbsCertificateDer::from_vec(bent.clone());
        order.idempotency = ring.idempotency();
        match peer.call(&order) {
            Err(kit::Failure::Refused(_)) => {}
            Err(kit::Failure::Closed) => panic!("octet {at}: the connection ended"),
            Ok(answer) => {
                // A harmless place: another minute, another host below the domain.
                let certificate = kit::assemble(&order.tbs, &answer);
                assert_eq!(certificate.tbs_der().as_bytes(), bent);
                certificate.verify_by(&ring.public(kit::ISSUING)).unwrap();
                signed += 1;
                // Its serial is spent now.
                honest = ring.leaf().der();
            }
        }
    }
    assert_eq!(ring.ledger().certificates().count(), signed);
    let _ = ring.issue();
}

#[test]
fn refuses_octets_drawn_by_lot() {
    let ring = Ring::start();
    let mut order = ring.order(&ring.leaf());
    let mut state = 0x9e37_79b9_u32;
    let mut assault = ring.assault();
    for _ in 0..200 {
        let octets = (0..300).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_be_bytes()[0]
        });
        order.tbs = x509::TbsCertificateDer::from_vec(octets.collect());
        order.idempotency = ring.idempotency();
        let body = frame(Kind::SignCertificate, 7, &order.to_wire());
        let attack = ring.attack_octets(Socket::Issue, Kind::SignCertificate, body);
        assault.refused(Rule::DerNotStrict, attack);
    }
    assault.assert_held();
}

#[test]
fn the_bends_of_this_file_start_from_what_is_admitted() {
    let ring = Ring::start();
    let der = ring.leaf().der();
    assert_eq!(der::Node::parse(&der).encode(), der);
    let value = ExtensionValue::SubjectAltName(vec![kit::dns("www.corp.example")]);
    assert_eq!(value.oid(), oids::EXT_SUBJECT_ALT_NAME);
    ring.call(&ring.order_der(der)).unwrap();
}
