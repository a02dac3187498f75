//! Documents made by the openssl command, the seeds of every mutation.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::openssl;

/// Key kinds as `openssl genpkey` names them.
const KEYS: [(&str, &[&str]); 5] = [
    ("p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]),
    ("ed25519", &["-algorithm", "ED25519"]),
    ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
];

/// Extension lines of a leaf, a CA and of everything that a profile may write.
const EXTENSIONS: [(&str, &[&str]); 7] = [
    (
        "leaf",
        &[
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=serverAuth,clientAuth",
            "subjectAltName=DNS:www.example.com,DNS:*.corp.example,IP:192.0.2.7,IP:2001:db8::1",
        ],
    ),
    ("root", &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]),
    (
        "sub",
        &[
            "basicConstraints=critical,CA:TRUE,pathlen:0",
            "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
            "nameConstraints=critical,permitted;DNS:corp.example,permitted;IP:10.0.0.0/255.0.0.0,excluded;email:evil.example",
            "certificatePolicies=2.23.140.1.2.1,1.2.3.4",
        ],
    ),
    (
        "pointers",
        &[
            "basicConstraints=CA:FALSE",
            "crlDistributionPoints=URI:http://crl.example/1.crl",
            "authorityInfoAccess=OCSP;URI:http://ocsp.example/,caIssuers;URI:http://ca.example/ca.cer",
            "subjectAltName=URI:https://example.com/a,email:a@example.com",
        ],
    ),
    (
        "responder",
        &[
            "basicConstraints=CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=critical,OCSPSigning",
            "noCheck=ignored",
        ],
    ),
    ("staple", &["tlsfeature=status_request", "subjectAltName=DNS:a.example"]),
    (
        "logon",
        &[
            "extendedKeyUsage=msSmartcardLogin,clientAuth",
            "subjectAltName=otherName:msUPN;UTF8:user@corp.example,RID:1.2.3.4",
            "policyConstraints=critical,requireExplicitPolicy:1",
            "inhibitAnyPolicy=critical,0",
        ],
    ),
];

const SUBJECTS: [&str; 5] = [
    "/CN=www.example.com",
    "/C=CH/O=Example AG/OU=Unit/CN=Caf\u{e9} \u{2603}",
    "/DC=example/DC=corp/UID=jdoe/CN=J, Doe+SN=x/emailAddress=j@example.com",
    "/C=DE/ST=Land/L=Stadt/street=Gasse 1/serialNumber=HRB 7/CN=x",
    "/CN=#lead\\\\ \\\"quoted\\\" <a>;b=c",
];

/// The documents of one kind each, DER.
pub struct Corpus {
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    /// Certification requests.
    pub csrs: Vec<Vec<u8>>,
    /// Certificate revocation lists.
    pub crls: Vec<Vec<u8>>,
    /// OCSP requests.
    pub ocsp_requests: Vec<Vec<u8>>,
}

impl Corpus {
    /// Makes the documents in an empty folder, by some 80 calls of the command.
    ///
    /// # Errors
    /// The command is missing or fails.
    pub fn make(folder: &Path) -> Result<Self> {
        for (name, options) in KEYS {
            let file = format!("{name}.key");
            let arguments = [&["genpkey", "-out", file.as_str()], options].concat();
            openssl::text(folder, &arguments)?;
        }
        Ok(Self {
            certificates: certificates(folder)?,
            csrs: csrs(folder)?,
            crls: crls(folder)?,
            ocsp_requests: ocsp_requests(folder)?,
        })
    }
}

/// Makes one document by `openssl req`.
fn req(
    folder: &Path,
    out: &str,
    (key, subject): (&str, &str),
    extensions: &[&str],
    more: &[&str],
) -> Result<Vec<u8>> {
    let config = "[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n";
    fs::write(folder.join("req.cnf"), config)?;
    let key = format!("{key}.key");
    let mut arguments = vec!["req", "-new", "-config", "req.cnf", "-utf8", "-batch"];
    arguments.extend(["-multivalue-rdn", "-key", &key, "-subj", subject]);
    arguments.extend(["-outform", "DER", "-out", out]);
    for extension in extensions {
        arguments.extend(["-addext", extension]);
    }
    arguments.extend(more);
    openssl::text(folder, &arguments)?;
    fs::read(folder.join(out)).context(out.to_owned())
}

