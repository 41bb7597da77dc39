-- Text messages, calls and Slack, and messages that never left and can be sent again.

-- Which way a message takes: 'any' as long as it has no recipient yet.
ALTER TABLE outbox ADD COLUMN route TEXT COLLATE "C" NOT NULL DEFAULT 'any';

-- What a notice said is kept, sealed, so that it can be sent again. Of what carried a secret nothing is kept.
ALTER TABLE dead_letters ADD COLUMN route TEXT COLLATE "C" NOT NULL DEFAULT 'mail';
ALTER TABLE dead_letters ADD COLUMN sealed BYTEA;

-- A tenant's app in Slack. "sealed" holds its bot token and its signing secret; "position" is how far in the ledger its messages were made.
CREATE TABLE slack_apps (
    tenant_id       TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    base_url        TEXT COLLATE "C" NOT NULL,
    channel         TEXT COLLATE "C",
    approver_group  TEXT COLLATE "C",
    approve_in_chat BIGINT           NOT NULL,
    team_id         TEXT COLLATE "C",
    enterprise_id   TEXT COLLATE "C",
    position        BIGINT           NOT NULL,
    changed_at      BIGINT           NOT NULL,
    version         BIGINT           NOT NULL,
    sealed          BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- One row for each question and whom it is put to: the account's own person, or somebody who approves ("target" is an account, or the
-- channel). It says nothing itself: what it shows is read when it leaves. "revision" rises when there is something new to show;
-- conversation and ts are where the message stands in Slack.
CREATE TABLE slack_messages (
    tenant_id     TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    recovery_id   TEXT COLLATE "C" NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    target        TEXT COLLATE "C" NOT NULL,
    conversation  TEXT COLLATE "C",
    ts            TEXT COLLATE "C",
    shown         TEXT COLLATE "C",
    state         TEXT COLLATE "C" NOT NULL,
    revision      BIGINT           NOT NULL DEFAULT 1,
    created_at    BIGINT           NOT NULL,
    due_at        BIGINT,
    attempts      BIGINT           NOT NULL DEFAULT 0,
    failing_since BIGINT,
    fault         TEXT COLLATE "C",
    ended_at      BIGINT,
    claimed_by    TEXT COLLATE "C",
    claimed_until BIGINT           NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE UNIQUE INDEX slack_messages_once ON slack_messages (tenant_id, recovery_id, role, target);
CREATE INDEX slack_messages_due ON slack_messages (tenant_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX slack_messages_made ON slack_messages (tenant_id, created_at);
CREATE INDEX slack_messages_account ON slack_messages (tenant_id, account_id, created_at);

-- Buttons that were pressed. The id is the hash of Slack's signature: a request that is sent again is the same row.
CREATE TABLE slack_presses (
    tenant_id     TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    message_id    TEXT COLLATE "C" NOT NULL,
    recovery_id   TEXT COLLATE "C" NOT NULL,
    digest        TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    user_id       TEXT COLLATE "C" NOT NULL,
    conversation  TEXT COLLATE "C" NOT NULL,
    ts            TEXT COLLATE "C" NOT NULL,
    pressed_at    BIGINT           NOT NULL,
    due_at        BIGINT,
    outcome       TEXT COLLATE "C",
    claimed_by    TEXT COLLATE "C",
    claimed_until BIGINT           NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX slack_presses_due ON slack_presses (tenant_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX slack_presses_made ON slack_presses (tenant_id, pressed_at);
