-- What it takes to send the messages that wait in the outbox.

-- Who is sending a row, and until when nobody else does. failing_since is when the first try failed.
ALTER TABLE outbox ADD COLUMN claimed_by TEXT COLLATE "C";
ALTER TABLE outbox ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN failing_since BIGINT;

-- Messages that never left. Nothing of what they said, or of where they went, is kept.
CREATE TABLE dead_letters (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C",
    created_at  BIGINT           NOT NULL,
    died_at     BIGINT           NOT NULL,
    attempts    BIGINT           NOT NULL,
    why         TEXT COLLATE "C" NOT NULL,
    smtp_code   BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX dead_letters_died ON dead_letters (tenant_id, died_at);

-- A mailed link has a typed code beside it. Wrong tries on that code are counted here and use up the code alone.
ALTER TABLE recovery_secrets ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
