-- What a mint cannot do without: the caller's access token is read; a recovery, its ledger entry and its notice are written, durably and
-- together. Rows are as long as Sparekey's. One transaction, a round trip for each statement, as pgbench and most programmes do it.
-- Frozen before anything was tuned, and never changed since: only so does a ratio to it mean the same in every run. (pgbench takes what
-- follows a colon for a variable of its own, also within a text: the rows say = instead.)

\set token random(1, 64)
\set account random(1, 100000)
BEGIN;
SELECT t.* FROM access_tokens t WHERE t.tenant_id = 'default' AND t.id = substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :token AS TEXT);
INSERT INTO recoveries
    (tenant_id, id, account_id, application_id, requested_by, state, version, created_at, due_at, closed_at, body)
VALUES ('default', CAST(gen_random_uuid() AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT), '41f51dd9-ff46-482f-9389-f00cc4c02465',
    '652cfbcd-a5c9-4dc4-9300-66ce25bfa71a', 'issued', 2, 1795329337589, 1795588537589, NULL,
    '{"id"="775adf30-5671-40be-b635-d31ab3452980","tenant"="default","request"={"account"="8afcb204-e38f-48bf-9a97-70856b96c9a8","account_version"=1,"application"="41f51dd9-ff46-482f-9389-f00cc4c02465","means"="token","channel"="return","lifetime"="01=00=00","revoke"=["sessions"]},"requested_by"={"kind"="service_account","id"="652cfbcd-a5c9-4dc4-9300-66ce25bfa71a","owner_id"="local-operator"},"created_at"="2026-11-22T06=35=46.476+00=00","open_until"="2026-11-25T06=35=46.476+00=00","source"="127.0.0.1","state"="issued","requirements"=[],"secret"={"number"=1,"issued_at"="2026-11-22T06=35=46.476+00=00","expires_at"="2026-11-22T07=35=46.476+00=00","usable"=true,"tries"=0,"handle_tries"=0,"redemptions"=0},"last_generation"=1,"version"=2,"digest"="y8QeGlKmn7yb3MdBdXmHsHASoM-bXZZmkbjEbVw393c","decision_digest"="yGRkv3Fb5F7tALyFyvHbI1kV7DQHn8YOHb2bvwf-XOY","is_closed"=false,"is_split"=false,"was_proved_by_saved_code"=false}');
INSERT INTO ledger_entries (tenant_id, id, at, event, account_id, recovery_id, actor_id, body, leaf_hash)
VALUES ('default', CAST(gen_random_uuid() AS TEXT), 1795329337589, 'recovery_issued', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT), CAST(gen_random_uuid() AS TEXT),
    '652cfbcd-a5c9-4dc4-9300-66ce25bfa71a',
    '{"account"="20f14d30-00f8-47b7-b7bf-836d97100d33","actor"={"id"="b317c934-9f61-4f18-8b0b-94b89421a876","kind"="service_account","owner"="local-operator"},"at"=1795329337589,"event"="recovery_issued","facts"={"correlation_id"="16b62bff2513c9abe2c88ce3","expires_at"=1795332937589,"generation"=1,"rules"=[],"usable"=true},"id"="5c638039-4dfc-4264-8806-0af3dc79344d","recovery"="c239af12-6f0d-46d8-af71-844a17ecdc8f","tenant"="default","texts"={"source"="22ea2597d2a255e5a028d1a95293d922179e884d9cc896b85f75fc647f1a6010"},"v"=1}',
    'k5c638039b317c9349f614f180b0b0c8');
INSERT INTO outbox (tenant_id, id, kind, account_id, recovery_id, created_at, due_at, expires_at, attempts, sealed, route)
VALUES ('default', CAST(gen_random_uuid() AS TEXT), 'recovery_issued_notice', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT), CAST(gen_random_uuid() AS TEXT),
    1795329337589, 1795329337589, NULL, 0,
    'k5c638039b317c9349f614f180b0b0c8k5c638039b317c9349f614f180b0b0c8k5c638039b317c9349f614f180b0b0c8k5c638039b317c9349f614f180b0b0c8k5c638039b317c9349f614f180b', 'any');
COMMIT;
