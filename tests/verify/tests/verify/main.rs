//! Both verifiers before journals of the real core.

mod honest;
mod mutations;
mod policy;
mod python;
mod witness;
