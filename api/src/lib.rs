//! Management API and composition root of the server.
//!
//! [`serve::run`] puts everything together. A request passes [`track`], finds its route, and the
//! handler's [`auth::Authorized`] decides whether it may; every error leaves as a
//! [`problem::Problem`].

pub mod app;
pub mod auth;
mod clock;
pub mod config;
mod extract;
mod flow;
pub mod limits;
pub mod listen;
mod listeners;
mod meters;
pub mod openapi;
pub mod problem;
mod readiness;
mod resource;
mod routes;
pub mod serve;
mod state;
pub mod tls;
pub mod track;

pub use clock::SystemClock;
pub use config::Config;
pub use meters::Meters;
pub use readiness::ReadinessCache;
pub use state::ApiState;
