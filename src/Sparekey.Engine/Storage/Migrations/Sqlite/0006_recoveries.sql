-- Policy by version, recoveries, their live secrets and redemptions.

CREATE TABLE policies (
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    version    INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    created_by TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- body is the aggregate as JSON; the other columns are what is searched for, written with it.
CREATE TABLE recoveries (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (id),
    id           TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    application_id TEXT  NOT NULL,
    requested_by TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    created_at   BIGINT  NOT NULL,
    due_at       BIGINT,
    closed_at    BIGINT,
    body         TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX recoveries_created ON recoveries (tenant_id, created_at, id);
CREATE INDEX recoveries_account ON recoveries (tenant_id, account_id, created_at, id);
-- What time alone will end, in the order in which it will.
CREATE INDEX recoveries_due ON recoveries (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- The live generation of a recovery's secret, as a keyed hash; deleted with its end.
CREATE TABLE recovery_secrets (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    means       TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX recovery_secrets_recovery ON recovery_secrets (tenant_id, recovery_id);
CREATE INDEX recovery_secrets_account ON recovery_secrets (tenant_id, account_id, means);

-- The live redemption of a recovery, as a keyed hash of its token; deleted with its end.
CREATE TABLE redemptions (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX redemptions_recovery ON redemptions (tenant_id, recovery_id);
