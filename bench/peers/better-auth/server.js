// better-auth's own way back into an account, with a row of audit for every step: what happened is durable when the answer leaves, as it
// is in Sparekey. Its functions are called without its router, which costs it less.
// usage: node server.js HOST PORT-OF-POSTGRESQL USER DATABASE PORT
import { createServer } from 'node:http';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import pg from 'pg';

const [host, databasePort, user, database, port] = process.argv.slice(2);
const pool = new pg.Pool({ host, port: Number(databasePort), user, database, max: 64 });
const sent = new AsyncLocalStorage();
const auth = betterAuth({
  database: pool,
  baseURL: `http://127.0.0.1:${port}`,
  secret: 'a secret of this measurement alone, and long enough',
  logger: { level: 'error' },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    sendResetPassword: async ({ token }) => { sent.getStore().token = token; },
  },
});
await (await getMigrations(auth.options)).runMigrations();
await pool.query('CREATE TABLE audit (id uuid PRIMARY KEY, at timestamptz NOT NULL, event text NOT NULL, subject text NOT NULL, body text NOT NULL)');

const audit = (event, subject) => pool.query({
  name: 'audit',
  text: 'INSERT INTO audit (id, at, event, subject, body) VALUES ($1, $2, $3, $4, $5)',
  values: [randomUUID(), new Date(), event, subject, JSON.stringify({ event, subject, source: '127.0.0.1', facts: 'x'.repeat(350) })],
});

const routes = {
  'GET /healthz': async () => [200, {}],
  'POST /accounts': async ({ Email }) => {
    const context = await auth.$context;
    await context.internalAdapter.createUser({ email: Email, name: Email, emailVerified: true });
    return [201, {}];
  },
  'POST /forgot': async ({ Email }) => {
    const store = {};
    await sent.run(store, () => auth.api.requestPasswordReset({ body: { email: Email } }));
    await audit('reset_requested', Email);
    return [201, { email: Email, token: store.token }];
  },
  // What comes nearest to redeeming: the token is looked up, and nothing is hashed.
  'POST /verify': async ({ Email, Token }) => {
    const answer = await auth.api.requestPasswordResetCallback({ params: { token: Token }, query: { callbackURL: '/x' }, asResponse: true });
    if (!answer.headers.get('location')?.includes(`token=${Token}`)) {
      return [401, {}];
    }

    await audit('reset_verified', Email);
    return [200, {}];
  },
  'POST /reset': async ({ Email, Token, Password }) => {
    await auth.api.resetPassword({ body: { token: Token, newPassword: Password } });
    await audit('password_reset', Email);
    return [200, {}];
  },
};

createServer(async (request, response) => {
  let text = '';
  for await (const part of request) {
    text += part;
  }

  const route = routes[`${request.method} ${request.url}`];
  const [status, body] = route
    ? await route(text ? JSON.parse(text) : {}).catch((e) => [500, { error: String(e) }])
    : [404, {}];
  const answer = JSON.stringify(body);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
  response.end(answer);
}).listen(Number(port), '127.0.0.1');
