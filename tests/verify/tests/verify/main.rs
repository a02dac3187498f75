//! Both verifiers before journals of the real core.

mod honest;
