-- Saved recovery codes: one row a code of a person's set, which is one credential. name says which code it is and is no secret; mac is a
-- keyed hash of the rest. A spent code keeps its row, so that its recovery can still be found by it; with the set all of them go.

CREATE TABLE recovery_codes (
    tenant_id     TEXT COLLATE "C" NOT NULL,
    credential_id TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    key_version   BIGINT           NOT NULL,
    mac           BYTEA            NOT NULL,
    tries         BIGINT           NOT NULL,
    recovery_id   TEXT COLLATE "C",
    spent_at      BIGINT,
    PRIMARY KEY (tenant_id, credential_id, name),
    FOREIGN KEY (tenant_id, credential_id) REFERENCES credentials (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE UNIQUE INDEX recovery_codes_recovery ON recovery_codes (tenant_id, recovery_id) WHERE recovery_id IS NOT NULL;
CREATE UNIQUE INDEX credentials_one_recovery_codes ON credentials (tenant_id, account_id) WHERE kind = 'recovery_codes';
