-- What a tenant is to clients that speak OpenPGP with it: the URL it is called by, those it was called by before, and its own keys. The
-- secret halves are sealed. "openpgp" signs and decrypts, "access" signs access tokens.
CREATE TABLE openpgp_servers (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    domain     TEXT COLLATE "C" NOT NULL,
    aliases    TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE openpgp_server_keys (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES openpgp_servers (tenant_id),
    purpose     TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    public_key  TEXT COLLATE "C" NOT NULL,
    sealed      BYTEA            NOT NULL,
    created_at  BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
);
