-- Programmes and their tokens, what they may still do, and short-lived protocol state.

CREATE TABLE service_accounts (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    owner_id   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX service_accounts_name ON service_accounts (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX service_accounts_created ON service_accounts (tenant_id, created_at, id);

CREATE TABLE access_tokens (
    tenant_id          TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    service_account_id TEXT COLLATE "C" NOT NULL,
    key_version        BIGINT           NOT NULL,
    mac                BYTEA            NOT NULL,
    permissions        TEXT COLLATE "C" NOT NULL,
    ceiling            TEXT COLLATE "C" NOT NULL,
    per_minute         BIGINT           NOT NULL,
    created_at         BIGINT           NOT NULL,
    created_by         TEXT COLLATE "C" NOT NULL,
    expires_at         BIGINT           NOT NULL,
    last_used_at       BIGINT,
    revoked_at         BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, service_account_id) REFERENCES service_accounts (tenant_id, id)
);

CREATE INDEX access_tokens_service_account ON access_tokens (tenant_id, service_account_id);
CREATE INDEX access_tokens_created ON access_tokens (tenant_id, created_at, id);

-- What of a token's allowance in one minute was handed out to a process already.
CREATE TABLE velocity_leases (
    tenant_id TEXT COLLATE "C" NOT NULL,
    token_id  TEXT COLLATE "C" NOT NULL,
    minute    BIGINT           NOT NULL,
    granted   BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, token_id)
);

-- Tries that name an account, by a keyed hash of name and source: the row says neither.
CREATE TABLE throttles (
    tenant_id    TEXT COLLATE "C" NOT NULL,
    key_hash     TEXT COLLATE "C" NOT NULL,
    window_start BIGINT           NOT NULL,
    tries        BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, key_hash)
);

CREATE INDEX throttles_window ON throttles (tenant_id, window_start);

-- Answers of calls with an idempotency key, without the secrets they showed.
CREATE TABLE idempotency (
    tenant_id    TEXT COLLATE "C" NOT NULL,
    principal_id TEXT COLLATE "C" NOT NULL,
    route        TEXT COLLATE "C" NOT NULL,
    key_hash     TEXT COLLATE "C" NOT NULL,
    key_version  BIGINT           NOT NULL,
    fingerprint  BYTEA            NOT NULL,
    status       BIGINT           NOT NULL,
    body         TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, route, key_hash)
);

CREATE INDEX idempotency_expires ON idempotency (tenant_id, expires_at);

CREATE TABLE ceremonies (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    id_hash     TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C",
    recovery_id TEXT COLLATE "C",
    sealed      BYTEA            NOT NULL,
    version     BIGINT           NOT NULL,
    expires_at  BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, kind, id_hash)
);

CREATE INDEX ceremonies_expires ON ceremonies (tenant_id, expires_at);
