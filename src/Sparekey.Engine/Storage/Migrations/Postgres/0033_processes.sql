-- Who uses this installation now, and which keys each holds: a key is put in force when all hold it.
CREATE TABLE processes (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL,
    seen_at      BIGINT           NOT NULL,
    key_versions TEXT COLLATE "C" NOT NULL,
    active_key   BIGINT           NOT NULL
);
