//! Writes TBSCertList: two passes over the entries, one allocation.

use super::{CrlReason, RevokedEntry};
use crate::reader::tag;
use crate::writer::Writer;
use crate::{
    AuthorityKeyIdentifier, DerError, Extension, ExtensionValue, Extensions,
    IssuingDistributionPoint, Name, SignatureScheme, TbsCertListDer, UnixTime,
};

/// The fields of a CRL other than its entries.
#[derive(Clone, Copy, Debug)]
pub struct TbsCertListFields<'a> {
    /// How the CRL will be signed: a matched scheme.
    pub scheme: SignatureScheme,
    /// The issuer's name.
    pub issuer: &'a Name,
    /// When the CRL is issued.
    pub this_update: UnixTime,
    /// When the next one is issued at the latest.
    pub next_update: UnixTime,
    /// The issuer's subjectKeyIdentifier.
    pub authority_key_id: &'a [u8],
    /// The CRL's number, which only grows (RFC 5280 §5.2.3).
    pub crl_number: u64,
    /// What the CRL covers, if not everything.
    pub idp: Option<&'a IssuingDistributionPoint>,
}

/// reasonCode around its one octet: SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED } }.
const REASON: [u8; 11] = [0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];
/// invalidityDate around its digits: SEQUENCE { OID 2.5.29.24, OCTET STRING { GeneralizedTime } }.
const INVALIDITY: [u8; 11] = [0x30, 0x18, 0x06, 0x03, 0x55, 0x1d, 0x18, 0x04, 0x11, 0x18, 0x0f];

const REASON_LEN: usize = REASON.len() + 1;
const INVALIDITY_LEN: usize = INVALIDITY.len() + 15;

/// Writes a TBSCertList of version 2 (RFC 5280 §5.1.2) with authorityKeyIdentifier, cRLNumber and,
/// if given, issuingDistributionPoint.
///
/// The entries keep their order; revokedCertificates is absent if there are none (§5.1.2.6). The
/// iterator is walked twice and must give the same entries each time.
///
/// # Errors
/// [`DerError`] if a time lies outside 1950 to 9999, nextUpdate is not after thisUpdate, the issuer
/// is empty, the scheme is one that is only verified, or an entry says removeFromCRL, which belongs into delta CRLs.
pub fn encode_tbs_cert_list(
    fields: &TbsCertListFields<'_>,
    entries: impl Iterator<Item = RevokedEntry> + Clone,
) -> Result<TbsCertListDer, DerError> {
    let mut list = vec![
        Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(
            AuthorityKeyIdentifier::from_key_id(fields.authority_key_id),
        )),
        Extension::non_critical(ExtensionValue::CrlNumber(fields.crl_number)),
    ];
    if let Some(idp) = fields.idp {
        // RFC 5280 §5.2.5: critical.
        list.push(Extension::critical(ExtensionValue::IssuingDistributionPoint(idp.clone())));
    }
    let extensions = Extensions::new(list)?;
    let head = Head {
        scheme: fields.scheme,
        issuer: fields.issuer,
        this_update: fields.this_update,
        next_update: fields.next_update,
    };
    encode_parts(&head, entries, &extensions)
}

/// The fields before the entries.
pub(super) struct Head<'a> {
    pub(super) scheme: SignatureScheme,
    pub(super) issuer: &'a Name,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
}

/// Writes a TBSCertList with these extensions in their order.
pub(super) fn encode_parts(
    head: &Head<'_>,
    entries: impl Iterator<Item = RevokedEntry> + Clone,
    extensions: &Extensions,
) -> Result<TbsCertListDer, DerError> {
    if head.issuer.is_empty() {
        // RFC 5280 §5.1.2.3: a non-empty distinguished name.
        return Err(DerError::field("issuer", "empty"));
    }
    if !head.scheme.is_matched() {
        return Err(DerError::field("signature", "a scheme that is only verified"));
    }
    if head.next_update <= head.this_update {
        return Err(DerError::field("nextUpdate", "not after thisUpdate"));
    }
    let mut before = Writer::new();
    before.unsigned(1);
    before.raw(head.scheme.algorithm_identifier());
    before.raw(head.issuer.der().as_bytes());
    before.time(head.this_update)?;
    before.time(head.next_update)?;
    let before = before.finish();
    let mut after = Writer::new();
    after.nested(tag::context_constructed(0), |w| extensions.encode(w))?;
    let after = after.finish();

    let mut entries_len = 0_usize;
    for entry in entries.clone() {
        entries_len += entry_len(&entry)? + 2;
    }
    let list_len = if entries_len == 0 { 0 } else { entries_len + header_len(entries_len) };
    let total = before.len() + list_len + after.len();
    let mut writer = Writer::with_capacity(total + header_len(total));
    writer.header(tag::SEQUENCE, total);
    writer.raw(&before);
    if entries_len > 0 {
        writer.header(tag::SEQUENCE, entries_len);
        let start = writer.len();
        for entry in entries {
            write_entry(&mut writer, &entry)?;
        }
        if writer.len() - start != entries_len {
            return Err(DerError::field("revokedCertificates", "the entries changed in between"));
        }
    }
    writer.raw(&after);
    Ok(TbsCertListDer::from_vec(writer.finish()))
}

