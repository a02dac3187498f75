//! tls-alpn-01 (RFC 8737), for addresses too (RFC 8738 §6).

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::certificate;
use crate::Failure;
use crate::deadline::Deadline;
use crate::dial::{Dial, Host};
use crate::key_authorization::KeyAuthorization;

/// RFC 8737 §6.2.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Shakes hands and looks at the certificate.
pub(crate) async fn tls_alpn01(
    (dial, tls): (&Dial, &Arc<ClientConfig>),
    host: &Host,
    key: &KeyAuthorization,
    deadline: Deadline,
) -> Result<SocketAddr, Failure> {
    let (stream, address) = dial.connect(host, dial.ports.tls_alpn, deadline).await?;
    let failed = |why: String| Failure::Handshake { address, why };
    let name =
        ServerName::try_from(server_name(host)).map_err(|error| failed(error.to_string()))?;
    let handshake = async {
        let shaken = TlsConnector::from(tls.clone()).connect(name, stream).await;
        shaken.map_err(|error| failed(error.to_string()))
    };
    let shaken = deadline.within(|| format!("shaking hands with {address}"), handshake).await?;
    let (_, connection) = shaken.get_ref();
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(Failure::Alpn(address));
    }
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| failed("no certificate".into()))?;
    certificate::check(shown, host, &key.digest())
        .map_err(|why| Failure::Certificate { address, why })?;
    Ok(address)
}

/// Gives the name in the handshake: of an address that in the reverse zone (RFC 8738 §6).
fn server_name(host: &Host) -> String {
    match host {
        Host::Name(name) => name.clone(),
        Host::Address(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Host::Address(IpAddr::V6(address)) => {
            let mut name = String::with_capacity(72);
            for octet in address.octets().into_iter().rev() {
                // Writing to a String cannot fail.
                let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
            name + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_by_their_names_in_the_reverse_zone() {
        for (address, expected) in [
            ("10.1.2.3", "3.2.1.10.in-addr.arpa"),
            // RFC 8738 §6's own example is of this form.
            (
                "2001:db8::1",
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            let name = server_name(&Host::Address(address.parse().unwrap()));
            assert_eq!(name, expected);
            assert!(ServerName::try_from(name).is_ok());
        }
    }
}
