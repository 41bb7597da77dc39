-- People who act on others: what they may do once they signed in with a passkey.

CREATE TABLE operators (
    tenant_id   TEXT   NOT NULL,
    account_id  TEXT   NOT NULL,
    permissions TEXT   NOT NULL,
    ceiling     TEXT   NOT NULL,
    expires_at  BIGINT,
    granted_at  BIGINT NOT NULL,
    granted_by  TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
