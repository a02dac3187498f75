//! The validation authority against real servers on loopback: DNS, HTTP and TLS, honest or not.

#[path = "validation/caa.rs"]
mod caa;
#[path = "validation/dns.rs"]
mod dns;
#[path = "validation/dns01.rs"]
mod dns01;
#[path = "validation/evidence.rs"]
mod evidence;
#[path = "validation/http01.rs"]
mod http01;
#[path = "validation/ssrf.rs"]
mod ssrf;
#[path = "validation/tls.rs"]
mod tls;
#[path = "validation/tls_alpn01.rs"]
mod tls_alpn01;
#[path = "validation/web.rs"]
mod web;
#[path = "validation/wire.rs"]
mod wire;
#[path = "validation/world.rs"]
mod world;
