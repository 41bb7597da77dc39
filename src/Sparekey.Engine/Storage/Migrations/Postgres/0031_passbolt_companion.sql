-- What the companion of a tenant knows of the Passbolt server that it watches: the server's key as it was seen first, the organisation's
-- key as it was seen last, and what is wrong at the moment. server_key is null until that server has proved that it holds one.
CREATE TABLE passbolt_companions (
    tenant_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (id),
    server           TEXT COLLATE "C" NOT NULL,
    server_key       TEXT COLLATE "C",
    organisation_key TEXT COLLATE "C",
    alarm            TEXT COLLATE "C",
    alarm_at         BIGINT,
    fault            TEXT COLLATE "C",
    fault_since      BIGINT,
    looked_at        BIGINT,
    people_at        BIGINT
);

-- The people of that server and their public keys. state disabled is a person who was disabled there, account_disabled one whose account
-- the companion disabled with them, forgotten a person whose account was deleted here: they are not made anew.
CREATE TABLE passbolt_people (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    user_id     TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    made        BIGINT           NOT NULL,
    is_admin    BIGINT           NOT NULL,
    username    TEXT COLLATE "C",
    fingerprint TEXT COLLATE "C",
    public_key  TEXT COLLATE "C",
    seen_at     BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE UNIQUE INDEX passbolt_people_account ON passbolt_people (tenant_id, account_id);

-- Recoveries that were opened here and begin with a mail of that server's.
CREATE TABLE passbolt_starts (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, recovery_id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);
