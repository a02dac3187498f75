-- Times are Unix seconds, ids the text of UUIDs, flags 0 or 1.

CREATE TABLE issuers (
    id                    TEXT    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL UNIQUE,
    subject               BLOB    NOT NULL,
    parent                TEXT    REFERENCES issuers (id),
    ring                  TEXT    NOT NULL,
    key_label             TEXT    NOT NULL,
    kind                  TEXT    NOT NULL,
    is_issuing            INTEGER NOT NULL,
    state                 TEXT    NOT NULL,
    state_at              INTEGER,
    request_kind          TEXT,
    request               BLOB,
    spki                  BLOB,
    certificate           BLOB,
    chain                 BLOB,
    not_after             INTEGER,
    responder_key_label   TEXT,
    responder_certificate BLOB,
    responder_not_after   INTEGER,
    revision              INTEGER NOT NULL,
    created_at            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- seq orders lists and is short in every index; status is 0 valid, 1 held, 2 revoked.
CREATE TABLE certificates (
    seq          INTEGER NOT NULL PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    issuer       TEXT    NOT NULL REFERENCES issuers (id),
    serial       BLOB    NOT NULL,
    profile      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    names        TEXT    NOT NULL,
    not_before   INTEGER NOT NULL,
    not_after    INTEGER NOT NULL,
    spki_sha256  BLOB    NOT NULL,
    status       INTEGER NOT NULL CHECK (status IN (0, 1, 2)),
    status_at    INTEGER,
    reason       INTEGER,
    invalidity   INTEGER,
    ring         TEXT    NOT NULL,
    journal      INTEGER NOT NULL,
    requested_by TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    replaces     TEXT,
    der          BLOB    NOT NULL,
    UNIQUE (serial, issuer)
) STRICT;
CREATE INDEX certificates_not_after ON certificates (not_after, seq);
CREATE INDEX certificates_issuer ON certificates (issuer, seq);
CREATE INDEX certificates_profile ON certificates (profile, seq);
CREATE INDEX certificates_held ON certificates (seq) WHERE status = 1;
CREATE INDEX certificates_revoked ON certificates (seq) WHERE status = 2;

-- name_reversed is the name in lower case, last character first: a suffix is then a prefix.
CREATE TABLE certificate_names (
    certificate   INTEGER NOT NULL,
    name_reversed TEXT    NOT NULL,
    PRIMARY KEY (certificate, name_reversed)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_names_reversed ON certificate_names (name_reversed, certificate);

-- Kept in step with certificates by every transaction, so that metrics count nothing.
CREATE TABLE certificate_counts (
    issuer      TEXT    NOT NULL,
    expiry_hour INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    PRIMARY KEY (issuer, expiry_hour, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    token          TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    request_sha256 BLOB    NOT NULL,
    certificate    TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE profiles (
    name       TEXT    NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    revision   INTEGER NOT NULL,
    builtin    INTEGER NOT NULL,
    enabled    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL UNIQUE,
    role       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_events (
    seq     INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    journal INTEGER
) STRICT;
CREATE INDEX audit_events_target ON audit_events (target, seq);
CREATE INDEX audit_events_at ON audit_events (at, seq);

CREATE TABLE journal_positions (
    ring     TEXT    NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crls (
    issuer      TEXT    NOT NULL PRIMARY KEY REFERENCES issuers (id),
    number      INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    der         BLOB    NOT NULL
) STRICT;

CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
