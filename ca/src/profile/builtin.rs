//! The profiles that every installation starts with.

/// Name and text of each. `sub-ca` serves the hierarchy, `ocsp-responder` the server itself.
pub const BUILTIN: &[(&str, &str)] = &[
    ("tls-server", include_str!("builtin/tls-server.toml")),
    ("tls-client", include_str!("builtin/tls-client.toml")),
    ("tls-server-client", include_str!("builtin/tls-server-client.toml")),
    ("device", include_str!("builtin/device.toml")),
    ("user", include_str!("builtin/user.toml")),
    ("ocsp-responder", include_str!("builtin/ocsp-responder.toml")),
    ("acme", include_str!("builtin/acme.toml")),
    ("sub-ca", include_str!("builtin/sub-ca.toml")),
];
