//! Encrypted file driver: the only holder of private key bytes.
//!
//! An unlock factor gives an unlock key, which opens the data key of a ring, which opens its key
//! files. `docs/wire/key-file.md` fixes both formats octet by octet. All cipher contexts and
//! parsed keys live on the heap of AWS-LC, which wipes whatever it frees.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod age;
mod cipher;
mod disk;
mod driver;
mod factor;
mod founding;
mod house;
mod key_file;
mod key_pair;
mod keyring;
#[cfg(test)]
mod memory_scan;
mod new_lock;
mod pkcs8;
mod recipient;
mod rotation;
mod shamir;
mod share;
mod share_file;
mod share_text;
#[cfg(test)]
mod shares_tests;
mod unlock_file;
mod vault;

pub use cipher::start_random;
pub use driver::FileDriver;
pub use house::FileHouse;
pub use vault::FileVault;
