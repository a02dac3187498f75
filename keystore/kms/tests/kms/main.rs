//! The driver over the fakes of both clouds (tests/clouds).

mod aws;
mod conformance;
mod faults;
mod given;
mod google;
mod moto;
