-- The same tables as in sqlite/: a test compares the two. Times are Unix seconds, ids the text of
-- UUIDs, flags 0 or 1. COLLATE "C" where order or prefixes count: by octets, as in SQLite.

CREATE TABLE issuers (
    id                    TEXT    NOT NULL PRIMARY KEY,
    name                  TEXT    COLLATE "C" NOT NULL UNIQUE,
    subject               BYTEA   NOT NULL,
    parent                TEXT    REFERENCES issuers (id),
    ring                  TEXT    NOT NULL,
    key_label             TEXT    NOT NULL,
    kind                  TEXT    NOT NULL,
    is_issuing            BIGINT  NOT NULL,
    state                 TEXT    NOT NULL,
    state_at              BIGINT,
    request_kind          TEXT,
    request               BYTEA,
    spki                  BYTEA,
    certificate           BYTEA,
    chain                 BYTEA,
    not_after             BIGINT,
    responder_key_label   TEXT,
    responder_certificate BYTEA,
    responder_not_after   BIGINT,
    revision              BIGINT  NOT NULL,
    created_at            BIGINT  NOT NULL
);

-- seq orders lists and is short in every index; status is 0 valid, 1 held, 2 revoked.
CREATE TABLE certificates (
    seq          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    issuer       TEXT    NOT NULL REFERENCES issuers (id),
    serial       BYTEA   NOT NULL,
    profile      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    names        TEXT    NOT NULL,
    not_before   BIGINT  NOT NULL,
    not_after    BIGINT  NOT NULL,
    spki_sha256  BYTEA   NOT NULL,
    status       BIGINT  NOT NULL CHECK (status IN (0, 1, 2)),
    status_at    BIGINT,
    reason       BIGINT,
    invalidity   BIGINT,
    ring         TEXT    NOT NULL,
    journal      BIGINT  NOT NULL,
    requested_by TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    replaces     TEXT,
    der          BYTEA   NOT NULL,
    UNIQUE (serial, issuer)
);
CREATE INDEX certificates_not_after ON certificates (not_after, seq);
CREATE INDEX certificates_issuer ON certificates (issuer, seq);
CREATE INDEX certificates_profile ON certificates (profile, seq);
CREATE INDEX certificates_held ON certificates (seq) WHERE status = 1;
CREATE INDEX certificates_revoked ON certificates (seq) WHERE status = 2;

-- name_reversed is the name in lower case, last character first: a suffix is then a prefix.
CREATE TABLE certificate_names (
    certificate   BIGINT  NOT NULL,
    name_reversed TEXT    COLLATE "C" NOT NULL,
    PRIMARY KEY (certificate, name_reversed)
);
CREATE INDEX certificate_names_reversed ON certificate_names (name_reversed, certificate);

-- Kept in step with certificates by every transaction, so that metrics count nothing.
CREATE TABLE certificate_counts (
    issuer      TEXT    NOT NULL,
    expiry_hour BIGINT  NOT NULL,
    status      BIGINT  NOT NULL,
    total       BIGINT  NOT NULL,
    PRIMARY KEY (issuer, expiry_hour, status)
);

CREATE TABLE idempotency (
    token          TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    request_sha256 BYTEA   NOT NULL,
    certificate    TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    PRIMARY KEY (token, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE profiles (
    name       TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    digest     BYTEA   NOT NULL,
    revision   BIGINT  NOT NULL,
    builtin    BIGINT  NOT NULL,
    enabled    BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);

CREATE TABLE api_tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     BYTEA   NOT NULL UNIQUE,
    role       TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE audit_events (
    seq     BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT  NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    journal BIGINT
);
CREATE INDEX audit_events_target ON audit_events (target, seq);
CREATE INDEX audit_events_at ON audit_events (at, seq);

CREATE TABLE journal_positions (
    ring     TEXT    NOT NULL PRIMARY KEY,
    position BIGINT  NOT NULL
);

CREATE TABLE crls (
    issuer      TEXT    NOT NULL PRIMARY KEY REFERENCES issuers (id),
    number      BIGINT  NOT NULL,
    this_update BIGINT  NOT NULL,
    next_update BIGINT  NOT NULL,
    der         BYTEA   NOT NULL
);

CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at BIGINT  NOT NULL
);
