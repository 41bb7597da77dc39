-- One keyed hash per address that was asked whether a recovery is its person's: its token confirms it, or stops it, once. Deleted with
-- the recovery's end.
CREATE TABLE confirmation_tokens (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C" NOT NULL,
    address_id  TEXT COLLATE "C" NOT NULL,
    key_version BIGINT           NOT NULL,
    mac         BYTEA            NOT NULL,
    created_at  BIGINT           NOT NULL,
    used_at     BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX confirmation_tokens_recovery ON confirmation_tokens (tenant_id, recovery_id);
