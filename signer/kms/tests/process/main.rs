//! The real program over a fake of AWS KMS: made, served, asked over its sockets, watched.

mod place;
mod serving;
mod watched;
