-- What follows from "this was not me", and what reminds of what is about to end.

-- Tokens of notices: one for each address that was told. recovery_id is null where the notice told of a change of the account itself.
-- verified_at is since when the address was known to be the person's. look_at is when to ask again whether the token is over.
CREATE TABLE repudiation_tokens (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C",
    verified_at BIGINT,
    key_version BIGINT           NOT NULL,
    mac         BYTEA            NOT NULL,
    created_at  BIGINT           NOT NULL,
    used_at     BIGINT,
    froze_at    BIGINT,
    look_at     BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);
CREATE INDEX repudiation_tokens_look ON repudiation_tokens (tenant_id, look_at);
CREATE INDEX repudiation_tokens_recovery ON repudiation_tokens (tenant_id, recovery_id);
CREATE INDEX repudiation_tokens_account ON repudiation_tokens (tenant_id, account_id);

-- One open incident for each account: who says it again adds to it. said_at is when they last said it.
CREATE TABLE incidents (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    opened_at  BIGINT           NOT NULL,
    said_at    BIGINT           NOT NULL,
    times      BIGINT           NOT NULL,
    closed_at  BIGINT,
    closed_by  TEXT COLLATE "C",
    comment    TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX incidents_open ON incidents (tenant_id, account_id) WHERE state = 'open';
CREATE INDEX incidents_opened ON incidents (tenant_id, opened_at, id);
CREATE INDEX incidents_account ON incidents (tenant_id, account_id, said_at);

-- What it was said of, and how that stood then.
CREATE TABLE incident_recoveries (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    incident_id TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, incident_id, recovery_id),
    FOREIGN KEY (tenant_id, incident_id) REFERENCES incidents (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

-- Accounts that were frozen, and who asks to lift that. A row stays when it is lifted.
CREATE TABLE account_freezes (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id            TEXT COLLATE "C" NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    status_before TEXT COLLATE "C" NOT NULL,
    frozen_at     BIGINT           NOT NULL,
    frozen_by     TEXT COLLATE "C" NOT NULL,
    by_kind       TEXT COLLATE "C" NOT NULL,
    reason        TEXT COLLATE "C",
    lift_id       TEXT COLLATE "C",
    lift_at       BIGINT,
    lift_kind     TEXT COLLATE "C",
    lift_by       TEXT COLLATE "C",
    lift_owner    TEXT COLLATE "C",
    lift_reason   TEXT COLLATE "C",
    lifted_at     BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX account_freezes_now ON account_freezes (tenant_id, account_id) WHERE lifted_at IS NULL;
CREATE INDEX account_freezes_account ON account_freezes (tenant_id, account_id, frozen_at);

-- Which process does a piece of work that needs one alone, and until when nobody else does.
CREATE TABLE leases (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    holder     TEXT COLLATE "C" NOT NULL,
    held_until BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- What was reminded of: the row is what keeps a second reminder from leaving.
CREATE TABLE reminders (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    kind      TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    sent_at   BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, kind, subject)
);
CREATE INDEX reminders_sent ON reminders (tenant_id, sent_at);
