-- What it takes to send the messages that wait in the outbox, and to take back what was done in a person's name.

-- Who is sending a row, and until when nobody else does. failing_since is when the first try failed.
ALTER TABLE outbox ADD COLUMN claimed_by TEXT;
ALTER TABLE outbox ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN failing_since BIGINT;

-- Messages that never left. Nothing of what they said, or of where they went, is kept.
CREATE TABLE dead_letters (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (id),
    id          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    recovery_id TEXT,
    created_at  BIGINT  NOT NULL,
    died_at     BIGINT  NOT NULL,
    attempts    INTEGER NOT NULL,
    why         TEXT    NOT NULL,
    smtp_code   INTEGER,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX dead_letters_died ON dead_letters (tenant_id, died_at);

-- One keyed hash per notice of a recovery: its token says "this was not me". look_at is when to ask again whether it is over.
CREATE TABLE repudiation_tokens (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    used_at     BIGINT,
    look_at     BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX repudiation_tokens_look ON repudiation_tokens (tenant_id, look_at);
CREATE INDEX repudiation_tokens_recovery ON repudiation_tokens (tenant_id, recovery_id);

-- A mailed link has a typed code beside it. Wrong tries on that code are counted here and use up the code alone.
ALTER TABLE recovery_secrets ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
