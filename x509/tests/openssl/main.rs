//! What we write, openssl reads with the same fields; what openssl writes, we read.

mod ca;
mod certificates;
mod command;
mod crls;
mod foreign;
mod ocsp;
mod requests;