fn certificates(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut documents = Vec::new();
    for (index, (name, extensions)) in EXTENSIONS.iter().enumerate() {
        for (offset, (key, _)) in KEYS.iter().enumerate().step_by(2) {
            let subject = SUBJECTS[(index + offset) % SUBJECTS.len()];
            let serial = format!("0x{:x}{:x}", 0x7f80 + index * 64, offset + 1);
            let file = format!("{name}-{key}.der");
            let more = ["-x509", "-days", "30", "-set_serial", serial.as_str()];
            documents.push(req(folder, &file, (key, subject), extensions, &more)?);
        }
    }
    // Validity across the change from UTCTime to GeneralizedTime (RFC 5280 §4.1.2.5), an RSASSA-PSS
    // signature, and the other keys.
    let pss = [
        "-x509",
        "-sha256",
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:digest",
    ];
    let (_, root) = EXTENSIONS[1];
    let more = ["-x509", "-days", "12000"];
    documents.push(req(folder, "far.der", ("p384", SUBJECTS[0]), root, &more)?);
    documents.push(req(folder, "pss.der", ("rsa", SUBJECTS[1]), root, &pss)?);
    let more = ["-x509", "-sha384"];
    documents.push(req(folder, "384.der", ("p384", SUBJECTS[2]), root, &more)?);
    Ok(documents)
}

fn csrs(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut documents = Vec::new();
    for (index, (key, _)) in KEYS.iter().enumerate() {
        let subject = SUBJECTS[index];
        let file = format!("plain-{key}.csr");
        let digest = match *key {
            "p384" => "-sha384",
            "p521" => "-sha512",
            _ => "-sha256",
        };
        documents.push(req(folder, &file, (key, subject), &[], &[digest])?);
        let (name, extensions) = EXTENSIONS[index];
        let file = format!("{name}-{key}.csr");
        documents.push(req(folder, &file, (key, subject), extensions, &[digest])?);
    }
    Ok(documents)
}

fn crls(folder: &Path) -> Result<Vec<Vec<u8>>> {
    pem(folder, "root-p256")?;
    // crlNumber is added by -gencrl itself, from the number file.
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\n\
                  default_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n";
    fs::write(folder.join("ca.cnf"), config)?;
    let revoked = "R\t301231235959Z\t250101000000Z\t01\tunknown\t/CN=a\n\
                   R\t301231235959Z\t250201000000Z,keyCompromise\t7FFF\tunknown\t/CN=b\n\
                   R\t301231235959Z\t250301000000Z,superseded\t80A1B2C3D4E5F60718\tunknown\t/CN=c\n\
                   R\t301231235959Z\t250401000000Z,CAkeyTime,20250101000000Z\t09\tunknown\t/CN=d\n";
    let mut documents = Vec::new();
    for (index, (lines, days)) in
        [("", "7"), (revoked, "7"), (revoked, "10000")].into_iter().enumerate()
    {
        fs::write(folder.join("index.txt"), lines)?;
        fs::write(folder.join("number"), format!("{:02X}\n", 1 + index * 127))?;
        let mut arguments = vec!["ca", "-gencrl", "-config", "ca.cnf", "-crldays", days];
        arguments.extend(["-keyfile", "p256.key", "-cert", "root-p256.pem"]);
        arguments.extend(["-out", "crl.pem"]);
        openssl::text(folder, &arguments)?;
        let arguments = ["crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl.der"];
        openssl::text(folder, &arguments)?;
        documents.push(fs::read(folder.join("crl.der"))?);
    }
    Ok(documents)
}

fn ocsp_requests(folder: &Path) -> Result<Vec<Vec<u8>>> {
    pem(folder, "root-rsa")?;
    let cases: [&[&str]; 5] = [
        &["-serial", "1", "-no_nonce"],
        &["-serial", "0x7f80a1b2c3d4e5f607", "-nonce"],
        &["-sha256", "-serial", "0x80", "-no_nonce"],
        &["-serial", "1", "-sha256", "-serial", "2", "-nonce"],
        &["-serial", "5", "-serial", "6", "-serial", "7", "-no_nonce"],
    ];
    let mut documents = Vec::new();
    for case in cases {
        let mut arguments = vec!["ocsp", "-issuer", "root-rsa.pem"];
        arguments.extend(case);
        arguments.extend(["-reqout", "ocsp.der"]);
        openssl::text(folder, &arguments)?;
        documents.push(fs::read(folder.join("ocsp.der"))?);
    }
    Ok(documents)
}

/// Makes the PEM of a certificate that [`certificates`] made.
fn pem(folder: &Path, name: &str) -> Result<()> {
    let (from, to) = (format!("{name}.der"), format!("{name}.pem"));
    let arguments = ["x509", "-inform", "DER", "-in", &from, "-out", &to];
    openssl::text(folder, &arguments).map(drop)
}
