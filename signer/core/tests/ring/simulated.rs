//! The tests that need the simulated disk, which only the crate's own tests see.

#[path = "drafts.rs"]
#[allow(dead_code)]
mod drafts;
#[path = "hand_clock.rs"]
#[allow(dead_code)]
mod hand_clock;
#[path = "power_cuts.rs"]
mod power_cuts;
#[path = "workshop.rs"]
#[allow(dead_code)]
mod workshop;
