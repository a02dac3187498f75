//! Foreign ACME clients against `chancery up`, each with `dangerous_chaos` on: one good nonce in
//! twenty is refused, and what was validated is reused or not by chance. Where several servers are
//! tried, it is off: a refusal then says something about them.

mod acme_tiny;
mod apache;
mod balancer;
mod caddy;
mod certbot;
pub mod dehydrated;
mod dns;
mod evidence;
mod instant_acme;
mod jose;
mod three_servers;
mod validator_away;
mod web;
pub mod world;
