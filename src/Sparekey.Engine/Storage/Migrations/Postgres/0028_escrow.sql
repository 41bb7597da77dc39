-- Escrow: people's private keys, which a key of the organisation can give back to them.

-- Organisation keys. A row stays for ever, so that no key is in force twice: 'next' is the aim of a rotation that goes on, 'abandoned' of one
-- that was given up, 'retired' went without a revocation. revoked_armored is the key with its revocation.
CREATE TABLE escrow_keys (
    tenant_id        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id               TEXT COLLATE "C" NOT NULL,
    fingerprint      TEXT COLLATE "C" NOT NULL,
    armored          TEXT COLLATE "C" NOT NULL,
    revoked_armored  TEXT COLLATE "C",
    state            TEXT COLLATE "C" NOT NULL,
    created_at       BIGINT           NOT NULL,
    created_by_kind  TEXT COLLATE "C" NOT NULL,
    created_by       TEXT COLLATE "C" NOT NULL,
    created_by_owner TEXT COLLATE "C",
    modified_at      BIGINT           NOT NULL,
    modified_by      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_keys_fingerprint ON escrow_keys (tenant_id, fingerprint);
CREATE UNIQUE INDEX escrow_keys_active ON escrow_keys (tenant_id) WHERE state = 'active';

-- Policies of escrow, one in force: the one without an end. Where disabling can still be undone, undo_until says until when, and
-- undo_policy_id names the policy that would come back.
CREATE TABLE escrow_policies (
    tenant_id        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id               TEXT COLLATE "C" NOT NULL,
    mode             TEXT COLLATE "C" NOT NULL,
    key_id           TEXT COLLATE "C",
    created_at       BIGINT           NOT NULL,
    created_by_kind  TEXT COLLATE "C" NOT NULL,
    created_by       TEXT COLLATE "C" NOT NULL,
    created_by_owner TEXT COLLATE "C",
    ended_at         BIGINT,
    undo_until       BIGINT,
    undo_policy_id   TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, key_id) REFERENCES escrow_keys (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_policies_current ON escrow_policies (tenant_id) WHERE ended_at IS NULL;
CREATE INDEX escrow_policies_undo ON escrow_policies (tenant_id, undo_until) WHERE undo_until IS NOT NULL;

-- People's own OpenPGP public keys. A row whose key was replaced stays with deleted_at, and may come back to the same person.
CREATE TABLE openpgp_keys (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    armored     TEXT COLLATE "C" NOT NULL,
    algorithm   TEXT COLLATE "C" NOT NULL,
    bits        BIGINT           NOT NULL,
    user_name   TEXT COLLATE "C" NOT NULL,
    made_at     BIGINT           NOT NULL,
    expires_at  BIGINT,
    created_at  BIGINT           NOT NULL,
    modified_at BIGINT           NOT NULL,
    deleted_at  BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX openpgp_keys_fingerprint ON openpgp_keys (tenant_id, fingerprint);
CREATE UNIQUE INDEX openpgp_keys_account ON openpgp_keys (tenant_id, account_id) WHERE deleted_at IS NULL;
CREATE INDEX openpgp_keys_modified ON openpgp_keys (tenant_id, modified_at, id);

-- What people said: approved or rejected. parked_in is the id of the disabled policy under which a row waits to be undone or deleted; such
-- a row is nowhere to be found.
CREATE TABLE escrow_enrolments (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT           NOT NULL,
    modified_at BIGINT           NOT NULL,
    parked_in   TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_enrolments_account ON escrow_enrolments (tenant_id, account_id) WHERE parked_in IS NULL;
CREATE INDEX escrow_enrolments_parked ON escrow_enrolments (tenant_id, parked_in) WHERE parked_in IS NOT NULL;
CREATE INDEX escrow_enrolments_created ON escrow_enrolments (tenant_id, created_at, id);

-- The first half of an escrow: a private key, encrypted with a secret that is in the second half. fingerprint is of that key, as the
-- person's key was when they enrolled.
CREATE TABLE escrow_blobs (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id           TEXT COLLATE "C" NOT NULL,
    account_id   TEXT COLLATE "C" NOT NULL,
    enrolment_id TEXT COLLATE "C" NOT NULL,
    fingerprint  TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT           NOT NULL,
    modified_at  BIGINT           NOT NULL,
    parked_in    TEXT COLLATE "C",
    sealed       BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    FOREIGN KEY (tenant_id, enrolment_id) REFERENCES escrow_enrolments (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_blobs_account ON escrow_blobs (tenant_id, account_id) WHERE parked_in IS NULL;
CREATE INDEX escrow_blobs_enrolment ON escrow_blobs (tenant_id, enrolment_id);

-- The second half: that secret, encrypted to an organisation key, under another key of the key ring. While a rotation goes on, a private
-- key has two: one to the key in force and one to the next.
CREATE TABLE escrow_passwords (
    tenant_id      TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id             TEXT COLLATE "C" NOT NULL,
    private_key_id TEXT COLLATE "C" NOT NULL,
    key_id         TEXT COLLATE "C" NOT NULL,
    fingerprint    TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT           NOT NULL,
    created_by     TEXT COLLATE "C" NOT NULL,
    modified_at    BIGINT           NOT NULL,
    sealed         BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, private_key_id) REFERENCES escrow_blobs (tenant_id, id),
    FOREIGN KEY (tenant_id, key_id) REFERENCES escrow_keys (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_passwords_one ON escrow_passwords (tenant_id, private_key_id, key_id);
CREATE INDEX escrow_passwords_key ON escrow_passwords (tenant_id, key_id, private_key_id);

-- Rotations of the organisation key; one goes on at a time. What is done stands in escrow_passwords.
CREATE TABLE escrow_rotations (
    tenant_id        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id               TEXT COLLATE "C" NOT NULL,
    from_key_id      TEXT COLLATE "C" NOT NULL,
    to_key_id        TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    started_at       BIGINT           NOT NULL,
    started_by_kind  TEXT COLLATE "C" NOT NULL,
    started_by       TEXT COLLATE "C" NOT NULL,
    started_by_owner TEXT COLLATE "C",
    ended_at         BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, from_key_id) REFERENCES escrow_keys (tenant_id, id),
    FOREIGN KEY (tenant_id, to_key_id) REFERENCES escrow_keys (tenant_id, id)
);
CREATE UNIQUE INDEX escrow_rotations_running ON escrow_rotations (tenant_id) WHERE state = 'running';

-- Test escrows, by which whoever holds the organisation key shows that it opens what is encrypted to it. key_version and mac are of what
-- the test escrow holds.
CREATE TABLE escrow_drills (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    key_id      TEXT COLLATE "C" NOT NULL,
    key_version BIGINT           NOT NULL,
    mac         BYTEA            NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    tries       BIGINT           NOT NULL,
    started_at  BIGINT           NOT NULL,
    started_by  TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT           NOT NULL,
    ended_at    BIGINT,
    ended_by    TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, key_id) REFERENCES escrow_keys (tenant_id, id)
);
CREATE INDEX escrow_drills_started ON escrow_drills (tenant_id, started_at, id);
