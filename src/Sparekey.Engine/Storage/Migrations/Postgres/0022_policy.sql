-- Stopping all recoveries, what was counted against limits of velocity, and changes of policy that others agree to.

-- One row while recoveries are stopped.
CREATE TABLE recovery_stops (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    stopped_at BIGINT           NOT NULL,
    stopped_by TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- One row for each thing that a recovery is counted for, while a limit counts such things.
CREATE TABLE velocity_uses (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    scope     TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    used_at   BIGINT           NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, scope, subject, used_at, id)
);

CREATE INDEX velocity_uses_id ON velocity_uses (tenant_id, id);
CREATE INDEX velocity_uses_age ON velocity_uses (tenant_id, used_at);

-- Until when it is known that a limit is exceeded: the ledger says it once in that time.
CREATE TABLE velocity_alarms (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    limit_name  TEXT COLLATE "C" NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    known_until BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, limit_name, subject)
);

CREATE INDEX velocity_alarms_age ON velocity_alarms (tenant_id, known_until);

-- body is the proposed change as JSON, its document and who agreed included.
CREATE TABLE policy_changes (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    proposed_by TEXT COLLATE "C" NOT NULL,
    proposed_at BIGINT           NOT NULL,
    ended_at    BIGINT,
    version     BIGINT           NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX policy_changes_newest ON policy_changes (tenant_id, proposed_at, id);
