//! Differential tests of DER parsing

pub mod campaign;
pub mod corpus;
pub mod dice;
pub mod facts;
pub mod mutate;
pub mod ocsp;
pub mod openssl;
pub mod second_opinion;
pub mod tlv;
pub mod tree;
