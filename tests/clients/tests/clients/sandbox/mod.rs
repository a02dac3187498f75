//! What the sandbox of the real signer takes away, tried from outside on the program that ships.

mod allowances;
mod exercise;
