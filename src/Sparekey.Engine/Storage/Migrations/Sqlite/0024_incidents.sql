-- What follows from "this was not me", and what reminds of what is about to end.

-- Tokens of notices: one for each address that was told. recovery_id is null where the notice told of a change of the account itself.
-- verified_at is since when the address was known to be the person's. look_at is when to ask again whether the token is over.
DROP INDEX repudiation_tokens_look;
DROP INDEX repudiation_tokens_recovery;
ALTER TABLE repudiation_tokens RENAME TO repudiation_tokens_before;
CREATE TABLE repudiation_tokens (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    recovery_id TEXT,
    verified_at BIGINT,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    created_at  BIGINT  NOT NULL,
    used_at     BIGINT,
    froze_at    BIGINT,
    look_at     BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);
INSERT INTO repudiation_tokens (tenant_id, id, account_id, recovery_id, key_version, mac, created_at, used_at, look_at)
SELECT t.tenant_id, t.id, r.account_id, t.recovery_id, t.key_version, t.mac, r.created_at, t.used_at, t.look_at
FROM repudiation_tokens_before t JOIN recoveries r ON r.tenant_id = t.tenant_id AND r.id = t.recovery_id;
DROP TABLE repudiation_tokens_before;
CREATE INDEX repudiation_tokens_look ON repudiation_tokens (tenant_id, look_at);
CREATE INDEX repudiation_tokens_recovery ON repudiation_tokens (tenant_id, recovery_id);
CREATE INDEX repudiation_tokens_account ON repudiation_tokens (tenant_id, account_id);

-- One open incident for each account: who says it again adds to it. said_at is when they last said it.
CREATE TABLE incidents (
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    id         TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    opened_at  BIGINT  NOT NULL,
    said_at    BIGINT  NOT NULL,
    times      INTEGER NOT NULL,
    closed_at  BIGINT,
    closed_by  TEXT,
    comment    TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX incidents_open ON incidents (tenant_id, account_id) WHERE state = 'open';
CREATE INDEX incidents_opened ON incidents (tenant_id, opened_at, id);
CREATE INDEX incidents_account ON incidents (tenant_id, account_id, said_at);

-- What it was said of, and how that stood then.
CREATE TABLE incident_recoveries (
    tenant_id   TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    recovery_id TEXT NOT NULL,
    state       TEXT NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, recovery_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

-- Accounts that were frozen, and who asks to lift that. A row stays when it is lifted.
CREATE TABLE account_freezes (
    tenant_id     TEXT   NOT NULL REFERENCES tenants (id),
    id            TEXT   NOT NULL,
    account_id    TEXT   NOT NULL,
    status_before TEXT   NOT NULL,
    frozen_at     BIGINT NOT NULL,
    frozen_by     TEXT   NOT NULL,
    by_kind       TEXT   NOT NULL,
    reason        TEXT,
    lift_id       TEXT,
    lift_at       BIGINT,
    lift_kind     TEXT,
    lift_by       TEXT,
    lift_owner    TEXT,
    lift_reason   TEXT,
    lifted_at     BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX account_freezes_now ON account_freezes (tenant_id, account_id) WHERE lifted_at IS NULL;
CREATE INDEX account_freezes_account ON account_freezes (tenant_id, account_id, frozen_at);

-- Which process does a piece of work that needs one alone, and until when nobody else does.
CREATE TABLE leases (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    name       TEXT   NOT NULL,
    holder     TEXT   NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- What was reminded of: the row is what keeps a second reminder from leaving.
CREATE TABLE reminders (
    tenant_id TEXT   NOT NULL REFERENCES tenants (id),
    kind      TEXT   NOT NULL,
    subject   TEXT   NOT NULL,
    sent_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, subject)
);
CREATE INDEX reminders_sent ON reminders (tenant_id, sent_at);
