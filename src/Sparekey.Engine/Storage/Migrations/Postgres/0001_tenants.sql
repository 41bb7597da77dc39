-- The organisations this installation serves, and what it knows about itself.

CREATE TABLE tenants (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at BIGINT           NOT NULL
);

-- Values of the whole installation by name, such as the check value of each version of the key ring. Holds no secret.
CREATE TABLE installation (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
