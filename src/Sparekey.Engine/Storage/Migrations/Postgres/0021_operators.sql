-- People who act on others: what they may do once they signed in with a passkey.

CREATE TABLE operators (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    ceiling     TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT,
    granted_at  BIGINT           NOT NULL,
    granted_by  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