/// Counts the octets of an entry without its header, which has two: no entry reaches 128.
fn entry_len(entry: &RevokedEntry) -> Result<usize, DerError> {
    let reason = entry.written_reason();
    if reason == Some(CrlReason::RemoveFromCrl) {
        return Err(DerError::field("CRLReason", "removeFromCRL outside a delta CRL"));
    }
    let time = if entry.revoked_at.is_utc_time()? { 15 } else { 17 };
    let extensions = extensions_len(entry);
    let list = if extensions == 0 { 0 } else { extensions + 2 };
    Ok(2 + entry.serial.content_len() + time + list)
}

fn extensions_len(entry: &RevokedEntry) -> usize {
    let reason = if entry.written_reason().is_some() { REASON_LEN } else { 0 };
    let invalidity = if entry.invalidity.is_some() { INVALIDITY_LEN } else { 0 };
    reason + invalidity
}

fn write_entry(writer: &mut Writer, entry: &RevokedEntry) -> Result<(), DerError> {
    writer.header(tag::SEQUENCE, entry_len(entry)?);
    writer.serial(&entry.serial);
    writer.time(entry.revoked_at)?;
    let extensions = extensions_len(entry);
    if extensions == 0 {
        return Ok(());
    }
    writer.header(tag::SEQUENCE, extensions);
    if let Some(reason) = entry.written_reason() {
        writer.raw(&REASON);
        writer.raw(&[reason.code()]);
    }
    if let Some(time) = entry.invalidity {
        writer.raw(&INVALIDITY);
        writer.raw(&time.digits()?);
        writer.raw(b"Z");
    }
    Ok(())
}

