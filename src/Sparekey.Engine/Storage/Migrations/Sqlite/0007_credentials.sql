-- What accounts prove themselves with, and the sessions that this opened.

-- body is what the kind needs, as JSON: for a password its hash. It leaves storage only to be verified against.
-- external_id is how the outside names it: a passkey's credential id, a key's fingerprint, an issuer and subject.
CREATE TABLE credentials (
    tenant_id         TEXT    NOT NULL REFERENCES tenants (id),
    id                TEXT    NOT NULL,
    account_id        TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    name              TEXT,
    created_at        BIGINT  NOT NULL,
    last_used_at      BIGINT,
    provisional_until BIGINT,
    recovery_id       TEXT,
    external_id       TEXT,
    version           INTEGER NOT NULL,
    body              TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX credentials_account ON credentials (tenant_id, account_id, created_at, id);
CREATE UNIQUE INDEX credentials_one_password ON credentials (tenant_id, account_id) WHERE kind = 'password';
CREATE UNIQUE INDEX credentials_external ON credentials (tenant_id, kind, external_id) WHERE external_id IS NOT NULL;

-- Live sessions, each with a keyed hash of its token; deleted with their end.
CREATE TABLE sessions (
    tenant_id      TEXT    NOT NULL REFERENCES tenants (id),
    id             TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    application_id TEXT,
    credential_id  TEXT,
    key_version    INTEGER NOT NULL,
    mac            BLOB    NOT NULL,
    created_at     BIGINT  NOT NULL,
    last_seen_at   BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    amr            TEXT    NOT NULL,
    restricted_to  TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX sessions_account ON sessions (tenant_id, account_id);
CREATE INDEX sessions_expiry ON sessions (tenant_id, expires_at);

-- How many wrong passwords an account had in the present hour: the ledger takes the first ones only. An empty account_id
-- stands for all names that are no account. No foreign key: an account may go while a wrong password for it is being checked.
CREATE TABLE sign_in_refusals (
    tenant_id  TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    hour       BIGINT NOT NULL,
    count      BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);
