-- People, how they are called and reached, and the applications they use.

-- A deleted account keeps its row, emptied, because recoveries refer to it: deleted_at is set and it is found nowhere.
CREATE TABLE accounts (
    tenant_id       TEXT    NOT NULL REFERENCES tenants (id),
    id              TEXT    NOT NULL,
    username        TEXT,
    role            TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    group_names     TEXT    NOT NULL,
    manager_id      TEXT,
    traits          TEXT    NOT NULL,
    metadata_public TEXT    NOT NULL,
    metadata_admin  TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    version         INTEGER NOT NULL,
    deleted_at      BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, manager_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX accounts_created ON accounts (tenant_id, created_at, id);
CREATE INDEX accounts_manager ON accounts (tenant_id, manager_id) WHERE manager_id IS NOT NULL;

-- The confirm_ columns are the one pending confirmation code of an address, as a keyed hash, and what was tried on it.
CREATE TABLE addresses (
    tenant_id           TEXT    NOT NULL,
    id                  TEXT    NOT NULL,
    account_id          TEXT    NOT NULL,
    ordinal             INTEGER NOT NULL,
    kind                TEXT    NOT NULL,
    value               TEXT    NOT NULL,
    since               BIGINT  NOT NULL,
    given_at_creation   INTEGER NOT NULL,
    confirmed_at        BIGINT,
    confirm_key_version INTEGER,
    confirm_mac         BLOB,
    confirm_sent_at     BIGINT,
    confirm_expires_at  BIGINT,
    confirm_tries       INTEGER NOT NULL DEFAULT 0,
    confirm_failures    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX addresses_account ON addresses (tenant_id, account_id, ordinal);

-- One namespace of a tenant for user names and usable addresses, in the form in which they are compared. An address that
-- nobody vouched for is not here: it must not keep its owner out.
CREATE TABLE identifiers (
    tenant_id  TEXT NOT NULL,
    value      TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, value),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX identifiers_account ON identifiers (tenant_id, account_id);

CREATE TABLE account_external_ids (
    tenant_id  TEXT NOT NULL,
    dialect    TEXT NOT NULL,
    id         TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, dialect, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX account_external_ids_account ON account_external_ids (tenant_id, account_id);

CREATE TABLE applications (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (id),
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    rp_id       TEXT,
    origins     TEXT    NOT NULL,
    link_hosts  TEXT    NOT NULL,
    return_urls TEXT    NOT NULL,
    client_ids  TEXT    NOT NULL,
    branding    TEXT    NOT NULL,
    is_default  INTEGER NOT NULL,
    created_at  BIGINT  NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX applications_default ON applications (tenant_id) WHERE is_default = 1;
CREATE INDEX applications_created ON applications (tenant_id, created_at, id);

-- Which tenant a request's host means. A directory of the whole installation, as tenants is: no host means two tenants.
CREATE TABLE tenant_hosts (
    host      TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id)
);

CREATE INDEX tenant_hosts_tenant ON tenant_hosts (tenant_id, host);
