-- People, how they are called and reached, and the applications they use.

-- A deleted account keeps its row, emptied, because recoveries refer to it: deleted_at is set and it is found nowhere.
CREATE TABLE accounts (
    tenant_id       TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id              TEXT COLLATE "C" NOT NULL,
    username        TEXT COLLATE "C",
    role            TEXT COLLATE "C" NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    group_names     TEXT COLLATE "C" NOT NULL,
    manager_id      TEXT COLLATE "C",
    traits          TEXT COLLATE "C" NOT NULL,
    metadata_public TEXT COLLATE "C" NOT NULL,
    metadata_admin  TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT           NOT NULL,
    version         BIGINT           NOT NULL,
    deleted_at      BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, manager_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX accounts_created ON accounts (tenant_id, created_at, id);
CREATE INDEX accounts_manager ON accounts (tenant_id, manager_id) WHERE manager_id IS NOT NULL;

-- The confirm_ columns are the one pending confirmation code of an address, as a keyed hash, and what was tried on it.
CREATE TABLE addresses (
    tenant_id           TEXT COLLATE "C" NOT NULL,
    id                  TEXT COLLATE "C" NOT NULL,
    account_id          TEXT COLLATE "C" NOT NULL,
    ordinal             BIGINT           NOT NULL,
    kind                TEXT COLLATE "C" NOT NULL,
    value               TEXT COLLATE "C" NOT NULL,
    since               BIGINT           NOT NULL,
    given_at_creation   BIGINT           NOT NULL,
    confirmed_at        BIGINT,
    confirm_key_version BIGINT,
    confirm_mac         BYTEA,
    confirm_sent_at     BIGINT,
    confirm_expires_at  BIGINT,
    confirm_tries       BIGINT           NOT NULL DEFAULT 0,
    confirm_failures    BIGINT           NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX addresses_account ON addresses (tenant_id, account_id, ordinal);

-- One namespace of a tenant for user names and usable addresses, in the form in which they are compared. An address that
-- nobody vouched for is not here: it must not keep its owner out.
CREATE TABLE identifiers (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, value),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX identifiers_account ON identifiers (tenant_id, account_id);

CREATE TABLE account_external_ids (
    tenant_id  TEXT COLLATE "C" NOT NULL,
    dialect    TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, dialect, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX account_external_ids_account ON account_external_ids (tenant_id, account_id);

CREATE TABLE applications (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    rp_id       TEXT COLLATE "C",
    origins     TEXT COLLATE "C" NOT NULL,
    link_hosts  TEXT COLLATE "C" NOT NULL,
    return_urls TEXT COLLATE "C" NOT NULL,
    client_ids  TEXT COLLATE "C" NOT NULL,
    branding    TEXT COLLATE "C" NOT NULL,
    is_default  BIGINT           NOT NULL,
    created_at  BIGINT           NOT NULL,
    version     BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX applications_default ON applications (tenant_id) WHERE is_default = 1;
CREATE INDEX applications_created ON applications (tenant_id, created_at, id);

-- Which tenant a request's host means. A directory of the whole installation, as tenants is: no host means two tenants.
CREATE TABLE tenant_hosts (
    host      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id)
);

CREATE INDEX tenant_hosts_tenant ON tenant_hosts (tenant_id, host);
