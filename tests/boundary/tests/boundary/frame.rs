//! Frames that lie.

use kit::{Ring, frame};
use signer_proto::{Flags, HEADER, Header, Kind, Rule, Socket, Wire};

/// An honest request with one octet of its header replaced.
fn bent_header(at: usize, octet: u8) -> Vec<u8> {
    let mut octets = frame(Kind::Health, 7, &[]);
    octets[at] = octet;
    octets
}

#[test]
fn refuses_an_older_version() {
    let ring = Ring::start();
    ring.attack_octets(Socket::Issue, Kind::Health, bent_header(0, 0))
        .assert_refused(Rule::FrameMalformed);
}

#[test]
fn refuses_a_newer_version() {
    let ring = Ring::start();
    ring.attack_octets(Socket::Status, Kind::Health, bent_header(0, 2))
        .assert_refused(Rule::FrameMalformed);
}

#[test]
fn refuses_every_unknown_kind() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for code in 0..=u8::MAX {
        if Kind::from_code(code).is_none() {
            let attack = ring.attack_octets(Socket::Issue, Kind::Health, bent_header(1, code));
            assault.refused(Rule::FrameMalformed, attack);
        }
    }
    assault.assert_held();
}

#[test]
fn refuses_an_answer_where_a_request_belongs() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for flags in [Flags::ANSWER, Flags::MORE, Flags::REFUSED] {
        let attack = ring.attack_octets(Socket::Issue, Kind::Health, bent_header(2, flags.0));
        assault.refused(Rule::FrameMalformed, attack);
    }
    assault.assert_held();
}

#[test]
fn refuses_unknown_flags() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for flags in [2, 4, 8, 16, 32, 64, 128, 255] {
        let attack = ring.attack_octets(Socket::Admin, Kind::Health, bent_header(2, flags));
        assault.refused(Rule::FrameMalformed, attack);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_reserved_octet_that_is_not_zero() {
    let ring = Ring::start();
    ring.attack_octets(Socket::Va, Kind::Health, bent_header(3, 1))
        .assert_refused(Rule::FrameMalformed);
}

#[test]
fn refuses_a_length_over_the_limit_of_its_kind_before_the_body_comes() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for kind in Kind::ALL {
        let socket = Socket::ALL.iter().find(|socket| kind.permitted_on(**socket)).unwrap();
        for length in [kind.request_limit() + 1, u32::MAX] {
            let header = Header {
                kind: *kind,
                flags: Flags::REQUEST,
                length,
                sequence: 7,
                deadline_ms: 1000,
            };
            // The header alone: who waits for the body waits for ever.
            let attack = ring.attack_octets(*socket, *kind, header.encode().to_vec());
            assault.refused(Rule::FrameMalformed, attack);
        }
    }
    assault.assert_held();
}

#[test]
fn refuses_a_body_where_none_belongs() {
    let ring = Ring::start();
    ring.attack_body(Socket::Issue, Kind::Describe, b"x").assert_refused(Rule::FrameMalformed);
}

#[test]
fn refuses_a_length_of_zero_where_a_body_belongs() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for kind in Kind::ALL.iter().filter(|kind| kind.request_limit() > 0) {
        let socket = Socket::ALL.iter().find(|socket| kind.permitted_on(**socket)).unwrap();
        assault.refused(Rule::BodyMalformed, ring.attack_body(*socket, *kind, &[]));
    }
    assault.assert_held();
}

#[test]
fn refuses_a_deadline_of_zero_and_one_beyond_the_limit() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for deadline_ms in [0, 30_001, u32::MAX] {
        let header = Header {
            kind: Kind::Health,
            flags: Flags::REQUEST,
            length: 0,
            sequence: 7,
            deadline_ms,
        };
        let octets = header.encode().to_vec();
        let attack = ring.attack_octets(Socket::Issue, Kind::Health, octets);
        assault.refused(Rule::FrameMalformed, attack);
    }
    assault.assert_held();
}

#[test]
fn refuses_an_honest_request_cut_at_every_octet() {
    let ring = Ring::start();
    let order = ring.order(&ring.leaf());
    let honest = frame(Kind::SignCertificate, 7, &order.to_wire());
    let mut assault = ring.assault();
    for length in 1..honest.len() {
        let attack = ring
            .attack_octets(Socket::Issue, Kind::SignCertificate, honest[..length].to_vec())
            .and_end();
        let attack = if length < HEADER { attack.answered_as(Kind::Health, 0) } else { attack };
        assault.refused(Rule::FrameMalformed, attack);
    }
    assault.assert_held();
}

#[test]
fn refuses_what_follows_a_frame_and_is_none() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    let mut octets = bent_header(0, 1);
    octets.extend([0xff; HEADER]);
    let mut peer = ring.peer(Socket::Issue);
    peer.write(&octets).unwrap();
    let answer = peer.read_answer(Kind::Health, 7);
    assert!(matches!(answer, kit::Answered::Answer(_)), "the honest one is answered");
    // The same garbage alone, so that the journal is held against it.
    let garbage = ring.attack_octets(Socket::Issue, Kind::Health, vec![0xff; HEADER]);
    assault.refused(Rule::FrameMalformed, garbage.answered_as(Kind::Health, u32::MAX));
    assault.assert_held();
}
