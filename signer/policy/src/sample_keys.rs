//! Public keys and CSRs that openssl made once for these tests; nobody has the private halves.

/// The issuing key, P-256.
pub(crate) const ISSUER: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM3FfnQIbqGb+TtxcGILu44qGnVtnvE5ZNSo5/srb2EyIBtVB\
    mOMQ7y8BURP3fQLZTGrwOkEvsZzzHqNprrV4cg==";
/// A P-384 key that is nobody's.
pub(crate) const OTHER: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEauA6ummfhqQ8/rzvmB7JtGfbVolEZrfRZlIvXdmwV3gCap6eoxm9\
    PG2Jsuza9jjLomTmV5ldYVXQsrQxfEkjcxPDs/I5jvXN2qXXGPGgg5uepgbrSzdHgETeInx4eYZR";
/// A subject's key, P-256.
pub(crate) const LEAF: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAED7YDXwC/YMpUAm2OC5cTwSQDgEUiaxXC/QAez8/7li/17l5u\
    H3fosx/IZRgPKBNdXTHVzLd8UtwFRGRzZplYNQ==";
/// The ring's `ocsp` key, P-256.
pub(crate) const RESPONDER: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEctY2TTb3LmCruo++2C94b5eG29g6HvhnfXmr9sAKzgYCx6AG\
    9BurSsD0LKRKJ03kJIMyB+Xl0fE2kSNulnWJLw==";
/// The ring's `tls` key, P-256.
pub(crate) const TLS: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy8/pxtKMWjrLAJuyAOR3HLLnjXFIbcTgJQMKe+BEE2nchQW0\
    yh1ko4qGlZSO4ZH82AuyOEPgDsyN3/V83/zVtQ==";
/// The ring's subordinate CA key, P-256.
pub(crate) const SUBCA: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENG1YQcjdVNx3Iat4G11Ec7Hs4wvQ1uZNY+AyCvCO2J5FTtx2\
    Iodcn/QofFCVjCOHZErBVDFrlMYIS9qZYQmOxw==";
/// Another subject's key, P-384.
pub(crate) const P384: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAETd118DeqZqeXSXqGRzbkFsD4bkQv3QGgEqefwNaeXMdZAsJ3++zW\
    19lEmrG8FFVRY0849iL30XaOnJ/q8iRsx9kENUCO6K7sBfaAhQBcBB3jgV0bnbCCvv5sSZ7UpD+U";
/// A subject's key, RSA-2048.
pub(crate) const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuwt4014ySMveZQu4IzYAQqPPvHVpaQZLXKlJegEt\
    Bhgl7lD+2SH1uFO93QH7mgcOZBooOf02iSiazqDtaF+XJzdyzcCqp41ntBpTS2fwEZXcx5FLyINe8ijrbcO+\
    Gm9p2uB8bHqLnhr7wdNbGwKIhPWAfJiDm7DTeXdomTam8p9gngD9FSf6+0Y5McxRNRVA8UbcRAF9SlNsHV6T\
    Jw84NUfK9KzHTNG6wB02QxIf/HxeXvHJR/2dhtIrD7Fl7o+mNk9nWy4uFGPNRfRwJ1HIVemhG96c5I/iiiop\
    L7GlnUMktvtXs50HNiNyp7Ch6h4pDDGHk/64YyuZzrLlPFP8GwIDAQAB";
/// RSA-2048 with exponent 3.
pub(crate) const RSAE3: &str = "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAuvih32nQFlRsab8Oc0vMEjPtDin545AFd0aUGeeW\
    LyLUqL46/oE+9516RvroD7juMVsAVfILRnNakdmG0DxvRppFG+oop1HUDUx062CYyUu2VfyU6yevPT/kWRiz\
    bgr6zC1dfddooIhltMB56jTN1TfScHa1jS62EiD9Ku+gbdj+1sIAGeM3CZekGH4UQ5vlPpd/x3C3o6oi6Vw1\
    AXSkQ78YwVH+SayqrhYmdDpQFbGdwxzPM1tDgDd3jWVhDoFF4tZkgMb2gA8rdNyFpybhLsNNwxiyVdDUBXlA\
    TTntBOahFf8saH0cZFei32brZhlaY32vGWPBAfS2Z7U88rrXqwIBAw==";
/// RSA-1024.
pub(crate) const RSA1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDErsvAZuB6rwjbqj7+yITioA46AgACZ+iPzt+mOWkz66VU\
    uxNrpXC1opEdTEsgJrfPLxcZymyIPZXubCB5iJlo/AqYAM0w0b+S8y7ElfRfhkd+nNC8tzeK79+N6rT6wsZq\
    SGcqgaNxHKeIDFmtZ1PW7qL3t14+Wg+JGJwfdlk/rwIDAQAB";
/// A subject's key, Ed25519.
pub(crate) const ED: &str = "MCowBQYDK2VwAyEAp2pjM8cwBDf9ruEGWbYeQKcPAreSLX1nYS/fGrRmBz0=";
/// The CSR of [`LEAF`].
pub(crate) const LEAF_REQUEST: &str = "MIHUMH0CAQAwGzEZMBcGA1UEAwwQd3d3LmNvcnAuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\
    BA+2A18Av2DKVAJtjguXE8EkA4BFImsVwv0AHs/P+5Yv9e5ebh936LMfyGUYDygTXV0x1cy3fFLcBURkc2aZ\
    WDWgADAKBggqhkjOPQQDAgNHADBEAiArpXTYE8lj2B9Q3LYmDcUHgfDC5xNujMNSFh0NgJDFzQIgPlfrFwue\
    G677zYU4rsuYTh6DSNb8ux6gNOL8ZUh3qE4=";
/// The CSR of [`P384`].
pub(crate) const P384_REQUEST: &str = "MIIBFDCBmgIBADAbMRkwFwYDVQQDDBB3d3cuY29ycC5leGFtcGxlMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE\
    Td118DeqZqeXSXqGRzbkFsD4bkQv3QGgEqefwNaeXMdZAsJ3++zW19lEmrG8FFVRY0849iL30XaOnJ/q8iRs\
    x9kENUCO6K7sBfaAhQBcBB3jgV0bnbCCvv5sSZ7UpD+UoAAwCgYIKoZIzj0EAwMDaQAwZgIxALpVODF2Wvrv\
    1F2iaxJKaq87lSvf3G7esQ7mNJQBczYGEwGcLSU7W1H9BLAmlwWgkAIxAL4q0Es2IMLRD3gjUDuVMMLkW3EN\
    xAOUX4c9MikHJ71XtNovhdJUztpYnh4VQhrkWA==";
