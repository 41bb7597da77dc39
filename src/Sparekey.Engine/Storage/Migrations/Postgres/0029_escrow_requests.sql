-- The tokens that are mailed to people who want their escrowed key back: the hash of each, bound to one account. state is active or why
-- it ended; a token that ended stays for a while, so that its holder is told so.
CREATE TABLE escrow_tokens (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id_hash    TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    ended_at   BIGINT,
    PRIMARY KEY (tenant_id, id_hash),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);

CREATE INDEX escrow_tokens_account ON escrow_tokens (tenant_id, account_id);

-- What an escrow recovery has besides: the key that the person's device made for it, where it came from, how it stands to clients, and
-- when its answer was fetched first. The key names its person: it is empty after their account was deleted.
-- Requests that were pulled from another server carry what that server said, the wrapped password sealed.
CREATE TABLE escrow_requests (
    tenant_id         TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id                TEXT COLLATE "C" NOT NULL,
    recovery_id       TEXT COLLATE "C" NOT NULL,
    account_id        TEXT COLLATE "C" NOT NULL,
    origin            TEXT COLLATE "C" NOT NULL,
    status            TEXT COLLATE "C" NOT NULL,
    request_key       TEXT COLLATE "C" NOT NULL,
    fingerprint       TEXT COLLATE "C" NOT NULL,
    token_hash        TEXT COLLATE "C",
    token_sealed      BYTEA,
    created_at        BIGINT           NOT NULL,
    modified_at       BIGINT           NOT NULL,
    modified_by       TEXT COLLATE "C" NOT NULL,
    remote_id         TEXT COLLATE "C",
    remote_account_id TEXT COLLATE "C",
    private_key_id    TEXT COLLATE "C",
    password_id       TEXT COLLATE "C",
    password_sealed   BYTEA,
    domain            TEXT COLLATE "C",
    recipient         TEXT COLLATE "C",
    owner_fingerprint TEXT COLLATE "C",
    responder_key_id  TEXT COLLATE "C",
    outcome           TEXT COLLATE "C",
    posted_at         BIGINT,
    fetched_at        BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE UNIQUE INDEX escrow_requests_recovery ON escrow_requests (tenant_id, recovery_id);
CREATE UNIQUE INDEX escrow_requests_remote ON escrow_requests (tenant_id, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX escrow_requests_account ON escrow_requests (tenant_id, account_id, created_at);
CREATE INDEX escrow_requests_created ON escrow_requests (tenant_id, created_at, id);
CREATE INDEX escrow_requests_token ON escrow_requests (tenant_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX escrow_requests_unposted ON escrow_requests (tenant_id, origin, status) WHERE posted_at IS NULL;

-- The answer to a request: the escrowed secret, encrypted to the request key, sealed besides. held is 1 while policy's own demands are
-- open. sealed is NULL for a rejection and after the person is done.
CREATE TABLE escrow_answers (
    tenant_id        TEXT COLLATE "C" NOT NULL,
    id               TEXT COLLATE "C" NOT NULL,
    request_id       TEXT COLLATE "C" NOT NULL,
    status           TEXT COLLATE "C" NOT NULL,
    held             BIGINT           NOT NULL,
    responder        TEXT COLLATE "C" NOT NULL,
    responder_key_id TEXT COLLATE "C" NOT NULL,
    sealed           BYTEA,
    created_at       BIGINT           NOT NULL,
    modified_at      BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES escrow_requests (tenant_id, id)
);

CREATE UNIQUE INDEX escrow_answers_request ON escrow_answers (tenant_id, request_id);
