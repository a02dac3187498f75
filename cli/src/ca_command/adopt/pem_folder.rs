//! A folder of certificates, PEM or DER, as `openssl ca` keeps them in newcerts.

use std::fs;
use std::path::{Path, PathBuf};

use x509::{ForeignCertificate, pem};

use super::inventory::{Faults, Inventory, Issued};

pub(super) fn read(
    folder: &Path,
    ca: &ForeignCertificate,
    inventory: &mut Inventory,
    faults: &mut Faults,
) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return faults.note(folder, error),
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    for path in paths {
        match fs::read(&path) {
            Ok(octets) => file(&path, &octets, (ca, inventory), faults),
            Err(error) => faults.note(&path, error),
        }
    }
}

fn file(
    path: &Path,
    octets: &[u8],
    (ca, inventory): (&ForeignCertificate, &mut Inventory),
    faults: &mut Faults,
) {
    let text = std::str::from_utf8(octets).ok().filter(|text| text.contains("-----BEGIN "));
    let ders = match text.map(pem::decode) {
        None => vec![octets.to_vec()],
        Some(Ok(blocks)) => {
            let certificates = blocks.into_iter().filter(|(label, _)| label == pem::CERTIFICATE);
            certificates.map(|(_, der)| der).collect()
        }
        Some(Err(error)) => return faults.note(path, error),
    };
    if ders.is_empty() {
        faults.note(path, "there is no certificate in it");
    }
    for der in ders {
        if let Err(why) = add(&der, ca, inventory) {
            faults.note(path, why);
        }
    }
}

fn add(der: &[u8], ca: &ForeignCertificate, inventory: &mut Inventory) -> Result<(), String> {
    let read = ForeignCertificate::parse(der).map_err(|error| {
        format!("it cannot be read ({error}): name its serial number in a CSV instead")
    })?;
    let itself = read.issuer().der() == read.subject().der();
    if read.raw() == ca.raw() && !itself {
        // The CA's own: another CA issued it.
        return Ok(());
    }
    if read.issuer().der() != ca.subject().der()
        || !matches!(read.verify_by(ca.public_key()), Some(Ok(())))
    {
        return Err(format!("{} was not issued by {}", read.subject(), ca.subject()));
    }
    let serial = read.serial().ok_or("its serial number is none by RFC 5280")?;
    let pem = Some(pem::encode(pem::CERTIFICATE, der));
    inventory.add(serial, Issued { not_after: read.not_after(), revoked: None, pem })
}
