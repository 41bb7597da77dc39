-- What accounts prove themselves with, and the sessions that this opened.

-- body is what the kind needs, as JSON: for a password its hash. It leaves storage only to be verified against.
-- external_id is how the outside names it: a passkey's credential id, a key's fingerprint, an issuer and subject.
CREATE TABLE credentials (
    tenant_id         TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id                TEXT COLLATE "C" NOT NULL,
    account_id        TEXT COLLATE "C" NOT NULL,
    kind              TEXT COLLATE "C" NOT NULL,
    name              TEXT COLLATE "C",
    created_at        BIGINT           NOT NULL,
    last_used_at      BIGINT,
    provisional_until BIGINT,
    recovery_id       TEXT COLLATE "C",
    external_id       TEXT COLLATE "C",
    version           BIGINT           NOT NULL,
    body              TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX credentials_account ON credentials (tenant_id, account_id, created_at, id);
CREATE UNIQUE INDEX credentials_one_password ON credentials (tenant_id, account_id) WHERE kind = 'password';
CREATE UNIQUE INDEX credentials_external ON credentials (tenant_id, kind, external_id) WHERE external_id IS NOT NULL;

-- Live sessions, each with a keyed hash of its token; deleted with their end.
CREATE TABLE sessions (
    tenant_id      TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id             TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    application_id TEXT COLLATE "C",
    credential_id  TEXT COLLATE "C",
    key_version    BIGINT           NOT NULL,
    mac            BYTEA            NOT NULL,
    created_at     BIGINT           NOT NULL,
    last_seen_at   BIGINT           NOT NULL,
    expires_at     BIGINT           NOT NULL,
    amr            TEXT COLLATE "C" NOT NULL,
    restricted_to  TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX sessions_account ON sessions (tenant_id, account_id);
CREATE INDEX sessions_expiry ON sessions (tenant_id, expires_at);

-- How many wrong passwords an account had in the present hour: the ledger takes the first ones only. An empty account_id
-- stands for all names that are no account. No foreign key: an account may go while a wrong password for it is being checked.
CREATE TABLE sign_in_refusals (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    hour       BIGINT           NOT NULL,
    count      BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);
