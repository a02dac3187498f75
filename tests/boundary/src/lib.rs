//! Attacks on the signer's sockets
