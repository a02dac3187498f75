//! Foreign ACME clients against `chancery up`, each with `dangerous_chaos` on: one good nonce in
//! twenty is refused, and what was validated is reused or not by chance.

mod acme_tiny;
mod apache;
mod caddy;
mod certbot;
mod dehydrated;
mod dns;
mod instant_acme;
mod web;
mod world;
