//! What a ring says of serial numbers.

use signer_proto::{
    InspectSerial, IssuedSerial, RevocationStatus, Revoke, SerialInspection, SerialTag, Socket,
};
use x509::{CrlReason, Serial};

use super::workshop::{Workshop, label};

fn inspect(workshop: &Workshop, serial: Serial) -> SerialInspection {
    workshop.call(InspectSerial { serial }).unwrap()
}

#[test]
fn a_serial_is_minted_then_issued_then_revoked() {
    let workshop = Workshop::with_hierarchy();
    let tbs = workshop.leaf("a.corp.example");
    let minted = SerialInspection {
        tag: SerialTag::Minted,
        minted_for: Some(label("issuing")),
        issued: None,
    };
    assert_eq!(inspect(&workshop, tbs.serial), minted);
    let signed = workshop.call(workshop.order(&tbs)).unwrap();
    let issued = IssuedSerial { key: label("issuing"), position: signed.position, change: None };
    let known = SerialInspection { issued: Some(issued.clone()), ..minted };
    assert_eq!(inspect(&workshop, tbs.serial), known);
    let (key, reason) = (label("issuing"), CrlReason::Superseded);
    let change = workshop.call(Revoke { key, serial: tbs.serial, reason, invalidity: None });
    let change = change.unwrap();
    assert_eq!(change.status, RevocationStatus::Revoked);
    let issued = IssuedSerial { change: Some(change), ..issued };
    assert_eq!(inspect(&workshop, tbs.serial).issued, Some(issued));
    let root = workshop.issuing.as_ref().unwrap().tbs().serial;
    assert_eq!(inspect(&workshop, root).minted_for, Some(label("root")));
}

#[test]
fn a_serial_of_somebody_else_is_told_from_ours_octet_by_octet() {
    let workshop = Workshop::with_hierarchy();
    let minted = workshop.mint("issuing");
    let stranger = SerialInspection { tag: SerialTag::NotMinted, minted_for: None, issued: None };
    for at in 0..minted.as_bytes().len() {
        let mut octets = minted.as_bytes().to_vec();
        octets[at] ^= 1;
        let bent = Serial::from_unsigned(&octets).unwrap();
        assert_eq!(inspect(&workshop, bent), stranger, "octet {at}");
    }
    let short = Serial::from_unsigned(&[1]).unwrap();
    assert_eq!(inspect(&workshop, short), stranger);
    let another = Workshop::with_hierarchy().mint("issuing");
    assert_eq!(inspect(&workshop, another), stranger);
}

#[test]
fn a_locked_ring_knows_what_it_issued_and_not_what_it_minted() {
    let mut workshop = Workshop::with_hierarchy();
    let issued = workshop.issue("a.corp.example").tbs().serial;
    let minted = workshop.mint("issuing");
    workshop.restart_locked();
    let found = inspect(&workshop, issued);
    assert_eq!((found.tag, found.minted_for), (SerialTag::Unchecked, None));
    assert!(found.issued.is_some());
    assert_eq!(inspect(&workshop, minted).issued, None);
}

#[test]
fn every_socket_tells() {
    let workshop = Workshop::with_hierarchy();
    let call = InspectSerial { serial: workshop.mint("issuing") };
    for socket in Socket::ALL {
        assert!(workshop.ask_on(*socket, &call).recv().unwrap().is_ok(), "{socket}");
    }
}
