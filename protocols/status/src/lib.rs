//! CRL, OCSP and CA certificate distribution over HTTP