/// Counts identifier and length octets.
fn header_len(content: usize) -> usize {
    let mut writer = Writer::new();
    writer.header(tag::SEQUENCE, content);
    writer.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crl, Serial, Signature};
    use proptest::prelude::*;

    const SCHEME: SignatureScheme = SignatureScheme::EcdsaP256Sha256;

    fn issuer() -> Name {
        Name::parse_rfc4514("CN=CA").unwrap()
    }

    fn fields(issuer: &Name) -> TbsCertListFields<'_> {
        TbsCertListFields {
            scheme: SCHEME,
            issuer,
            this_update: UnixTime(1_700_000_000),
            next_update: UnixTime(1_700_086_400),
            authority_key_id: &[7; 20],
            crl_number: 1,
            idp: None,
        }
    }

    fn entry(serial: &[u8]) -> RevokedEntry {
        RevokedEntry {
            serial: Serial::from_unsigned(serial).unwrap(),
            revoked_at: UnixTime(1_690_000_000),
            reason: None,
            invalidity: None,
        }
    }

    fn encode(entries: &[RevokedEntry]) -> Result<TbsCertListDer, DerError> {
        encode_tbs_cert_list(&fields(&issuer()), entries.iter().copied())
    }

    fn parse(tbs: &TbsCertListDer) -> Result<Crl, DerError> {
        let signature = Signature::from_vec(vec![1]);
        Crl::parse(Crl::assemble(tbs, SCHEME, &signature).as_bytes())
    }

    #[test]
    fn leaves_out_an_empty_list_and_the_reason_unspecified() {
        let empty = parse(&encode(&[]).unwrap()).unwrap();
        assert_eq!(empty.entries(), []);
        let unspecified = RevokedEntry { reason: Some(CrlReason::Unspecified), ..entry(&[1]) };
        assert_eq!(encode(&[unspecified]), encode(&[entry(&[1])]));
    }

    #[test]
    fn refuses_remove_from_crl_bad_times_an_empty_issuer_and_unmatched_schemes() {
        let removed = RevokedEntry { reason: Some(CrlReason::RemoveFromCrl), ..entry(&[1]) };
        let why = "removeFromCRL outside a delta CRL";
        assert_eq!(encode(&[removed]), Err(DerError::field("CRLReason", why)));
        let early = RevokedEntry { revoked_at: UnixTime(i64::MIN), ..entry(&[1]) };
        assert_eq!(encode(&[early]), Err(DerError::field("Time", "not within 1950 to 9999")));
        let none = core::iter::empty::<RevokedEntry>;
        let issuer = issuer();
        let still = TbsCertListFields { next_update: UnixTime(1_700_000_000), ..fields(&issuer) };
        let refused = DerError::field("nextUpdate", "not after thisUpdate");
        assert_eq!(encode_tbs_cert_list(&still, none()), Err(refused));
        let nobody = Name::empty();
        let refused = Err(DerError::field("issuer", "empty"));
        assert_eq!(encode_tbs_cert_list(&fields(&nobody), none()), refused);
        let unmatched =
            TbsCertListFields { scheme: SignatureScheme::EcdsaP384Sha256, ..fields(&issuer) };
        let refused = DerError::field("signature", "a scheme that is only verified");
        assert_eq!(encode_tbs_cert_list(&unmatched, none()), Err(refused));
    }

    #[test]
    fn refuses_entries_that_change_between_the_passes() {
        use core::cell::Cell;
        let calls = Cell::new(0);
        let entries = core::iter::once(()).map(|()| {
            calls.set(calls.get() + 1);
            if calls.get() == 1 { entry(&[1]) } else { entry(&[1, 1]) }
        });
        let refused = encode_tbs_cert_list(&fields(&issuer()), entries);
        let why = "the entries changed in between";
        assert_eq!(refused, Err(DerError::field("revokedCertificates", why)));
    }

    /// Lists whose length takes one, two and three octets.
    #[test]
    fn lengths_are_right_at_every_size() {
        for count in [1_u32, 3, 5, 6, 10, 11, 100, 2000, 2500] {
            let entries: Vec<RevokedEntry> =
                (1..=count).map(|serial| entry(&serial.to_be_bytes())).collect();
            assert_eq!(parse(&encode(&entries).unwrap()).unwrap().entries(), entries);
        }
    }

    #[test]
    fn reads_back_a_million_entries() {
        let entries = (1..=1_000_000_u32).map(|serial| {
            let octets = [&[0x40; 15][..], &serial.to_be_bytes()].concat();
            let reason = CrlReason::from_code(u8::try_from(serial % 7).unwrap());
            RevokedEntry { reason, ..entry(&octets) }
        });
        let entries: Vec<RevokedEntry> = entries.collect();
        let start = std::time::Instant::now();
        let tbs = encode(&entries).unwrap();
        let taken = start.elapsed();
        eprintln!("{} octets in {taken:?}", tbs.as_bytes().len());
        let start = std::time::Instant::now();
        let crl = parse(&tbs).unwrap();
        eprintln!("parsed in {:?}", start.elapsed());
        assert_eq!(crl.entries().len(), entries.len());
        // DESIGN §7: 2.5 s with the signature, in release; the encoder must be far below.
        if !cfg!(debug_assertions) {
            assert!(taken.as_millis() < 1000, "{taken:?}");
        }
    }

    fn any_entry() -> impl Strategy<Value = RevokedEntry> {
        let time = || (-631_152_000_i64..253_402_300_800).prop_map(UnixTime);
        (prop::collection::vec(1_u8..128, 1..21), time(), 0_u8..7, prop::option::of(time()))
            .prop_map(|(serial, revoked_at, reason, invalidity)| RevokedEntry {
                serial: Serial::from_unsigned(&serial).unwrap(),
                revoked_at,
                reason: CrlReason::from_code(reason).filter(|r| *r != CrlReason::Unspecified),
                invalidity,
            })
    }

    proptest! {
        #[test]
        fn encode_then_parse_gives_the_same(entries in prop::collection::vec(any_entry(), 0..20)) {
            let crl = parse(&encode(&entries).unwrap()).unwrap();
            prop_assert_eq!(crl.entries(), &entries[..]);
        }
    }
}
