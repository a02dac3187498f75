-- ACME (RFC 8555). An order's ready and valid states are not stored: they follow from its
-- authorizations and from acme_issued, which is written with the certificate.

CREATE TABLE acme_eab_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    profile      TEXT    NOT NULL,
    names        TEXT    NOT NULL,
    sealed       BYTEA   NOT NULL,
    max_accounts BIGINT,
    accounts     BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT
);

CREATE TABLE acme_accounts (
    id              TEXT    NOT NULL PRIMARY KEY,
    thumbprint      BYTEA   NOT NULL UNIQUE,
    jwk             TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    state_at        BIGINT,
    contact         TEXT    NOT NULL,
    terms_agreed_at BIGINT,
    eab_key         TEXT,
    eab_jws         TEXT,
    created_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL
);

-- names_sha256 is of the sorted identifiers: the same for the same set.
CREATE TABLE acme_orders (
    id            TEXT    NOT NULL PRIMARY KEY,
    account       TEXT    NOT NULL,
    profile       TEXT    NOT NULL,
    identifiers   TEXT    NOT NULL,
    names_sha256  BYTEA   NOT NULL,
    not_before    BIGINT,
    not_after     BIGINT,
    replaces      TEXT,
    state         TEXT    NOT NULL,
    processing_at BIGINT,
    csr           BYTEA,
    failure       TEXT,
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL
);
CREATE INDEX acme_orders_account ON acme_orders (account, created_at);
CREATE INDEX acme_orders_names ON acme_orders (names_sha256, created_at);
CREATE INDEX acme_orders_expires_at ON acme_orders (expires_at);
CREATE INDEX acme_orders_processing ON acme_orders (processing_at) WHERE state = 'processing';
CREATE INDEX acme_orders_replaces ON acme_orders (replaces) WHERE replaces IS NOT NULL;

-- One for each identifier of an order, named by the order and a number from 0.
CREATE TABLE acme_authorizations (
    order_id     TEXT    NOT NULL,
    number       BIGINT  NOT NULL,
    account      TEXT    NOT NULL,
    identifier   TEXT    NOT NULL,
    wildcard     BIGINT  NOT NULL,
    token        TEXT    NOT NULL,
    methods      BIGINT  NOT NULL,
    state        TEXT    NOT NULL,
    method       TEXT,
    validated_at BIGINT,
    record       BIGINT,
    failure      TEXT,
    expires_at   BIGINT  NOT NULL,
    PRIMARY KEY (order_id, number)
);
CREATE INDEX acme_authorizations_valid ON acme_authorizations (account, identifier, validated_at)
    WHERE state = 'valid';

CREATE TABLE acme_issued (
    order_id    TEXT NOT NULL PRIMARY KEY,
    certificate TEXT NOT NULL
);
CREATE INDEX acme_issued_certificate ON acme_issued (certificate);

-- Nonces that were redeemed, and the secret of those that are good. One server on SQLite keeps both
-- in memory; these are for many servers on PostgreSQL, where they are UNLOGGED.
CREATE UNLOGGED TABLE acme_nonces (
    nonce      BYTEA   NOT NULL PRIMARY KEY,
    expires_at BIGINT  NOT NULL
);
CREATE INDEX acme_nonces_expires_at ON acme_nonces (expires_at);

CREATE UNLOGGED TABLE acme_nonce_epochs (
    id     BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    secret BYTEA   NOT NULL
);

CREATE TABLE acme_renewal_plans (
    id            TEXT    NOT NULL PRIMARY KEY,
    issuer        TEXT,
    profile       TEXT,
    issued_before BIGINT,
    start_at      BIGINT  NOT NULL,
    end_at        BIGINT  NOT NULL,
    explanation   TEXT,
    created_at    BIGINT  NOT NULL
);
