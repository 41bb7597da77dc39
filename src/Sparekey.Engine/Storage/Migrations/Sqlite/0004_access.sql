-- Programmes and their tokens, what they may still do, and short-lived protocol state.

CREATE TABLE service_accounts (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    owner_id   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX service_accounts_name ON service_accounts (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX service_accounts_created ON service_accounts (tenant_id, created_at, id);

CREATE TABLE access_tokens (
    tenant_id          TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    service_account_id TEXT    NOT NULL,
    key_version        INTEGER NOT NULL,
    mac                BLOB    NOT NULL,
    permissions        TEXT    NOT NULL,
    ceiling            TEXT    NOT NULL,
    per_minute         INTEGER NOT NULL,
    created_at         BIGINT  NOT NULL,
    created_by         TEXT    NOT NULL,
    expires_at         BIGINT  NOT NULL,
    last_used_at       BIGINT,
    revoked_at         BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, service_account_id) REFERENCES service_accounts (tenant_id, id)
);

CREATE INDEX access_tokens_service_account ON access_tokens (tenant_id, service_account_id);
CREATE INDEX access_tokens_created ON access_tokens (tenant_id, created_at, id);

-- What of a token's allowance in one minute was handed out to a process already.
CREATE TABLE velocity_leases (
    tenant_id TEXT    NOT NULL,
    token_id  TEXT    NOT NULL,
    minute    BIGINT  NOT NULL,
    granted   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, token_id)
);

-- Tries that name an account, by a keyed hash of name and source: the row says neither.
CREATE TABLE throttles (
    tenant_id    TEXT    NOT NULL,
    key_hash     TEXT    NOT NULL,
    window_start BIGINT  NOT NULL,
    tries        INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key_hash)
);

CREATE INDEX throttles_window ON throttles (tenant_id, window_start);

-- Answers of calls with an idempotency key, without the secrets they showed.
CREATE TABLE idempotency (
    tenant_id    TEXT    NOT NULL,
    principal_id TEXT    NOT NULL,
    route        TEXT    NOT NULL,
    key_hash     TEXT    NOT NULL,
    key_version  INTEGER NOT NULL,
    fingerprint  BLOB    NOT NULL,
    status       INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    expires_at   BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, route, key_hash)
);

CREATE INDEX idempotency_expires ON idempotency (tenant_id, expires_at);

CREATE TABLE ceremonies (
    tenant_id   TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    id_hash     TEXT    NOT NULL,
    account_id  TEXT,
    recovery_id TEXT,
    sealed      BLOB    NOT NULL,
    version     INTEGER NOT NULL,
    expires_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, kind, id_hash)
);

CREATE INDEX ceremonies_expires ON ceremonies (tenant_id, expires_at);
