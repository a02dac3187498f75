//! A CA of openssl's that signs our CAs.

use kit::Openssl;

/// Makes it: above.key, above.pem.
pub fn make(openssl: &Openssl) {
    let fixed = ["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "3650"];
    let files = ["-keyout", "above.key", "-out", "above.pem"];
    let is = ["-subj", "/O=Elsewhere/CN=Elsewhere Root"];
    let usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    openssl.must(&[&fixed[..], &files, &is, &usage].concat());
    openssl.write(
        "above.ext",
        "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n",
    );
}

/// Signs a request for an issuing CA; gives the certificate.
pub fn sign(openssl: &Openssl, csr: &str, serial: &str) -> String {
    let fixed = ["x509", "-req", "-in", csr, "-CA", "above.pem", "-CAkey", "above.key"];
    let more = ["-set_serial", serial, "-days", "1825", "-extfile", "above.ext"];
    openssl.must(&[&fixed[..], &more].concat())
}
