-- Keys that sign proofs, per tenant. The private half is sealed.
CREATE TABLE signing_keys (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL,
    public_jwk TEXT COLLATE "C" NOT NULL,
    sealed     BYTEA            NOT NULL,
    created_at BIGINT           NOT NULL,
    retired_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
