-- Policy by version, recoveries, their live secrets and redemptions.

CREATE TABLE policies (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    version    BIGINT           NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- body is the aggregate as JSON; the other columns are what is searched for, written with it.
CREATE TABLE recoveries (
    tenant_id      TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id             TEXT COLLATE "C" NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL,
    application_id TEXT COLLATE "C" NOT NULL,
    requested_by   TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    version        BIGINT           NOT NULL,
    created_at     BIGINT           NOT NULL,
    due_at         BIGINT,
    closed_at      BIGINT,
    body           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX recoveries_created ON recoveries (tenant_id, created_at, id);
CREATE INDEX recoveries_account ON recoveries (tenant_id, account_id, created_at, id);
-- What time alone will end, in the order in which it will.
CREATE INDEX recoveries_due ON recoveries (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- The live generation of a recovery's secret, as a keyed hash; deleted with its end.
CREATE TABLE recovery_secrets (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    means       TEXT COLLATE "C" NOT NULL,
    key_version BIGINT           NOT NULL,
    mac         BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX recovery_secrets_recovery ON recovery_secrets (tenant_id, recovery_id);
CREATE INDEX recovery_secrets_account ON recovery_secrets (tenant_id, account_id, means);

-- The live redemption of a recovery, as a keyed hash of its token; deleted with its end.
CREATE TABLE redemptions (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C" NOT NULL,
    key_version BIGINT           NOT NULL,
    mac         BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX redemptions_recovery ON redemptions (tenant_id, recovery_id);
