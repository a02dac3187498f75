//! Differential tests of DER parsing

pub mod corpus;
pub mod dice;
pub mod mutate;
pub mod openssl;
pub mod tlv;
pub mod tree;
