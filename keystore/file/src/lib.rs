//! Encrypted file driver: the only holder of private key bytes
