//! Private keys exist only in keystore/file: no other shipped code can even name their types.

use super::Violation;
use crate::source::words;
use crate::workspace::Workspace;

const RULE: &str = "keys";

/// Types that hold or take private key bytes, of every library that we link.
const TYPES: &[&str] = &[
    // aws-lc-rs; `rsa::KeyPair` is RsaKeyPair by another name
    "EcdsaKeyPair",
    "RsaKeyPair",
    "Ed25519KeyPair",
    "PqdsaKeyPair",
    "KeyPair",
    "PrivateDecryptingKey",
    "OaepPrivateDecryptingKey",
    "Pkcs1PrivateDecryptingKey",
    "EphemeralPrivateKey",
    "DecapsulationKey",
    // rustls and its types
    "SigningKey",
    "PrivateKeyDer",
    "PrivatePkcs8KeyDer",
    "PrivatePkcs1KeyDer",
    "PrivateSec1KeyDer",
    // RustCrypto
    "RsaPrivateKey",
    "SecretKey",
];

/// Packages whose purpose is private keys; aws-lc-rs is ours, for verification too.
const PACKAGES: &[&str] =
    &["rsa", "dsa", "ecdsa", "p256", "p384", "p521", "k256", "ed25519-dalek", "ml-dsa", "rcgen"];

/// Packages that nothing may depend on: a second cryptographic library.
const NOWHERE: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls", "boring"];

/// Where shipped code may name the types, which of them (none listed: all), and why.
const EXCEPTIONS: &[(&str, &[&str], &str)] = &[
    ("keystore/file/src/", &[], "the only holder of private key bytes"),
    (
        "signer/verify/src/witness/key.rs",
        &["Ed25519KeyPair", "KeyPair"],
        "a witness' own key, on another host than any ring",
    ),
    ("cli/src/", &[], "a user's own leaf key, never one of a ring"),
    ("api/src/tls/remote.rs", &["SigningKey"], "rustls' trait, over a key that the signer has"),
];

fn is_excepted(path: &str, named: &str) -> bool {
    EXCEPTIONS.iter().any(|(place, types, _)| {
        path.starts_with(place) && (types.is_empty() || types.contains(&named))
    })
}

/// Looks through the code that ships.
pub fn sources(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &workspace.sources {
        let named = words(&source.shipped)
            .into_iter()
            .filter(|word| TYPES.contains(&word.text) && !is_excepted(&source.path, word.text));
        found.extend(named.map(|word| Violation {
            path: source.path.clone(),
            line: word.line(&source.shipped),
            rule: RULE,
            found: format!("{} outside keystore/file", word.text),
            mend: format!("sign through KeyDriver; the exceptions are {}", exceptions()),
        }));
    }
    found
}

/// Looks through the manifests.
pub fn manifests(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let may_hold = package.name == "keystore-file" || package.is_test() || dependency.dev;
            let mend = if NOWHERE.contains(&name) {
                "use aws-lc-rs: one cryptographic library"
            } else if PACKAGES.contains(&name) && !may_hold {
                "only keystore-file holds private keys"
            } else {
                continue;
            };
            found.push(Violation {
                path: package.manifest(),
                line: dependency.line,
                rule: RULE,
                found: format!("{} depends on {name}", package.name),
                mend: mend.to_owned(),
            });
        }
    }
    found
}

fn exceptions() -> String {
    let all = EXCEPTIONS.iter().map(|(place, _, why)| format!("{place} ({why})"));
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_private_key_type_in_shipped_code() {
        let naming = "use aws_lc_rs::signature::EcdsaKeyPair;\n";
        for (path, code, count) in [
            ("ca/src/sign.rs", naming, 1),
            ("signer/core/src/sign.rs", "fn f(k: &rsa::KeyPair) {}", 1),
            ("api/src/server.rs", "x(PrivateKeyDer::from(y))", 1),
            ("keystore/core/src/lib.rs", naming, 1),
            ("keystore/file/src/sign.rs", naming, 0),
            ("cli/src/new_key.rs", naming, 0),
            ("api/src/tls.rs", naming, 1),
            ("api/src/tls/remote.rs", naming, 1),
            ("api/src/tls/remote.rs", "impl SigningKey for OwnKey {}", 0),
            ("api/src/tls/renewal.rs", "impl SigningKey for OwnKey {}", 1),
            ("tests/kit/src/keys.rs", naming, 0),
            ("ca/src/a.rs", "#[cfg(test)]\nmod tests { use x::EcdsaKeyPair; }", 0),
            ("ca/src/a.rs", "// an EcdsaKeyPair\nstruct EcdsaKeyPairing;", 0),
        ] {
            let workspace = Workspace::of(&[(path, code)]).unwrap();
            assert_eq!(sources(&workspace).len(), count, "{path}: {code}");
        }
    }

    #[test]
    fn refuses_packages_of_private_keys() {
        for (dir, section, dependency, count) in [
            ("ca", "dependencies", "p256", 1),
            ("ca", "dev-dependencies", "p256", 0),
            ("keystore/file", "dependencies", "rsa", 0),
            ("tests/kit", "dependencies", "rcgen", 0),
            ("tests/kit", "dependencies", "ring", 1),
            ("keystore/file", "dev-dependencies", "openssl", 1),
            ("ca", "dependencies", "aws-lc-rs", 0),
        ] {
            let name = if dir == "keystore/file" { "keystore-file" } else { "x" };
            let manifest =
                format!("[package]\nname = \"{name}\"\n[{section}]\n{dependency} = \"1\"\n");
            let workspace = Workspace::of(&[(format!("{dir}/Cargo.toml"), manifest)]).unwrap();
            assert_eq!(manifests(&workspace).len(), count, "{dir} {section} {dependency}");
        }
    }
}
