//! Hierarchy, profiles, lint, issue, revoke, CRL, OCSP, recovery
