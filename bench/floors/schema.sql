-- The tables that the floors write: columns, keys and indexes of Sparekey's own tables of the same names as they were when this was
-- frozen, in SQL that PostgreSQL and SQLite understand. What is a BYTEA or BLOB there is a text of the same length here.
-- Frozen: a floor that moves with the code it is held against says nothing. What the real tables gained since is their own cost.

CREATE TABLE accounts (
    tenant_id TEXT NOT NULL,
    id        TEXT NOT NULL,
    role      TEXT NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE access_tokens (
    tenant_id          TEXT    NOT NULL,
    id                 TEXT    NOT NULL,
    service_account_id TEXT    NOT NULL,
    key_version        INTEGER NOT NULL,
    mac                TEXT    NOT NULL,
    permissions        TEXT    NOT NULL,
    ceiling            TEXT    NOT NULL,
    per_minute         INTEGER NOT NULL,
    created_at         BIGINT  NOT NULL,
    created_by         TEXT    NOT NULL,
    expires_at         BIGINT  NOT NULL,
    last_used_at       BIGINT,
    revoked_at         BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX access_tokens_service_account ON access_tokens (tenant_id, service_account_id);
CREATE INDEX access_tokens_created ON access_tokens (tenant_id, created_at, id);

CREATE TABLE recoveries (
    tenant_id      TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    application_id TEXT    NOT NULL,
    requested_by   TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    created_at     BIGINT  NOT NULL,
    due_at         BIGINT,
    closed_at      BIGINT,
    body           TEXT    NOT NULL,
    call_key       TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX recoveries_created ON recoveries (tenant_id, created_at, id);
CREATE INDEX recoveries_account ON recoveries (tenant_id, account_id, created_at, id);
CREATE INDEX recoveries_due ON recoveries (tenant_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE recovery_secrets (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    means       TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         TEXT    NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    split       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);
CREATE INDEX recovery_secrets_recovery ON recovery_secrets (tenant_id, recovery_id);
CREATE INDEX recovery_secrets_account ON recovery_secrets (tenant_id, account_id, means);

CREATE TABLE redemptions (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);
CREATE INDEX redemptions_recovery ON redemptions (tenant_id, recovery_id);

CREATE TABLE ledger_entries (
    tenant_id   TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    event       TEXT   NOT NULL,
    account_id  TEXT,
    recovery_id TEXT,
    actor_id    TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    leaf_hash   TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE outbox (
    tenant_id     TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    recovery_id   TEXT,
    created_at    BIGINT  NOT NULL,
    due_at        BIGINT  NOT NULL,
    expires_at    BIGINT,
    attempts      INTEGER NOT NULL,
    sealed        TEXT    NOT NULL,
    route         TEXT    NOT NULL DEFAULT 'any',
    claimed_by    TEXT,
    claimed_until BIGINT  NOT NULL DEFAULT 0,
    failing_since BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_due ON outbox (tenant_id, due_at);
CREATE INDEX outbox_recovery ON outbox (tenant_id, recovery_id);

-- 64 access tokens, 100 000 accounts, each with a recovery whose secret can be redeemed.

WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 64)
INSERT INTO access_tokens
SELECT 'default', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), '652cfbcd-a5c9-4dc4-9300-66ce25bfa71a', 1, 'k5c638039b317c9349f614f180b0b0c8',
    'account:read account:write ledger:read policy:read recovery:issue recovery:read recovery:request', 'admin', 1000000, 1795329337589,
    'local-operator', 1795932937589, NULL, NULL
FROM s;

WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100000)
INSERT INTO accounts SELECT 'default', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), 'user', 1 FROM s;

WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100000)
INSERT INTO recoveries
SELECT 'default', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), '41f51dd9-ff46-482f-9389-f00cc4c02465', '652cfbcd-a5c9-4dc4-9300-66ce25bfa71a',
    'issued', 2, 1795329337589 + i, 1795588537589 + i, NULL,
    '{"id"="775adf30-5671-40be-b635-d31ab3452980","tenant"="default","request"={"account"="8afcb204-e38f-48bf-9a97-70856b96c9a8","account_version"=1,"application"="41f51dd9-ff46-482f-9389-f00cc4c02465","means"="token","channel"="return","lifetime"="01=00=00","revoke"=["sessions"]},"requested_by"={"kind"="service_account","id"="652cfbcd-a5c9-4dc4-9300-66ce25bfa71a","owner_id"="local-operator"},"created_at"="2026-11-22T06=35=46.476+00=00","open_until"="2026-11-25T06=35=46.476+00=00","source"="127.0.0.1","state"="issued","requirements"=[],"secret"={"number"=1,"issued_at"="2026-11-22T06=35=46.476+00=00","expires_at"="2026-11-22T07=35=46.476+00=00","usable"=true,"tries"=0,"handle_tries"=0,"redemptions"=0},"last_generation"=1,"version"=2,"digest"="y8QeGlKmn7yb3MdBdXmHsHASoM-bXZZmkbjEbVw393c","decision_digest"="yGRkv3Fb5F7tALyFyvHbI1kV7DQHn8YOHb2bvwf-XOY","is_closed"=false,"is_split"=false,"was_proved_by_saved_code"=false}', NULL
FROM s;

WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100000)
INSERT INTO recovery_secrets
SELECT 'default', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + i AS TEXT), 'token', 1, 'k5c638039b317c9349f614f180b0b0c8', 0, 0
FROM s;
